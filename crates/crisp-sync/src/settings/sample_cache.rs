//! What was read from Crisp for the mapping editor, kept while somebody edits: every keystroke would cost it again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crisp_client::{PeopleId, WebsiteId};
use crisp_domain::IntegrationId;
use serde_json::{Map, Value};

use super::samples::Sample;

/// How long it is kept: about as long as somebody edits a mapping.
const LIVES: Duration = Duration::from_mins(10);
/// Integrations of which something is kept at a time.
const MOST: usize = 64;

/// Samples of the integrations whose mapping is being edited. They live in this process alone, for minutes.
#[derive(Default)]
pub(crate) struct SampleCache(Mutex<HashMap<(IntegrationId, WebsiteId), Kept>>);

struct Kept {
    since: Instant,
    page: Option<Vec<Sample>>,
    data: HashMap<PeopleId, Map<String, Value>>,
}

impl SampleCache {
    /// The page of profiles read last.
    pub(super) fn page(&self, integration: IntegrationId, website: WebsiteId) -> Option<Vec<Sample>> {
        self.fresh(Instant::now()).get(&(integration, website))?.page.clone()
    }

    /// Keeps a page of profiles.
    pub(super) fn keep_page(&self, integration: IntegrationId, website: WebsiteId, page: &[Sample]) {
        self.entry(integration, website, |kept| kept.page = Some(page.to_vec()));
    }

    /// The custom data of a person, if they were read.
    pub(super) fn data(
        &self,
        integration: IntegrationId,
        website: WebsiteId,
        person: &PeopleId,
    ) -> Option<Map<String, Value>> {
        self.fresh(Instant::now()).get(&(integration, website))?.data.get(person).cloned()
    }

    /// Keeps a person's custom data.
    pub(super) fn keep_data(&self, integration: IntegrationId, website: WebsiteId, sample: &Sample) {
        let Some(data) = sample.data.clone() else { return };
        self.entry(integration, website, |kept| {
            kept.data.insert(sample.people_id.clone(), data);
        });
    }

    fn entry(&self, integration: IntegrationId, website: WebsiteId, keep: impl FnOnce(&mut Kept)) {
        let now = Instant::now();
        let mut all = self.fresh(now);
        let own = (integration, website);
        if all.len() >= MOST && !all.contains_key(&own) {
            return;
        }
        keep(all.entry(own).or_insert_with(|| Kept { since: now, page: None, data: HashMap::new() }));
    }

    /// What is not too old yet; the rest is let go.
    fn fresh(&self, now: Instant) -> MutexGuard<'_, HashMap<(IntegrationId, WebsiteId), Kept>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, kept| now.duration_since(kept.since) < LIVES);
        all
    }
}
