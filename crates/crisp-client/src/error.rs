//! Why a request to Crisp came to nothing, and what that asks for.

use std::time::Duration;

use crate::gate::Refused;

/// Why a request came to nothing. No variant repeats a credential, an address or anything of a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client could not be built from its options.
    #[error("the Crisp client cannot be built: {what}")]
    Setup {
        /// What is wrong with the options.
        what: &'static str,
        /// The cause below, if there is one.
        source: Option<reqwest::Error>,
    },
    /// 401: the credential or its tier is not accepted.
    #[error("Crisp does not accept the plugin's credential")]
    Unauthorized,
    /// 404 with `not_subscribed`: the plugin is not installed on this website (or the token is of the other kind).
    #[error("the plugin is not installed on this website")]
    NotSubscribed,
    /// 404: no such object, or it is gone.
    #[error("Crisp knows no such object")]
    NotFound,
    /// 403: the token lacks a scope.
    #[error("the plugin's token lacks the scope for this request")]
    Forbidden,
    /// 402: the website's plan does not include this.
    #[error("the website's Crisp plan does not include this request")]
    PlanMissing,
    /// 420, 429 or a 422 that speaks of a limit: a limiter or the daily quota. Never retried inside.
    #[error("Crisp's rate limit or quota is used up")]
    RateLimited {
        /// How long to wait, if Crisp says so.
        retry_after: Option<Duration>,
    },
    /// Our own [`Gate`](crate::Gate) did not let the request pass; nothing was sent.
    #[error("the request was held back")]
    Refused(#[source] Refused),
    /// Crisp could not be reached, failed, or broke off. Was retried inside where that could help.
    #[error("Crisp is not available")]
    Unavailable {
        /// What happened the last time.
        #[source]
        cause: Outage,
        /// How long to wait, if Crisp says so.
        retry_after: Option<Duration>,
    },
    /// Crisp answered with success and something that cannot be read.
    #[error("Crisp's answer cannot be read at {path}: {detail}")]
    Malformed {
        /// The JSON path within the answer; `.` is the answer itself.
        path: String,
        /// What is wrong there, without the value.
        detail: String,
    },
    /// Any other status: most likely a mistake of ours.
    #[error("Crisp rejects the request with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Crisp's machine word for it, such as `invalid_data`.
        reason: Option<String>,
    },
}

/// What made Crisp unavailable.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    /// Crisp, or something before it, answered with such a status (≥ 500, or 408).
    #[error("it answered with status {0}")]
    Status(u16),
    /// No whole answer came in time.
    #[error("it took too long to answer")]
    TimedOut,
    /// The connection could not be made, or broke off.
    #[error("the connection failed")]
    Network(#[source] reqwest::Error),
    /// The answer ended in the middle.
    #[error("its answer ended too early")]
    Truncated,
    /// The answer, unpacked, is longer than allowed. Not retried: it would be the next time, too.
    #[error("its answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A person must enter another credential.
    ReplaceCredential,
    /// A person must install the plugin on the website; until then its data stay as they are.
    InstallPlugin,
    /// A person must grant the scope, or book the plan.
    GrantAccess,
    /// The object is gone: treat it as absent.
    TreatAsAbsent,
    /// Wait for the quota, at least this long if it is known; nothing is wrong.
    WaitForQuota(Option<Duration>),
    /// Try again later, at the earliest after this time if it is known.
    TryLater(Option<Duration>),
    /// Repeating is useless: report it.
    Report,
}

impl Error {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Unauthorized => Remedy::ReplaceCredential,
            Self::NotSubscribed => Remedy::InstallPlugin,
            Self::Forbidden | Self::PlanMissing => Remedy::GrantAccess,
            Self::NotFound => Remedy::TreatAsAbsent,
            Self::RateLimited { retry_after } => Remedy::WaitForQuota(*retry_after),
            Self::Refused(_) => Remedy::WaitForQuota(None),
            Self::Setup { .. }
            | Self::Malformed { .. }
            | Self::Rejected { .. }
            | Self::Unavailable { cause: Outage::TooLarge { .. }, .. } => Remedy::Report,
            Self::Unavailable { retry_after, .. } => Remedy::TryLater(*retry_after),
        }
    }

    pub(crate) fn malformed(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), detail: detail.into() }
    }
}

impl From<Outage> for Error {
    fn from(cause: Outage) -> Self {
        Self::Unavailable { cause, retry_after: None }
    }
}
