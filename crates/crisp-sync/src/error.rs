//! What the verbs can fail to do, and what that asks of whoever called them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The longest wait that Crisp may ask for: a day, the length of its quota.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database could not do its part.
    #[error("the integration's database failed")]
    Storage(#[from] crisp_storage::Error),
    /// Crisp could not be read.
    #[error("Crisp could not be read")]
    Crisp(#[from] crisp_client::Error),
    /// The integration was disconnected or stopped while the work ran; what was committed stays.
    #[error("the integration is not connected any more")]
    Stopped,
    /// What is stored does not make sense to this version.
    #[error("stored {0} could not be understood")]
    Corrupt(&'static str),
}

/// What the runner does about an [`Error`]: decided here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong: go on when requests are to be had again.
    WaitForQuota(Option<DateTime<Utc>>),
    /// Something that passes: the same step again, later, and not before this moment if one is known.
    Retry(Option<DateTime<Utc>>),
    /// A person has to do something first.
    NeedsAttention(Attention),
    /// The lease is somebody else's, or the integration is gone: let go.
    LetGo,
    /// Repeating is useless.
    GiveUp,
}

/// What a person has to do something about, in the contract's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Attention {
    /// The plugin was removed from the website.
    PluginUninstalled,
    /// Crisp does not accept the plugin's credential.
    CredentialRejected,
    /// The plugin's token may not read something it has to.
    ScopeMissing,
}

impl Error {
    /// What is stored cannot be understood. The cause is not kept: it may quote what it met.
    pub(crate) fn corrupt<Cause>(what: &'static str) -> impl FnOnce(Cause) -> Self {
        move |_cause| Self::Corrupt(what)
    }

    /// What to do about it. `now` turns Crisp's waits into moments.
    pub fn verdict(&self, now: DateTime<Utc>) -> Verdict {
        match self {
            Self::Crisp(error) => verdict_on_crisp(error, now),
            Self::Storage(crisp_storage::Error::LeaseLost) | Self::Stopped => Verdict::LetGo,
            Self::Storage(error) if error.is_passing() => Verdict::Retry(None),
            Self::Storage(_) | Self::Corrupt(_) => Verdict::GiveUp,
        }
    }

    /// Whether it lies in the one record that was read or written, so that every other may go on.
    pub(crate) fn lies_in_one_record(&self) -> bool {
        use crisp_client::{Error as Crisp, Outage};
        match self {
            Self::Crisp(error) => {
                matches!(
                    error,
                    Crisp::NotFound
                        | Crisp::Malformed { .. }
                        | Crisp::Rejected { .. }
                        | Crisp::Unavailable { cause: Outage::TooLarge { .. }, .. }
                )
            }
            Self::Storage(error) => error.may_lie_in_the_data(),
            Self::Corrupt(_) => true,
            Self::Stopped => false,
        }
    }

    /// Whether Crisp did not answer, or only with an error of its own.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Crisp(crisp_client::Error::Unavailable { .. }))
    }

    /// The whole chain of causes in one line, for a log or a dead letter. Holds ids at most, never people.
    pub fn chain(&self) -> String {
        chain_of(self)
    }

    /// The same from the cause on, for a sentence that says itself what failed.
    pub(crate) fn cause_chain(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.chain(), chain_of)
    }
}

/// An error and its causes in one line.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

fn verdict_on_crisp(error: &crisp_client::Error, now: DateTime<Utc>) -> Verdict {
    use crisp_client::{Error as Crisp, Remedy};
    match error.remedy() {
        Remedy::ReplaceCredential => Verdict::NeedsAttention(Attention::CredentialRejected),
        Remedy::InstallPlugin => Verdict::NeedsAttention(Attention::PluginUninstalled),
        Remedy::GrantAccess => Verdict::NeedsAttention(Attention::ScopeMissing),
        Remedy::WaitForQuota(wait) => {
            let demanded = wait.and_then(|wait| after(now, wait));
            let told = if let Crisp::Refused(refused) = error { refused.until } else { None };
            Verdict::WaitForQuota(told.or(demanded))
        }
        Remedy::TryLater(wait) => Verdict::Retry(wait.and_then(|wait| after(now, wait))),
        Remedy::TreatAsAbsent => Verdict::Retry(None),
        // An answer that cannot be read may be a passing fault of something between us and Crisp.
        Remedy::Report if matches!(error, Crisp::Malformed { .. }) => Verdict::Retry(None),
        Remedy::Report => Verdict::GiveUp,
    }
}

/// The moment after a wait, of which no more than [`LONGEST_WAIT`] is believed.
fn after(now: DateTime<Utc>, wait: Duration) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(wait.min(LONGEST_WAIT)).ok()?)
}

#[cfg(test)]
mod tests {
    use crisp_client::{Error as Crisp, Outage};

    use super::*;

    fn verdict(error: Crisp, now: DateTime<Utc>) -> Verdict {
        Error::from(error).verdict(now)
    }

    #[test]
    fn a_wait_that_crisp_asks_for_is_kept_and_an_endless_one_is_not_believed() {
        let now = DateTime::UNIX_EPOCH;
        let unavailable = |seconds| Crisp::Unavailable {
            cause: Outage::Status(503),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(verdict(unavailable(90), now), Verdict::Retry(Some(now + TimeDelta::seconds(90))));
        assert_eq!(verdict(unavailable(u64::MAX), now), Verdict::Retry(Some(now + TimeDelta::days(1))));
    }

    #[test]
    fn an_answer_that_is_too_large_is_given_up() {
        let too_large = Crisp::from(Outage::TooLarge { limit: 1 });
        assert_eq!(verdict(too_large, DateTime::UNIX_EPOCH), Verdict::GiveUp);
    }
}
