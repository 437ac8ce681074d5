//! Forecasts of a moment ago: a page that asks again, or ten of them, cost Crisp no second survey.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crisp_client::WebsiteId;
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Counted;

/// How long a survey counts: longer than impatience, shorter than anybody notices.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// Integrations remembered at the most before old ones are forgotten.
const MANY: usize = 1_000;

/// What is surveyed: a website, by settings.
pub(super) type Question = (WebsiteId, Value);

/// The last survey of every integration that was asked about lately.
#[derive(Default)]
pub(crate) struct Recent(std::sync::Mutex<HashMap<Uuid, Arc<Mutex<Place>>>>);

/// The last survey of one integration; its lock is held while one is under way.
#[derive(Default)]
pub(super) struct Place {
    last: Option<(Question, Counted, Instant)>,
}

impl Recent {
    /// The place of an integration.
    pub(super) fn place(&self, integration: Uuid) -> Arc<Mutex<Place>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MANY {
            // Whatever is in use has a second holder.
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(places.entry(integration).or_default())
    }
}

impl Place {
    /// The answer of a moment ago to the same question.
    pub(super) fn recent(&self, question: &Question) -> Option<Counted> {
        let (asked, counted, at) = self.last.as_ref()?;
        (asked == question && at.elapsed() < FRESH_FOR).then_some(*counted)
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, question: Question, counted: Counted) {
        self.last = Some((question, counted, Instant::now()));
    }
}
