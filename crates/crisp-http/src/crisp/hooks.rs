//! Web hooks: 200 once durably stored, never before.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use crisp_client::hook::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crisp_sync::hooks::Rejection;

use crate::extract::RawBody;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Crisp delivers what was refused with 503 again by itself; this is only for whoever reads the header.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Takes a web hook: 200 once it is stored durably, or when nobody connected its website.
#[utoipa::path(
    post, path = "/crisp/hooks", tag = "Crisp",
    params(
        ("x-crisp-request-timestamp" = String, Header, description = "When Crisp sent it, in milliseconds; signed too."),
        ("x-crisp-signature" = String, Header, description = "HMAC-SHA256 over `[timestamp;body]`, in hex."),
    ),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored, or of a website that nobody connected."),
        (status = 403, description = "The signature is missing or wrong, or its time is more than 24 hours away."),
    ),
)]
pub(crate) async fn receive(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let Some(intake) = &state.hooks else { return Err(not_set_up()) };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let received = intake.receive(text(TIMESTAMP_HEADER), text(SIGNATURE_HEADER), body.into()).await;
    received.map(|_stored_or_unclaimed| StatusCode::OK).map_err(refused)
}

fn not_set_up() -> Problem {
    let detail = "Web hooks are not set up here: CRISP_HOOKS_SECRET was never given.";
    Problem::new(Code::Unavailable, detail).retry_after(AGAIN_AFTER)
}

fn refused(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::Unauthentic => {
            Problem::new(Code::SignatureInvalid, "The signature or its timestamp is not acceptable.")
        }
        Rejection::Malformed => Problem::new(Code::MalformedRequest, "The body is not a web hook of Crisp."),
        Rejection::NotStored => {
            let detail = "The web hook could not be stored; deliver it again later.";
            Problem::new(Code::Unavailable, detail).retry_after(AGAIN_AFTER)
        }
    }
}
