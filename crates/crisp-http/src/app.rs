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
    /// The routes behind these guards; what is not among them is a 404 or 405: a page in a browser, else a problem.
    pub fn new(routes: Routes, guards: &Guards) -> Self {
        let (absent, other) = (guards.clone(), guards.clone());
        let served = routes
            .guarded(guards)
            .fallback(async move |request: Request| absent.unserved(Problem::not_found(), &request))
            .method_not_allowed_fallback(async move |request: Request| {
                other.unserved(method_not_allowed(), &request)
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

fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "This address does not take that method; `Allow` says which it takes.",
    )
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
