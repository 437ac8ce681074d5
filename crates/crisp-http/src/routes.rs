//! Which routes there are, who may use each, and what it may cost.
//!
//! [`Routes`] is the only way to a served route, and a route cannot be added to it without an [`Access`]. What was
//! registered can be walked as a [table](Routes::table), and the OpenAPI document is made from the same entries, so
//! that neither can say anything else than what is served.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::auth::Permission;
use crate::openapi;

mod guard;
mod limits;

pub use guard::{Guards, PageProblem, PageRefusal, RefusedPage};
pub use limits::{LimitOptions, Limits};

/// The largest body of a request, in bytes (contract: over 1 MiB is 413).
pub const BODY_LIMIT: usize = 1024 * 1024;
/// The largest web hook, in bytes (contract: over 4 MiB is 413).
pub const HOOK_BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Everybody: what it shows is no secret, or the handler itself verifies who asks.
    Public,
    /// Whoever has a good bearer token.
    SignedIn,
    /// Whoever has a good bearer token with this permission.
    Permission(Permission),
    /// Whoever has a session in this browser.
    PageSignedIn,
    /// Whoever has a session in this browser, with this permission.
    Page(Permission),
}

/// What a route shares its share of the machine with. A flood in one lane leaves the others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Lane {
    /// `/v1`.
    Api,
    /// What Crisp sends.
    Hooks,
    /// What people see in a browser.
    Pages,
    /// Health and metrics: never turned away.
    Operations,
}

/// On what terms a route is served: who, beside whom, how much.
///
/// ```
/// use crisp_http::routes::{Access, HOOK_BODY_LIMIT, Lane, Terms};
/// let hooks = Terms::from(Access::Public).in_lane(Lane::Hooks).with_body_limit(HOOK_BODY_LIMIT);
/// assert_eq!(hooks.access, Access::Public);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Who may use it.
    pub access: Access,
    /// What it shares the machine with.
    pub lane: Lane,
    /// The largest body it takes, in bytes.
    pub body_limit: usize,
}

impl From<Access> for Terms {
    fn from(access: Access) -> Self {
        let lane = match access {
            Access::Public | Access::SignedIn | Access::Permission(_) => Lane::Api,
            Access::PageSignedIn | Access::Page(_) => Lane::Pages,
        };
        Self { access, lane, body_limit: BODY_LIMIT }
    }
}

impl Terms {
    /// The same terms in another lane.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// The same terms with another body limit, in bytes.
    #[must_use]
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }
}

/// One line of the table of routes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path, with its parameters in braces.
    pub path: String,
    /// The method.
    pub method: String,
    /// Who may use it.
    pub access: Access,
}

/// Routes on their way to being served.
///
/// ```
/// use crisp_http::auth::{Caller, Permission};
/// use crisp_http::routes::{Access, Routes};
/// use utoipa_axum::routes;
///
/// /// Says which account the token is for.
/// #[utoipa::path(get, path = "/v1/account", responses((status = 200, body = String)))]
/// async fn account(caller: Caller) -> String {
///     caller.account.to_string()
/// }
///
/// let routes: Routes = Routes::new()
///     .documented(Access::Permission(Permission::ReadConversations), routes!(account))
///     .get("/hello", Access::Public, async || "hello");
/// assert_eq!(routes.table().len(), 2);
/// assert!(routes.document().paths.paths.contains_key("/v1/account"));
/// ```
pub struct Routes<S = ()> {
    registered: Vec<Registered<S>>,
    document: OpenApi,
}

struct Registered<S> {
    path: String,
    methods: Vec<Method>,
    terms: Terms,
    handlers: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self { registered: Vec::new(), document: openapi::empty() }
    }

    /// Adds what `utoipa_axum::routes!` makes of annotated handlers: served, documented, and guarded on these terms.
    #[must_use]
    pub fn documented(mut self, terms: impl Into<Terms>, handlers: UtoipaMethodRouter<S>) -> Self {
        let terms = terms.into();
        let (schemas, mut paths, handlers) = handlers;
        for (path, item) in &mut paths.paths {
            let registered =
                Registered { path: path.clone(), methods: methods(item), terms, handlers: handlers.clone() };
            self.registered.push(registered);
            openapi::complete(item, terms);
        }
        openapi::add(&mut self.document, schemas, paths);
        self
    }

    /// Adds a route that is no part of the documented API, such as a page.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &str, terms: impl Into<Terms>, handler: H) -> Self {
        self.plain(Method::GET, path, terms.into(), on(MethodFilter::GET, handler))
    }

    /// Adds a route that is no part of the documented API, such as what a form is sent to.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &str, terms: impl Into<Terms>, handler: H) -> Self {
        self.plain(Method::POST, path, terms.into(), on(MethodFilter::POST, handler))
    }

    /// Adds a route that is no part of the documented API.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(
        self,
        path: &str,
        terms: impl Into<Terms>,
        handler: H,
    ) -> Self {
        self.plain(Method::DELETE, path, terms.into(), on(MethodFilter::DELETE, handler))
    }

    fn plain(mut self, method: Method, path: &str, terms: Terms, handlers: MethodRouter<S>) -> Self {
        self.registered.push(Registered { path: path.to_owned(), methods: vec![method], terms, handlers });
        self
    }

    /// Adds routes that were made elsewhere, the console's for instance.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.registered.extend(other.registered);
        self.document.merge(other.document);
        self
    }

    /// Gives handlers the state they need; routes of different states can be merged afterwards.
    #[must_use]
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: &S) -> Routes<S2> {
        let give = |registered: Registered<S>| Registered {
            path: registered.path,
            methods: registered.methods,
            terms: registered.terms,
            handlers: registered.handlers.with_state(state.clone()),
        };
        Routes { registered: self.registered.into_iter().map(give).collect(), document: self.document }
    }

    /// Every route and who may use it, sorted by path.
    pub fn table(&self) -> Vec<Route> {
        let lines = self.registered.iter().flat_map(|registered| {
            let line = |method: &Method| Route {
                path: registered.path.clone(),
                method: method.to_string(),
                access: registered.terms.access,
            };
            registered.methods.iter().map(line)
        });
        let mut table: Vec<Route> = lines.collect();
        table.sort();
        table
    }

    /// The OpenAPI document of the documented routes.
    pub fn document(&self) -> &OpenApi {
        &self.document
    }

    /// The routes behind their guards.
    pub(crate) fn guarded(self, guards: &Guards) -> Router<S> {
        self.registered.into_iter().fold(Router::new(), |router, registered| {
            router.route(&registered.path, guards.before(registered.terms, registered.handlers))
        })
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> std::fmt::Debug for Routes<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = self
            .registered
            .iter()
            .map(|registered| (&registered.path, &registered.methods, registered.terms));
        out.debug_list().entries(paths).finish()
    }
}

fn methods(item: &PathItem) -> Vec<Method> {
    let documented = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::OPTIONS, &item.options),
        (Method::HEAD, &item.head),
        (Method::PATCH, &item.patch),
        (Method::TRACE, &item.trace),
    ];
    documented.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect()
}

#[cfg(test)]
mod tests;
