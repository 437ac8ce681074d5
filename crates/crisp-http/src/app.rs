//! Routes, ready to be served.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use tower_http::compression::CompressionLayer;

use crate::observe::observe;
use crate::problem::{Code, Problem};
use crate::routes::{Guards, Limits, Routes};

/// Everything that a process serves, behind its guards.
///
/// Made from [`Routes`] alone, and the only thing that [`serve`](crate::server::serve) takes: so what is served has
/// declared who may use it.
#[derive(Debug, Clone)]
pub struct App {
    router: Router,
    limits: Limits,
}

impl App {
    /// The routes behind these guards; what is not among them is a 404 or 405 problem.
    pub fn new(routes: Routes, guards: &Guards) -> Self {
        let served = routes
            .guarded(guards)
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || {
                Problem::new(
                    Code::MethodNotAllowed,
                    "This address does not take that method; `Allow` says which it takes.",
                )
            })
            .layer(from_fn(refuse_unreadable))
            .layer(CompressionLayer::new())
            .layer(from_fn(observe));
        Self { router: served, limits: guards.limits().clone() }
    }

    /// The router, to be mounted in another axum service.
    pub fn into_router(self) -> Router {
        self.router
    }

    /// The places in its lanes.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// No text that we keep or compare has a NUL in it: Postgres takes none.
async fn refuse_unreadable(request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    if address.contains("%00") {
        return Problem::new(Code::MalformedRequest, "The address has a NUL character in it.")
            .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests;
