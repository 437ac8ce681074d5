//! The one place where this crate asks what time it is; everything below takes the answer as an argument.

use chrono::{DateTime, Utc};

/// Now, cut to the microsecond that Postgres keeps.
#[expect(
    clippy::disallowed_methods,
    reason = "the verbs are this crate's edge: time enters here and nowhere else"
)]
pub(crate) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}
