//! What Crisp answered, and what that means: pure, the whole table of statuses in one place.

use std::fmt;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::value::RawValue;

use super::records::{Envelope, envelope};
use crate::decode::{self, Flaw};
use crate::error::{Error, Outage};
use crate::gate::Outcome;
use crate::pacing;

/// An answer as it came.
pub(super) struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// The useful part of a success.
pub(super) struct Answer {
    pub(super) data: Box<RawValue>,
    /// Whether there is more behind it.
    pub(super) more: bool,
}

impl Reply {
    pub(super) fn new(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = text(RETRY_AFTER).and_then(|header| pacing::retry_after(header, text(DATE)));
        Self { status, retry_after, body: Vec::new() }
    }

    /// What the gate learns.
    pub(super) fn outcome(&self) -> Outcome {
        if self.is_limit() {
            Outcome::RateLimited { retry_after: self.retry_after }
        } else {
            Outcome::Answered { status: self.status }
        }
    }

    /// What the caller learns.
    pub(super) fn judge(self) -> Result<Answer, Error> {
        if self.is_success() {
            return self.success();
        }
        let retry_after = self.retry_after;
        if self.is_limit() {
            return Err(Error::RateLimited { retry_after });
        }
        let reason = self.reason();
        Err(match (self.status, reason.as_deref()) {
            // A route that is closed to plugins is our mistake, whatever status it comes with.
            (400..500, Some("restricted_route_tier")) => Error::Rejected { status: self.status, reason },
            (401, _) => Error::Unauthorized,
            (402, _) => Error::PlanMissing,
            (403, _) => Error::Forbidden,
            (404, Some("not_subscribed")) => Error::NotSubscribed,
            (404, _) => Error::NotFound,
            (408 | 500.., _) => Error::Unavailable { cause: Outage::Status(self.status), retry_after },
            (status, _) => Error::Rejected { status, reason },
        })
    }

    /// Whether what was asked for has come: of anything else, the status says enough.
    pub(super) fn is_success(&self) -> bool {
        matches!(self.status, 200 | 206)
    }

    /// 422 is a limit by the word of Crisp's staff, but the usual word for a wrong request elsewhere: it is a limit where it
    /// says when to come back, where it speaks of one, or gives no reason at all.
    fn is_limit(&self) -> bool {
        let speaks_of_one =
            |reason: &str| ["limit", "quota", "rate"].iter().any(|word| reason.contains(word));
        match self.status {
            420 | 429 => true,
            422 => self.retry_after.is_some() || self.reason().is_none_or(|reason| speaks_of_one(&reason)),
            _ => false,
        }
    }

    fn reason(&self) -> Option<String> {
        envelope(&self.body).ok()?.reason
    }

    fn success(self) -> Result<Answer, Error> {
        let more = self.status == 206;
        let Envelope { error, data, .. } = envelope(&self.body).map_err(unreadable)?;
        if error {
            return Err(Error::malformed("error", "an error under a status of success"));
        }
        let data = data.ok_or_else(|| Error::malformed("data", "missing"))?;
        Ok(Answer { data, more })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("more", &self.more).finish_non_exhaustive()
    }
}

/// JSON that ends in the middle was cut off on its way; any other is what Crisp meant to send.
fn unreadable(flaw: Flaw) -> Error {
    if flaw.cause.is_eof() {
        Outage::Truncated.into()
    } else {
        Error::malformed(flaw.path, decode::reason(&flaw.cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Remedy;

    fn judged(status: u16, body: &str) -> Result<Answer, Error> {
        Reply { status, retry_after: None, body: body.as_bytes().to_vec() }.judge()
    }

    fn reason(word: &str) -> String {
        format!(r#"{{"error":true,"reason":"{word}","data":{{}}}}"#)
    }

    #[test]
    fn every_status_says_what_to_do() {
        for (status, word, remedy) in [
            (302, "", Remedy::Report),
            (400, "invalid_data", Remedy::Report),
            (401, "invalid_session", Remedy::ReplaceCredential),
            (401, "restricted_route_tier", Remedy::Report),
            (402, "", Remedy::GrantAccess),
            (403, "not_allowed", Remedy::GrantAccess),
            (404, "not_subscribed", Remedy::InstallPlugin),
            (404, "not_found", Remedy::TreatAsAbsent),
            (405, "", Remedy::Report),
            (408, "", Remedy::TryLater(None)),
            (420, "", Remedy::WaitForQuota(None)),
            (422, "", Remedy::WaitForQuota(None)),
            (422, "quota_exceeded", Remedy::WaitForQuota(None)),
            (422, "too_many_rates", Remedy::WaitForQuota(None)),
            (422, "invalid_data", Remedy::Report),
            (422, "invalid_page", Remedy::Report),
            (429, "", Remedy::WaitForQuota(None)),
            (500, "", Remedy::TryLater(None)),
            (599, "", Remedy::TryLater(None)),
        ] {
            assert_eq!(judged(status, &reason(word)).unwrap_err().remedy(), remedy, "{status} {word}");
        }
        assert!(matches!(judged(404, "<html>"), Err(Error::NotFound)));
    }

    #[test]
    fn a_422_that_says_when_to_come_back_is_a_limit_whatever_its_reason() {
        let retry_after = Some(Duration::from_secs(3));
        let reply = Reply { status: 422, retry_after, body: reason("invalid_data").into_bytes() };
        assert_eq!(reply.judge().unwrap_err().remedy(), Remedy::WaitForQuota(retry_after));
    }

    #[test]
    fn debug_shows_no_body() {
        let reply =
            Reply { status: 200, retry_after: None, body: br#"{"data":"ana@northwind.example"}"#.to_vec() };
        let shown = format!("{reply:?}");
        assert!(
            shown.contains("body_bytes: 32") && !shown.contains("ana") && !shown.contains("97, 110"),
            "{shown}"
        );
        assert!(!format!("{:?}", reply.judge().unwrap()).contains("ana"));
    }

    #[test]
    fn both_statuses_of_success_are_understood() {
        assert!(judged(206, r#"{"error":false,"data":[]}"#).unwrap().more);
        assert!(!judged(200, r#"{"data":{}}"#).unwrap().more);
    }

    #[test]
    fn a_success_without_data_is_never_an_empty_list() {
        for (body, expected) in
            [("{}", "data"), ("<html>", "."), ("[]", "."), (r#"{"error":true,"data":[]}"#, "error")]
        {
            let Err(Error::Malformed { path, .. }) = judged(200, body) else { panic!("{body}") };
            assert_eq!(path, expected, "{body}");
        }
        let cut = judged(200, r#"{"error":false,"data":[{"a":"#);
        assert!(matches!(cut, Err(Error::Unavailable { cause: Outage::Truncated, .. })));
    }
}
