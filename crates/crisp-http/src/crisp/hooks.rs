//! Web hooks: 200 once durably stored, never before.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use crisp_client::hook::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crisp_sync::hooks::{HookIntake, Rejection, Room};
use futures::StreamExt as _;
use tokio::time::timeout;

use crate::extract::{broke_off, too_large, too_slow};
use crate::problem::{Code, Problem};
use crate::routes::HOOK_BODY_LIMIT;
use crate::state::AppState;

/// Crisp delivers what was refused with 503 again by itself; this is only for whoever reads the header.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long a body may take to arrive. Crisp sends a few KiB from a data centre, and its own patience is no longer.
const BODY_ARRIVES_WITHIN: Duration = Duration::from_secs(5);

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
pub(crate) async fn receive(State(state): State<AppState>, request: Request) -> Result<StatusCode, Problem> {
    let Some(intake) = &state.hooks else { return Err(not_set_up()) };
    let headers = request.headers().clone();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (timestamp, signature) = (text(TIMESTAMP_HEADER), text(SIGNATURE_HEADER));
    // Whoever cannot even look like Crisp has nothing read, and all bodies together have a bound.
    HookIntake::could_be_authentic(timestamp, signature).map_err(refused)?;
    let arriving = timeout(BODY_ARRIVES_WITHIN, whole(request.into_body(), intake.room()));
    let (body, _room) = arriving.await.map_err(|_elapsed| too_slow())??;
    let received = intake.receive(timestamp, signature, body).await;
    received.map(|_stored_or_unclaimed| StatusCode::OK).map_err(refused)
}

/// The body, and the room that it takes.
async fn whole(body: Body, mut room: Room) -> Result<(Vec<u8>, Room), Problem> {
    let (mut whole, mut arriving) = (Vec::new(), body.into_data_stream());
    while let Some(part) = arriving.next().await {
        let part = part.map_err(|_error| broke_off())?;
        let length = whole.len().saturating_add(part.len());
        if length > HOOK_BODY_LIMIT {
            return Err(too_large());
        }
        room.grow_to(length).map_err(refused)?;
        whole.extend_from_slice(&part);
    }
    Ok((whole, room))
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
