//! The HTTP surface of the Crisp integration, as routes that any axum service can mount.
//!
//! A handler is an async function that takes what it needs from the request and answers with a value or a
//! [`Problem`]. It becomes a route by being added to [`Routes`](routes::Routes), which asks who may use it; it is
//! served as part of an [`App`], which puts before every handler what none of them repeats: the verification of the
//! caller's token, the size of the body, a place among the requests that run at a time, an id, a span, metrics.
//!
//! ```
//! use crisp_http::auth::{Caller, Permission, Verifier};
//! use crisp_http::routes::{Access, Guards, LimitOptions, Limits, Routes};
//! use crisp_http::{App, Code, List, Paging, Problem};
//! use utoipa_axum::routes;
//!
//! /// Lists numbers, after the last one seen.
//! #[utoipa::path(get, path = "/v1/numbers", params(crisp_http::PagingParameters), responses((status = 200, body = List<u32>)))]
//! async fn list_numbers(_caller: Caller, paging: Paging<u32>) -> Result<axum::Json<List<u32>>, Problem> {
//!     let first = paging.after.map_or(Some(0), |last| last.checked_add(1));
//!     let first = first.ok_or_else(|| Problem::new(Code::NotFound, "There are no more numbers."))?;
//!     let rows = (first..).take(51).collect();
//!     Ok(axum::Json(List::of(rows, &paging, |number| *number, |number| number)))
//! }
//!
//! let routes = Routes::new().documented(Access::Permission(Permission::ReadConversations), routes!(list_numbers));
//! let verifier = Verifier::hs256(&"a secret of the service that signs tokens".into());
//! let app = App::new(routes, &Guards::new(verifier, Limits::new(LimitOptions::default())));
//! let router: axum::Router = app.into_router();
//! # drop(router);
//! ```
//!
//! [`api`] is every route of the integration, over an [`AppState`]; a service mounts it, adds routes of its own, and
//! serves the sum.
//!
//! This crate knows nothing of how things are stored or synced: its handlers call the use cases below it and put
//! their outcome into words. It reads no environment and starts no server by itself; [`server::serve`] is there for
//! binaries that want one.

pub mod auth;
pub mod operations;
pub mod routes;
pub mod server;

mod api;
mod app;
mod clock;
mod crisp;
mod extract;
mod observe;
mod openapi;
mod paging;
mod problem;
mod refusal;
mod sign_in;
mod state;
mod time;
mod v1;

#[cfg(test)]
mod testing;

pub use api::{api, document, readiness};
pub use app::App;
pub use clock::now;
pub use extract::{Body, Path, Query, RawBody};
pub use paging::{DEFAULT_PAGE, LARGEST_PAGE, List, Paging, PagingParameters};
pub use problem::{Code, FieldError, Problem};
pub use state::{AppState, Http};
pub use time::Time;
