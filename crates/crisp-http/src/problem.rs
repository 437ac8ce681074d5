//! What is answered when something is refused or fails: RFC 9457, with a `code` that never changes.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use problem_details::{JsonProblemDetails, ProblemDetails};
use serde::Serialize;
use serde_json::{Map, Value};

mod code;
pub(crate) mod json;

pub use code::Code;

/// An error as the caller sees it.
///
/// ```
/// use crisp_http::{Code, Problem};
/// let problem = Problem::new(Code::SyncInProgress, "A sync of this integration is running.")
///     .with("sync_id", "0198…");
/// assert_eq!(problem.status(), 409);
/// ```
#[derive(Debug)]
pub struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `mapping[2].to`.
    pub field: String,
    /// What is wrong, for programs.
    #[schema(value_type = String)]
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub detail: String,
}

impl From<crisp_domain::FieldError> for FieldError {
    fn from(error: crisp_domain::FieldError) -> Self {
        Self { field: error.field, code: error.code.into(), detail: error.detail }
    }
}

/// Members of the answer beyond those of the RFC.
#[derive(Serialize)]
struct Members {
    code: Code,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Problem {
    /// A problem with a sentence that says what happened and, where it helps, what to do.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self(Box::new(Content { code, detail, errors: Vec::new(), members: Map::new(), retry_after: None }))
    }

    /// The same answer for what does not exist and for what belongs to somebody else.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here, or it is not yours.")
    }

    /// A request whose fields are refused, with what is wrong for each.
    pub fn of_fields(errors: impl IntoIterator<Item = impl Into<FieldError>>) -> Self {
        let errors: Vec<FieldError> = errors.into_iter().map(Into::into).collect();
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.detail),
            _ => format!(
                "Some fields are not right; `errors` lists {} of them, with what is wrong.",
                errors.len()
            ),
        };
        let mut problem = Self::new(Code::ValidationFailed, detail);
        problem.0.errors = errors;
        problem
    }

    /// A request with one field that is refused.
    pub fn of_field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::of_fields([FieldError { field: field.into(), code: code.into(), detail: detail.into() }])
    }

    /// Our own fault. The whole chain of causes goes to the log, and nothing of it to the caller.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        Self::our_fault()
    }

    /// A handler that panicked. Its message may hold anything, so it does not go to the log a second time.
    pub(crate) fn panicked() -> Self {
        tracing::error!("a handler panicked");
        Self::our_fault()
    }

    fn our_fault() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side. It has been recorded; try again later.")
    }

    /// Something we need is away for the moment. The chain goes to the log.
    pub fn unavailable(error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error = chain(error), "a request could not be served");
        Self::new(
            Code::Unavailable,
            "The service cannot reach its database for the moment; try again in a few seconds.",
        )
        .retry_after(Duration::from_secs(5))
    }

    /// Adds a member beside `code`, such as `sync_id` or `install_url`.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Replaces the code and keeps the rest: for a form whose one refused field has a code of the contract.
    #[must_use]
    pub fn coded(mut self, code: Code) -> Self {
        self.0.code = code;
        self
    }

    /// Says when to try again, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The answer in the form that programs read.
    pub(crate) fn to_response(&self) -> Response {
        Self(Box::new(self.0.as_ref().clone())).into_response()
    }

    /// When to try again, if that is known.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What happened, for programs.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// What happened, for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What is wrong with the fields of the request, if that is what happened.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Content { code, detail, errors, members, retry_after } = *self.0;
        let details = ProblemDetails::from_status_code(code.status())
            .with_detail(detail)
            .with_extensions(Members { code, errors, others: members });
        let mut response = JsonProblemDetails::from(details).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if code.ends_the_connection() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An error and all its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::json_body;

    #[tokio::test]
    async fn a_problem_has_its_code_its_sentence_and_its_members() {
        let problem = Problem::new(Code::SyncInProgress, "One is running.").with("sync_id", "s1");
        let response = problem.into_response();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = json_body(response).await;
        let expected = serde_json::json!({"status": 409, "title": "Conflict", "detail": "One is running.",
            "code": "sync_in_progress", "sync_id": "s1"});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn a_form_has_an_error_a_field() {
        let problem = Problem::of_field("mapping[2].to", "unknown_target", "is not a target");
        assert_eq!(
            (problem.status(), problem.detail()),
            (StatusCode::UNPROCESSABLE_ENTITY, "mapping[2].to: is not a target")
        );
        let body = json_body(problem.into_response()).await;
        assert_eq!(body["errors"][0]["field"], "mapping[2].to");
        assert_eq!(body["code"], "validation_failed");
    }

    #[tokio::test]
    async fn an_internal_error_tells_the_caller_nothing_of_its_causes() {
        let error = std::io::Error::other("canary");
        let response = Problem::internal(&error).into_response();
        assert_eq!(response.status(), 500);
        assert!(!json_body(response).await.to_string().contains("canary"));
    }

    #[test]
    fn what_is_tried_again_says_when_and_what_is_not_signed_in_says_how() {
        let busy = Problem::new(Code::Overloaded, "").retry_after(Duration::from_millis(300)).into_response();
        assert_eq!(busy.headers()["retry-after"], "1");
        let unknown = Problem::new(Code::Unauthenticated, "").into_response();
        assert_eq!(unknown.headers()["www-authenticate"], "Bearer");
    }
}
