//! The console: the pages that Custify's people see, rendered on the server.
//!
//! [`routes`] is every page, to be merged with the routes of `crisp-http` and served behind the same guards; it uses
//! the same use cases as `/v1` and has no logic of its own. [`page_refusal`] shows whoever may not see a page the way
//! to sign in, or why not.
//!
//! ```no_run
//! use crisp_http::routes::Guards;
//! use crisp_http::{App, AppState};
//!
//! fn app(state: &AppState, api: crisp_http::routes::Routes, guards: Guards) -> App {
//!     let pages = crisp_console::routes().with_state(state);
//!     App::new(api.merge(pages), &guards.with_page_refusal(crisp_console::page_refusal))
//! }
//! ```
//!
//! # Map
//!
//! A module per page: `home`, `integrations` (and the steps and health pages below it), `syncs`, `contacts`,
//! `companies`, `conversations`. What they share: `page` (the frame and its headers), `failure` (what a refusal looks
//! like), `input` (what they take from a request), `moment` and `words` (times, figures and states for people),
//! `assets` (styles and scripts, embedded).
//!
//! # How pages are made
//!
//! Every page is a whole document that works as plain links and forms. Scripts come on top: times in the viewer's zone,
//! progress over server-sent events, previews while one types. Nothing is inline, so the content security policy
//! forbids everything that is not ours, and whatever a visitor wrote reaches a page through an escaping template only.
//!
//! It does not know: SQL, Crisp, tokens, how a sync works.

mod assets;
mod chart;
mod companies;
mod contacts;
mod conversations;
mod failure;
mod home;
mod input;
mod integrations;
mod moment;
mod page;
mod routes;
mod syncs;
mod words;

pub use failure::page_refusal;
pub use routes::routes;
