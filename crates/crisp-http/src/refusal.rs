//! What the layers below refuse or fail to do, as the caller is told: the one place that knows both words.
//!
//! A refusal's own sentence goes to the caller; a cause never does. What passes is 503, what does not is our fault.

use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_sync::refusal::Refusal;
use crisp_sync::{Error, Verdict};

use crate::clock;
use crate::problem::{Code, Problem};

/// How soon Crisp may be asked again, where nothing says when, in seconds.
const CRISP_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The shortest wait that is told.
const SOONEST: Duration = Duration::from_secs(1);
/// What is said where the refusal has no words of its own.
const CRISP_AWAY: &str = "Crisp could not be asked; try again in a few minutes.";
const CRISP_REFUSES: &str = "Crisp refused the token of the Custify plugin, or it lacks a scope. Waiting does not help: \
                             Custify's operators have to look at it (`api doctor` says what is wrong).";
/// Where it takes longer, the moment is told instead.
const SOME_MINUTES: Duration = Duration::from_mins(10);
/// The longest wait that is told: whoever waits longer looks again at another time anyway.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let words = sentence(&refusal.to_string());
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Invalid(errors) => Self::of_fields(errors),
            Refusal::WebsiteIdInvalid => {
                Self::of_field("website_id", "invalid", words).coded(Code::WebsiteIdInvalid)
            }
            Refusal::PluginNotInstalled { install_link } => {
                Self::new(Code::PluginNotInstalled, words).with("install_url", install_link.as_str())
            }
            Refusal::WebsiteAlreadyConnected => Self::new(Code::WebsiteAlreadyConnected, words),
            Refusal::OtherWebsite => Self::new(Code::OtherWebsite, words),
            Refusal::OwnershipUnproven => Self::new(Code::OwnershipUnproven, words),
            Refusal::InstallLinkInvalid => Self::new(Code::InstallLinkInvalid, words),
            Refusal::CrispUnavailable(cause) => crisp_unavailable(&Error::Crisp(cause), words, clock::now()),
            Refusal::TooManyRequests { until } => {
                let wait = (until - clock::now()).to_std().unwrap_or_default();
                Self::new(Code::TooManyRequests, words).retry_after(wait.clamp(SOONEST, LONGEST_WAIT))
            }
            Refusal::NotConnected => Self::new(Code::NotConnected, words),
            Refusal::NeedsAttention => Self::new(Code::NeedsAttention, words),
            Refusal::NotImported => Self::new(Code::NotImported, words),
            Refusal::PurgeUnderWay => Self::new(Code::PurgeUnderWay, words),
            Refusal::SyncInProgress { sync_id } => {
                Self::new(Code::SyncInProgress, words).with("sync_id", sync_id.to_string())
            }
            Refusal::Failed(error) => failed(&error, clock::now()),
            // The enum may grow below before it grows here.
            unheard_of => Self::internal(&unheard_of),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        failed(&error, clock::now())
    }
}

impl From<crisp_storage::Error> for Problem {
    fn from(error: crisp_storage::Error) -> Self {
        if error.is_passing() || matches!(error, crisp_storage::Error::Missing("the schema")) {
            Self::unavailable(&error)
        } else {
            Self::internal(&error)
        }
    }
}

/// What became of an error is asked of its verdict, so that only the runner's one place judges errors.
fn failed(error: &Error, now: DateTime<Utc>) -> Problem {
    let is_crisp = matches!(error, Error::Crisp(_));
    match error.verdict(now) {
        _ if is_crisp => crisp_unavailable(error, CRISP_AWAY.to_owned(), now),
        Verdict::LetGo => Problem::new(Code::NotConnected, "The integration is not connected to Crisp."),
        Verdict::Retry(_) | Verdict::WaitForQuota(_) => Problem::unavailable(error),
        Verdict::NeedsAttention(_) | Verdict::GiveUp => Problem::internal(error),
    }
}

/// Crisp is away, refuses us, or our requests are spent: the caller learns when to try again, the log learns why.
fn crisp_unavailable(error: &Error, sentence: String, now: DateTime<Utc>) -> Problem {
    tracing::warn!(error = error.chain(), "Crisp could not be asked");
    let until = match error.verdict(now) {
        Verdict::WaitForQuota(Some(until)) | Verdict::Retry(Some(until)) => Some(until),
        Verdict::WaitForQuota(None)
        | Verdict::Retry(None)
        | Verdict::NeedsAttention(_)
        | Verdict::LetGo
        | Verdict::GiveUp => None,
    };
    let wait = until.and_then(|until| (until - now).to_std().ok()).unwrap_or(CRISP_AGAIN_AFTER);
    let words = match until {
        Some(until) if wait > SOME_MINUTES => {
            format!(
                "Crisp answers no more requests of ours until {}; try again then.",
                until.format("%F %H:%M UTC")
            )
        }
        _ if matches!(error.verdict(now), Verdict::NeedsAttention(_)) => CRISP_REFUSES.to_owned(),
        _ => sentence,
    };
    Problem::new(Code::CrispUnavailable, words).retry_after(wait.min(LONGEST_WAIT))
}

/// An error's words as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_sentence() {
        assert_eq!(sentence("a sync is under way"), "A sync is under way.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn crisp_being_away_is_told_with_when_to_try_again() {
        let spent = crisp_client::Error::RateLimited { retry_after: Some(Duration::from_secs(7)) };
        let problem = Problem::from(Refusal::CrispUnavailable(spent));
        assert_eq!(problem.code(), Code::CrispUnavailable);
    }

    #[test]
    fn whoever_would_have_to_wait_for_hours_is_told_until_when() {
        let noon = DateTime::from_timestamp(1_767_268_800, 0).unwrap();
        let parked = |seconds| {
            let wait = Some(Duration::from_secs(seconds));
            let error = Error::Crisp(crisp_client::Error::RateLimited { retry_after: wait });
            let response = axum::response::IntoResponse::into_response(crisp_unavailable(
                &error,
                CRISP_AWAY.to_owned(),
                noon,
            ));
            response.headers()["retry-after"].to_str().unwrap().to_owned()
        };
        assert_eq!((parked(7), parked(7_200)), ("7".to_owned(), "7200".to_owned()));
        let hours = crisp_client::Error::RateLimited { retry_after: Some(Duration::from_hours(2)) };
        let problem = crisp_unavailable(&Error::Crisp(hours), CRISP_AWAY.to_owned(), noon);
        assert!(format!("{problem:?}").contains("until 2026-01-01 14:00 UTC"), "{problem:?}");
    }

    #[test]
    fn whoever_asks_too_much_is_told_when_to_ask_again() {
        let problem = Problem::from(Refusal::TooManyRequests { until: clock::now() });
        assert_eq!((problem.code(), problem.status().as_u16()), (Code::TooManyRequests, 429));
        let response = axum::response::IntoResponse::into_response(problem);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn what_was_not_connected_any_more_is_no_fault_of_ours() {
        assert_eq!(Problem::from(Error::Stopped).code(), Code::NotConnected);
        assert_eq!(Problem::from(Error::Corrupt("import settings")).code(), Code::Internal);
    }
}
