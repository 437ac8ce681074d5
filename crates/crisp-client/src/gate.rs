//! The gate before every request: whoever shares a quota decides there whether a request may be made now.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Asked before, and told after, every single attempt that a [`Client`](crate::Client) makes, retries included.
///
/// A plugin's daily quota is shared by every website that installed it and by every process that serves them, so the
/// decision belongs to the embedding program. A request that is dropped while it is under way was admitted and is
/// never observed: count at admission.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Lets one request pass, at once or after a wait, or refuses it.
    async fn admit(&self) -> Result<(), Refused>;

    /// Learns what became of an admitted request.
    async fn observe(&self, outcome: &Outcome);

    /// How long a limit of Crisp's may be waited out in place, by asking again. By default every refusal is the caller's,
    /// who can do something else meanwhile.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}

/// A request may not be made now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request budget is used up")]
pub struct Refused {
    /// When it is worth asking again, if that is known.
    pub until: Option<DateTime<Utc>>,
}

/// What became of an admitted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Crisp answered with this status, which is not one of its limits.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// One of Crisp's limits answered.
    RateLimited {
        /// How long to wait, if Crisp says so.
        retry_after: Option<Duration>,
    },
    /// No whole answer came.
    NoAnswer,
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl Gate for Unlimited {
    async fn admit(&self) -> Result<(), Refused> {
        Ok(())
    }

    async fn observe(&self, _outcome: &Outcome) {}
}
