//! What stands before every handler: who asks, how much they send, and whether there is room.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use chrono::{DateTime, Utc};

use crate::auth::{Caller, Permission, Unverified, Verifier, bearer_token, session};
use crate::clock;
use crate::problem::{Code, Problem};
use crate::routes::{Access, Lane, Limits, Terms};
use crate::server::Crowded;

/// What a browser sees when a page is refused: the way to sign in, say.
pub type PageRefusal = fn(Problem, &Uri) -> Response;

/// What the routes of a process are guarded with.
#[derive(Debug, Clone)]
pub struct Guards {
    verifier: Verifier,
    limits: Limits,
    page_refusal: PageRefusal,
}

impl Guards {
    /// Tokens are verified by `verifier`, and there is as much room as `limits` has.
    pub fn new(verifier: Verifier, limits: Limits) -> Self {
        Self { verifier, limits, page_refusal: |problem, _uri| problem.into_response() }
    }

    /// Shows this when a page is refused, in place of a problem.
    #[must_use]
    pub fn with_page_refusal(self, page_refusal: PageRefusal) -> Self {
        Self { page_refusal, ..self }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn before<S: Clone + Send + Sync + 'static>(
        &self,
        terms: Terms,
        handlers: MethodRouter<S>,
    ) -> MethodRouter<S> {
        let guard = Guard { terms, guards: self.clone() };
        handlers.route_layer(from_fn_with_state(guard, guard_route))
    }
}

#[derive(Clone)]
struct Guard {
    terms: Terms,
    guards: Guards,
}

async fn guard_route(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    match guard.admit(&mut request, clock::now()) {
        Ok(()) => guard.guards.limits.run(guard.terms.lane, request, next).await,
        Err(problem) => guard.refuse(problem, request.uri()),
    }
}

impl Guard {
    fn admit(&self, request: &mut Request, now: DateTime<Utc>) -> Result<(), Problem> {
        let crowded = request.extensions().get::<Crowded>().is_some();
        if crowded && self.terms.lane != Lane::Operations {
            return Err(Problem::new(
                Code::Overloaded,
                "This server has more connections than it can serve.",
            ));
        }
        if let Some(caller) = self.caller(request, now)? {
            request.extensions_mut().insert(caller);
        }
        check_length(request.headers(), self.terms.body_limit)?;
        DefaultBodyLimit::max(self.terms.body_limit).apply(request);
        Ok(())
    }

    fn caller(&self, request: &Request, now: DateTime<Utc>) -> Result<Option<Caller>, Problem> {
        let headers = request.headers();
        let (token, needed) = match self.terms.access {
            Access::Public => return Ok(None),
            Access::SignedIn => (bearer_token(headers), None),
            Access::Permission(permission) => (bearer_token(headers), Some(permission)),
            Access::PageSignedIn => (session::token(headers), None),
            Access::Page(permission) => (session::token(headers), Some(permission)),
        };
        let caller = self.guards.verifier.verify(token.ok_or(Unverified::Missing)?, now)?;
        if matches!(self.terms.access, Access::PageSignedIn | Access::Page(_)) {
            session::check_origin(request.method(), headers)?;
        }
        match needed {
            Some(permission) if !caller.may(permission) => Err(lacks(permission)),
            Some(_) | None => Ok(Some(caller)),
        }
    }

    fn refuse(&self, problem: Problem, uri: &Uri) -> Response {
        match self.terms.access {
            Access::PageSignedIn | Access::Page(_) => (self.guards.page_refusal)(problem, uri),
            Access::Public | Access::SignedIn | Access::Permission(_) => problem.into_response(),
        }
    }
}

fn lacks(permission: Permission) -> Problem {
    let detail =
        format!("This needs the permission `{}`, which your token does not have.", permission.as_str());
    Problem::new(Code::PermissionMissing, detail)
}

/// What says of itself that it is too long need not arrive first. What says nothing is counted as it is read.
fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        let detail = format!("The body is larger than the {limit} bytes that this address takes.");
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    Ok(())
}
