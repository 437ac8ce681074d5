//! The end of a batch: what its hooks changed is saved, what they want is noted, and they are marked or forgotten.

use std::collections::{BTreeMap, BTreeSet};

use crisp_domain::EmailKey;
use crisp_storage::hooks;
use crisp_storage::wanted;
use crisp_storage::work::{self, Lane};
use uuid::Uuid;

use super::apply::Batch;
use super::messages;
use crate::erase::{Trail, keep_away};
use crate::error::Error;
use crate::threads::{self, Change, Plan, Verify};

impl Batch<'_> {
    /// Saves the conversations and messages that were changed so far.
    pub(super) async fn save_changes(&mut self) -> Result<(), Error> {
        self.keep_erased_away().await?;
        messages::save(&mut self.scope, &mut self.messages, &mut self.changes).await?;
        let changes: Vec<Change> = std::mem::take(&mut self.changes)
            .into_values()
            .filter(|change| change.before.as_ref() != Some(&change.row))
            .collect();
        self.wakes |= changes.iter().any(|change| change.row.messages_urgent);
        if !changes.is_empty() {
            let plan = Plan { verify: Verify::Nothing, urgent: true, heard_since: None };
            let tally = threads::save_changes(&mut self.scope, changes, Some(plan)).await?;
            self.wakes |= tally.created > 0;
        }
        Ok(())
    }

    /// Saves the rest of the batch and makes it durable.
    pub(super) async fn save(mut self) -> Result<(), Error> {
        let (id, now) = (self.scope.id(), self.scope.now);
        self.unload().await?;
        for (kind, external_id) in &self.wanted {
            let kind = if *kind == "profile" { wanted::Kind::Profile } else { wanted::Kind::Conversation };
            wanted::want(&mut self.scope.session, id, kind, external_id, "hook", now, now).await?;
        }
        if self.wakes || !self.wanted.is_empty() {
            work::signal(&mut self.scope.session, id, Lane::Live, now).await?;
        }
        let body = if self.scope.settings.redact { hooks::Body::Emptied } else { hooks::Body::Kept };
        for (outcome, ids) in &self.outcomes {
            hooks::mark_applied(&mut self.scope.session, ids, outcome, body, now).await?;
        }
        hooks::delete(&mut self.scope.session, &self.forgotten).await?;
        let newest = self.outcomes.values().map(Vec::len).sum::<usize>() + self.forgotten.len();
        metrics::counter!("crisp_hooks_applied_total").increment(u64::try_from(newest).unwrap_or(0));
        self.scope.commit().await
    }

    /// A conversation that hooks made an erased person's goes with all that is stored of it.
    async fn keep_erased_away(&mut self) -> Result<(), Error> {
        let is_changed = |change: &Change| change.before.as_ref() != Some(&change.row);
        let (changes, unchanged): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.changes).into_iter().partition(|(_, change)| is_changed(change));
        let free =
            keep_away(&mut self.scope, &self.engine.erasure, changes.into_values().collect(), trail_of)
                .await?;
        self.changes = unchanged;
        self.changes.extend(free.into_iter().map(|change| (change.row.session_id.clone(), change)));
        let left: BTreeSet<Uuid> = self.changes.values().map(|change| change.row.id).collect();
        self.messages.keep(|conversation| left.contains(&conversation));
        Ok(())
    }
}

fn trail_of(change: &Change) -> Trail {
    let row = &change.row;
    Trail {
        session: Some(row.session_id.clone()),
        writer: row.people_id.clone(),
        emails: row.email_key.as_deref().and_then(EmailKey::parse).into_iter().collect(),
        people: None,
    }
}
