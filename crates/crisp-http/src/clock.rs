//! The one place of this crate that asks what time it is.

use chrono::{DateTime, Utc};

/// The time of this machine. Handlers ask once, at their beginning, and hand the answer down.
#[expect(clippy::disallowed_methods, reason = "the edge: everything below takes the time as an argument")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
