//! Lists that shifted while they were walked: a row that leaves a list pulls those behind it to pages that were read
//! before, where nobody looks any more. So a list that rows are known to have left is walked once more, until none has.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_storage::{conversations, hooks, wanted};

use super::{Run, Stage};
use crate::error::Error;
use crate::transcript::NOT_FOUND;

/// How often a run walks its lists again at the most: what slips through then is found by the next complete pass.
const MOST_WALKS_AGAIN: u8 = 2;
/// How long after a walk what is found to be gone counts as gone during the walk.
const AFTERMATH: TimeDelta = TimeDelta::seconds(60);

/// People whose list is short enough to be read again on any sign: 50 pages.
const FEW_PEOPLE: i64 = 2_500;

/// Crisp's event for a profile that is gone.
pub(super) const PROFILE_REMOVED: &str = "people:profile:removed";
const SESSION_REMOVED: &str = "session:removed";

/// What is known to have left the lists.
#[derive(Debug, Clone, Copy, Default)]
struct Removals {
    people: bool,
    conversations: bool,
}

impl Run<'_> {
    /// From which stage on the lists have to be walked again; `None`: nothing is known to have left them.
    pub(super) async fn walks_again_from(&self) -> Result<Option<Stage>, Error> {
        let Some(walk) = self.mark.lists_began.zip(self.mark.lists_ended) else { return Ok(None) };
        if self.mark.again >= MOST_WALKS_AGAIN {
            return Ok(None);
        }
        let removals = self.look_for_removals(walk).await?;
        // Who deletes a customer deletes both, and nothing tells that a profile has gone where its hook was lost.
        let people = removals.people || (removals.conversations && self.row.people_read <= FEW_PEOPLE);
        Ok(if people && self.settings.import_people {
            Some(Stage::People)
        } else if (removals.people || removals.conversations) && self.settings.import_conversations {
            Some(Stage::Conversations)
        } else {
            None
        })
    }

    /// Which removals hooks told of during a walk, and whether a conversation was found to be gone then or soon after.
    async fn look_for_removals(
        &self,
        (began, ended): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Removals, Error> {
        let id = self.lease.integration;
        let aftermath = (began, ended.checked_add_signed(AFTERMATH).unwrap_or(ended));
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let names = [PROFILE_REMOVED, SESSION_REMOVED];
        let events = hooks::list_events_between(&mut session, id, &names, (began, ended)).await?;
        let is_gone = conversations::any_removed_between(&mut session, id, aftermath).await?
            || wanted::any_since(&mut session, id, NOT_FOUND, began).await?;
        session.commit().await?;
        let told = |event: &str| events.iter().any(|one| one == event);
        Ok(Removals { people: told(PROFILE_REMOVED), conversations: is_gone || told(SESSION_REMOVED) })
    }
}
