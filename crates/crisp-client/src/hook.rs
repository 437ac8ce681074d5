//! Web hooks: what Crisp delivers, what it means, and whether it really came from Crisp.
//!
//! Three steps, none of which needs a server: [`verify_signature`] over the bytes as they came, [`Envelope::parse`],
//! [`Event::parse`]. Crisp sends no delivery id and promises neither order nor that a delivery comes only once.

mod event;
mod signature;

use std::fmt;

use serde_json::Value;

use crate::decode;
use crate::fields::{at, id, milliseconds, text, word};
use crate::ids::{PeopleId, SessionId, WebsiteId};
use crate::moment;

pub use event::{ConversationChange, Event, PluginChange, ProfileChange};
pub use signature::verify_signature;

/// Header with the signature of a plugin hook; website hooks have none.
pub const SIGNATURE_HEADER: &str = "x-crisp-signature";
/// Header with the time of the request, which is signed too.
pub const TIMESTAMP_HEADER: &str = "x-crisp-request-timestamp";
/// Header that names the sending plugin.
pub const ORIGIN_HEADER: &str = "x-crisp-hook-origin";
/// Header that counts the attempts of this delivery.
pub const ATTEMPT_COUNT_HEADER: &str = "x-delivery-attempt-count";
/// Header with the number of attempts after which Crisp gives up.
pub const ATTEMPT_LIMIT_HEADER: &str = "x-delivery-attempt-limit";

/// Why a delivery could not be understood. Says where, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a web hook could not be read at {path}: {detail}")]
pub struct Malformed {
    /// The JSON path within the body; `.` is the body itself.
    pub path: String,
    /// What is wrong there, without the value.
    pub detail: &'static str,
}

/// The body of a delivery.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// The website that it is about.
    pub website_id: WebsiteId,
    /// The event's name, such as `message:send`.
    pub event: String,
    /// What happened, in a shape that depends on the event; null where there is nothing.
    pub data: Value,
    /// When Crisp says that it happened, in ms.
    pub timestamp_ms: Option<i64>,
}

impl Envelope {
    /// Reads the body of a delivery.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let value = decode::value(body)
            .map_err(|flaw| Malformed { detail: decode::reason(&flaw.cause), path: flaw.path })?;
        Self::read(&value)
    }

    /// Reads a body that was parsed, or stored, before.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let website = text(body, "website_id").and_then(|id| id.parse().ok());
        Ok(Self {
            website_id: website.ok_or_else(|| Malformed::new("website_id", "missing or not a UUID"))?,
            event: word(body, "event")
                .map(str::to_owned)
                .ok_or_else(|| Malformed::new("event", "missing or not a name"))?,
            data: at(body, "data").cloned().unwrap_or_default(),
            timestamp_ms: milliseconds(body, "timestamp"),
        })
    }
}

impl Envelope {
    /// The conversation that it speaks of, also where its event cannot be read.
    pub fn session_id(&self) -> Option<SessionId> {
        id(&self.data, "session_id")
    }

    /// The profile that it speaks of, also where its event cannot be read.
    pub fn people_id(&self) -> Option<PeopleId> {
        id(&self.data, "people_id")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("website_id", &self.website_id)
            .field("event", &self.event)
            .field("timestamp_ms", &self.timestamp_ms)
            .finish_non_exhaustive()
    }
}

impl Malformed {
    fn new(path: &str, detail: &'static str) -> Self {
        Self { path: path.to_owned(), detail }
    }

    /// An id that an event cannot do without.
    fn need<T: TryFrom<String>>(data: &Value, key: &str) -> Result<T, Self> {
        id(data, key).ok_or_else(|| Self::new(&format!("data.{key}"), "missing or not an id"))
    }
}

/// The time of [`TIMESTAMP_HEADER`] in ms; Crisp sends ms, seconds are understood too.
pub fn request_time_ms(header: &str) -> Option<i64> {
    let digits = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| header.parse().ok()).flatten().and_then(moment::of_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_with_its_text_mended() {
        let body = br#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"message:send","data":{"content":"\ud83d!"},"timestamp":1767225604990}"#;
        let envelope = Envelope::parse(body).unwrap();
        assert_eq!(envelope.website_id.to_string(), "3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21");
        assert_eq!(
            (envelope.event.as_str(), envelope.timestamp_ms),
            ("message:send", Some(1_767_225_604_990))
        );
        assert_eq!(envelope.data, serde_json::json!({"content": "\u{fffd}!"}));
        assert!(!format!("{envelope:?}").contains("content"));
    }

    #[test]
    fn a_malformed_body_says_where() {
        for (body, path, detail) in [
            ("", ".", "the text ends too early"),
            ("[]", "website_id", "missing or not a UUID"),
            (r#"{"website_id":"W","event":"x"}"#, "website_id", "missing or not a UUID"),
            (r#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21"}"#, "event", "missing or not a name"),
        ] {
            assert_eq!(Envelope::parse(body.as_bytes()), Err(Malformed::new(path, detail)), "{body}");
        }
    }

    #[test]
    fn a_number_or_a_depth_that_nobody_can_hold_costs_only_its_field() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let body = format!(
            r#"{{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"session:set_data","data":{{"n":1e400,"deep":{deep},"state":"resolved"}}}}"#
        );
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        assert_eq!(envelope.data["state"], "resolved");
        assert!(envelope.data["n"].is_null());
    }

    #[test]
    fn request_times_come_in_ms_or_seconds() {
        assert_eq!(request_time_ms("1767225605123"), Some(1_767_225_605_123));
        assert_eq!(request_time_ms("1767225605"), Some(1_767_225_605_000));
        for bad in ["", "-1", "+1", "soon", "1767225605123 ", "99999999999999999999"] {
            assert_eq!(request_time_ms(bad), None, "{bad}");
        }
    }
}
