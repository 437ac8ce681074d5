//! What can go wrong between Crisp and us, by chance or by script.

use serde::{Deserialize, Serialize};

use super::behaviour::RetryAfter;
use super::random::Draw;
use super::route::{Kind, Route};

/// When which requests suffer which fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Only requests of this kind; `None` = all.
    pub kind: Option<Kind>,
    /// Only requests about this session, people id, email or plugin; `None` = all.
    #[serde(default)]
    pub about: Option<String>,
    /// Only requests with this parameter in their query; `None` = all.
    #[serde(default)]
    pub param: Option<(String, String)>,
    /// Which of them.
    pub when: When,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    /// The fault hits any request with this probability.
    pub fn by_chance(share: f64, fault: Fault) -> Self {
        Self { kind: None, about: None, param: None, when: When::Chance(share), fault }
    }

    /// The fault hits every request.
    pub fn always(fault: Fault) -> Self {
        Self::by_chance(1.0, fault)
    }

    /// The fault hits the requests number `skip + 1` to `skip + times` (of its kind, counted by the rule).
    pub fn scripted(skip: u64, times: u64, fault: Fault) -> Self {
        Self { kind: None, about: None, param: None, when: When::Script { skip, times }, fault }
    }

    /// Only requests of this kind.
    #[must_use]
    pub fn only(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only requests about this session, people id, email or plugin.
    #[must_use]
    pub fn about(mut self, object: &str) -> Self {
        self.about = Some(object.to_owned());
        self
    }

    /// Only requests with this parameter in their query.
    #[must_use]
    pub fn asking_for(mut self, param: &str, value: &str) -> Self {
        self.param = Some((param.to_owned(), value.to_owned()));
        self
    }

    /// Whether the rule looks at such requests.
    pub(crate) fn looks_at(&self, route: &Route) -> bool {
        self.kind.is_none_or(|kind| kind == route.kind)
            && self.about.as_ref().is_none_or(|about| route.object.as_ref() == Some(about))
            && self.param.as_ref().is_none_or(|(name, value)| route.param(name) == Some(value))
    }

    /// Whether the rule strikes at the `seen`th request (from 0) that it looks at.
    pub(crate) fn strikes(&self, seen: u64, draw: &mut Draw) -> bool {
        match self.when {
            When::Chance(share) => draw.chance(share),
            When::Script { skip, times } => seen >= skip && seen - skip < times,
        }
    }
}

/// Which requests a rule strikes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// With this probability (0 to 1).
    Chance(f64),
    /// Lets `skip` requests pass, strikes `times` of them, then never again.
    Script {
        /// Requests that pass first.
        skip: u64,
        /// Requests that are struck.
        times: u64,
    },
}

/// One way in which a request goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 500 with Crisp's envelope.
    Internal,
    /// 502 with a page of HTML.
    BadGateway,
    /// The connection is closed without an answer.
    Reset,
    /// The right answer, cut off in the middle of its body.
    Truncated,
    /// A 200 whose body is not what it should be: valid JSON without `data`.
    Garbage,
    /// No answer for so many milliseconds, then the connection is closed.
    Hang(u64),
    /// The right answer, a few bytes at a time, over so many milliseconds.
    SlowDrip(u64),
    /// A limiter's refusal.
    Limited {
        /// 429, 420 or 422.
        status: u16,
        /// Form of `Retry-After`.
        retry_after: RetryAfter,
    },
    /// 404 `not_found` for what the list has just shown.
    NotFound,
    /// Another status with this reason in the envelope.
    Status {
        /// The status.
        status: u16,
        /// The envelope's reason.
        reason: String,
    },
    /// A redirect to this address.
    Redirect(String),
    /// A 200 whose body is so many megabytes of JSON blanks.
    Flood {
        /// Size of the body.
        megabytes: u32,
        /// Whether it is sent gzipped (a bomb of a few kilobytes).
        gzip: bool,
    },
}
