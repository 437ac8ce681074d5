//! What stands before every handler: who asks, how much they send, and whether there is room.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::MethodRouter;
use chrono::{DateTime, Utc};

use crate::auth::{Caller, Permission, Unverified, Verifier, bearer_token, session};
use crate::clock;
use crate::problem::{Code, Problem};
use crate::routes::{Access, Lane, Limits, Terms};
use crate::server::Crowded;

/// What a browser sees when a page is refused: the way to sign in, say.
pub type PageRefusal = fn(RefusedPage<'_>) -> Response;

/// A page that cannot be shown, and who wanted it how.
#[derive(Debug, Clone, Copy)]
pub struct RefusedPage<'a> {
    /// Why not.
    pub problem: &'a Problem,
    /// How it was asked for.
    pub method: &'a Method,
    /// Which page it is.
    pub uri: &'a Uri,
    /// What else the browser said.
    pub headers: &'a HeaderMap,
    /// Who asks, where a session tells.
    pub caller: Option<&'a Caller>,
}

/// A handler's own refusal of a page: the guard shows it as it shows its refusals.
///
/// Where no console is served beside the handler, it is a bare page of its own.
#[derive(Debug)]
pub struct PageProblem(pub Problem);

#[derive(Debug, Clone)]
struct Unshown(Arc<Problem>);

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let sentence = self.0.detail().replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!doctype html><html lang=\"en\"><title>That did not work</title><h1>That did not work</h1>\
             <p>{sentence}</p><p><a href=\"/\">Back</a></p></html>"
        );
        let mut response = (self.0.status(), Html(page)).into_response();
        response.extensions_mut().insert(Unshown(Arc::new(self.0)));
        response
    }
}

/// What the routes of a process are guarded with.
#[derive(Debug, Clone)]
pub struct Guards {
    verifier: Verifier,
    limits: Limits,
    page_refusal: Option<PageRefusal>,
}

impl Guards {
    /// Tokens are verified by `verifier`, and there is as much room as `limits` has.
    pub fn new(verifier: Verifier, limits: Limits) -> Self {
        Self { verifier, limits, page_refusal: None }
    }

    /// Shows this when a page is refused, in place of a problem.
    #[must_use]
    pub fn with_page_refusal(self, page_refusal: PageRefusal) -> Self {
        Self { page_refusal: Some(page_refusal), ..self }
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
    let asked = guard.shows_pages().then(|| Asked::of(&request));
    let answer = match guard.admit(&mut request, clock::now()) {
        Ok(()) => guard.guards.limits.run(guard.terms.lane, request, next).await,
        Err(problem) => Err(problem),
    };
    match (answer, asked) {
        (Ok(response), Some(asked)) => guard.guards.shown(response, &asked),
        (Ok(response), None) => response,
        (Err(problem), Some(asked)) if guard.is_page() || wants_a_page(&asked.headers) => {
            guard.guards.refusal(&problem, &asked)
        }
        (Err(problem), _) => problem.into_response(),
    }
}

/// What a browser asked for, kept for the page that says why it cannot be shown.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { method, uri, headers: request.headers().clone() }
    }
}

impl Guards {
    /// The answer to what no route serves: a page for a browser, else a problem.
    pub(crate) fn unserved(&self, problem: Problem, request: &Request) -> Response {
        let is_program = ["/v1/", "/crisp/hooks"].iter().any(|path| request.uri().path().starts_with(path));
        if is_program || !wants_a_page(request.headers()) {
            return problem.into_response();
        }
        self.refusal(&problem, &Asked::of(request))
    }

    fn shown(&self, mut response: Response, asked: &Asked) -> Response {
        match response.extensions_mut().remove::<Unshown>() {
            Some(Unshown(problem)) if self.page_refusal.is_some() => self.refusal(&problem, asked),
            Some(_) | None => response,
        }
    }

    fn refusal(&self, problem: &Problem, asked: &Asked) -> Response {
        let Some(page_refusal) = self.page_refusal else { return problem.to_response() };
        let Asked { method, uri, headers } = asked;
        let caller = session::token(headers).and_then(|token| self.verifier.verify(token, clock::now()).ok());
        let page = RefusedPage { problem, method, uri, headers, caller: caller.as_ref() };
        page_refusal(page)
    }
}

/// Whether a person waits for the answer: browsers say that they take HTML, programs seldom do.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.into_iter().any(|accepted| accepted.contains("text/html"))
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

    fn shows_pages(&self) -> bool {
        self.terms.lane == Lane::Pages
    }

    /// Whether only browsers have any business here.
    fn is_page(&self) -> bool {
        matches!(self.terms.access, Access::PageSignedIn | Access::Page(_))
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
