//! The OpenAPI document: what every operation has in common is added here, so that no handler repeats it.

use axum::http::header;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, ContentBuilder, Info, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema};

use crate::problem::FieldError;
use crate::routes::{Access, Lane, Routes, Terms};

const BEARER: &str = "bearer";
const PROBLEM: &str = "Problem";
const PROBLEM_TYPE: &str = "application/problem+json";

/// An error, as RFC 9457 writes it.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "it is its shape that is documented")]
struct ProblemShape {
    /// What happened, for programs; never renamed.
    #[schema(example = "validation_failed")]
    code: String,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// The HTTP status in words.
    title: String,
    /// What happened, for people.
    detail: String,
    /// What is wrong with which field, where fields are what is wrong.
    errors: Option<Vec<FieldError>>,
}

pub(crate) fn empty() -> OpenApi {
    let mut info = Info::new("Crisp integration", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Connects Crisp websites to Custify accounts, imports their people, conversations and messages, and keeps \
         them current. Times are RFC 3339 in UTC with milliseconds, ids are UUIDs, errors are problems (RFC 9457)."
            .to_owned(),
    );
    let mut document = OpenApi::new(info, Paths::new());
    document.components = Some(components());
    document
}

fn components() -> Components {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let mut components = Components::new();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    components.schemas.insert(PROBLEM.to_owned(), ProblemShape::schema());
    components.schemas.insert("FieldError".to_owned(), FieldError::schema());
    components
}

/// Adds documented operations and the shapes they speak of.
pub(crate) fn add(document: &mut OpenApi, schemas: Vec<(String, RefOr<Schema>)>, paths: Paths) {
    document.paths.merge(paths);
    document.components.get_or_insert_with(components).schemas.extend(schemas);
}

/// Adds what follows from the terms of a route: who may use it and how it can be refused.
pub(crate) fn complete(item: &mut PathItem, terms: Terms) {
    let operations =
        [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.head, &mut item.patch];
    for operation in operations.into_iter().flatten() {
        operation.security = security(terms.access);
        let refusals = refusals(operation, terms);
        let answers = &mut operation.responses.responses;
        for (status, description) in &refusals {
            answers.entry((*status).to_owned()).or_insert_with(|| RefOr::T(problem(description)));
        }
        for (status, answer) in answers {
            let RefOr::T(answer) = answer else { continue };
            let before_the_handler = refusals.iter().any(|(refusal, _)| refusal == status);
            let of_the_handler = status.starts_with(['4', '5']) && answer.content.is_empty();
            if before_the_handler || of_the_handler {
                answer.content.entry(PROBLEM_TYPE.to_owned()).or_insert_with(|| RefOr::T(problem_content()));
            }
        }
    }
}

fn security(access: Access) -> Option<Vec<SecurityRequirement>> {
    let scopes = match access {
        Access::Public | Access::PageSignedIn | Access::Page(_) => return None,
        Access::SignedIn => Vec::new(),
        Access::Permission(permission) => vec![permission.as_str()],
    };
    Some(vec![SecurityRequirement::new(BEARER, scopes)])
}

fn refusals(operation: &Operation, terms: Terms) -> Vec<(&'static str, &'static str)> {
    let mut refusals = vec![("400", "The request cannot be read."), ("500", "Our own fault.")];
    if terms.access != Access::Public {
        refusals.push(("401", "No bearer token, or one that is not accepted."));
    }
    if matches!(terms.access, Access::Permission(_) | Access::Page(_)) {
        refusals.push(("403", "The token lacks the permission for this."));
    }
    if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
        refusals.push(("404", "There is nothing here, or nothing of the caller's account."));
        refusals.push(("422", "Fields are refused; `errors` says which and why."));
    }
    if operation.request_body.is_some() {
        refusals.push(("408", "The body took too long to arrive."));
        refusals.push(("415", "The body is not JSON."));
        refusals.push(("422", "Fields are refused; `errors` says which and why."));
    }
    refusals.push(("413", "The body is larger than this address takes."));
    if terms.lane != Lane::Operations {
        refusals.push((
            "503",
            "Too much is asked at once, or something needed is away; `Retry-After` says when to try again.",
        ));
    }
    refusals
}

/// An answer of `application/problem+json`.
pub(crate) fn problem(description: &str) -> Response {
    ResponseBuilder::new().description(description).content(PROBLEM_TYPE, problem_content()).build()
}

fn problem_content() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build()
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Adds `GET /openapi.json`: the document of all routes that were added before.
    pub fn with_document(self) -> Result<Self, serde_json::Error> {
        let document = axum::body::Bytes::from(self.document().to_json()?);
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        let terms = Terms::from(Access::Public).in_lane(Lane::Operations);
        Ok(self.get("/openapi.json", terms, async move || (content_type, document.clone())))
    }
}
