//! Asks after what a complete pass has not seen, and marks what is gone.
//!
//! A list that shifts while one pages can hide a row, so not being listed is a reason to ask, not a proof. Up to
//! [`SAMPLE`] names of a batch are asked for one by one; when every one of them is gone, the rest of a large batch is
//! believed to be gone too: a mistake there is undone by the next pass that lists the record.

use crisp_client::SessionId;
use crisp_domain::ConversationFacts;
use crisp_storage::{conversations, sightings, unreadable};

use super::odd::Odd;
use super::{Next, Run, Stage, count};
use crate::clock;
use crate::error::Error;
use crate::people::remove_profiles;
use crate::threads::{self, Change, Reading, Verify};

/// Names looked at in one step.
const BATCH: i64 = 100;
/// Names of a batch that are asked for one by one before the rest is believed.
const SAMPLE: usize = 20;

impl Run<'_> {
    pub(super) async fn vanished_people(&mut self) -> Result<Next, Error> {
        let unseen = self.unseen(sightings::Kind::Profile).await?;
        let Some(last) = unseen.last().cloned() else {
            let next = self.stage_after_people();
            let scope = self.open().await?;
            self.commit(scope, |_, mark, _| mark.enter(next)).await?;
            return Ok(Next::Step);
        };
        let (mut gone, mut odd) = (Vec::new(), Odd::default());
        for (asked, name) in unseen.iter().enumerate() {
            let believed = asked >= SAMPLE && gone.len() == asked;
            if believed {
                gone.push(name.clone());
                continue;
            }
            match asked_for(self.client.profile(self.website, name).await)? {
                Asked::Gone => gone.push(name.clone()),
                Asked::Unreadable(why) => odd.note(name.clone(), &why),
                Asked::Found(_) => {}
            }
        }
        let mut scope = self.open().await?;
        odd.save(&mut scope, unreadable::Kind::Profile, &[], false).await?;
        let removed = remove_profiles(&mut scope, &gone).await?;
        self.commit(scope, |row, mark, _| {
            row.people_failed += odd.failed;
            row.people_removed += removed;
            mark.after = last;
        })
        .await?;
        Ok(Next::Step)
    }

    pub(super) async fn vanished_conversations(&mut self) -> Result<Next, Error> {
        let unseen = self.unseen(sightings::Kind::Conversation).await?;
        let Some(last) = unseen.last().cloned() else {
            let scope = self.open().await?;
            self.commit(scope, |_, mark, _| mark.enter(Stage::Messages)).await?;
            return Ok(Next::Step);
        };
        let (mut gone, mut found, mut odd) = (Vec::new(), Vec::new(), Odd::default());
        let sent_at = clock::now();
        for (asked, name) in unseen.iter().enumerate() {
            let believed = asked >= SAMPLE && gone.len() == asked;
            if believed {
                gone.push(name.clone());
                continue;
            }
            let session = SessionId::new(name.clone());
            match asked_for(self.client.conversation(self.website, &session).await)? {
                Asked::Found(conversation) => found.push(ConversationFacts::from_wire(&conversation)),
                Asked::Gone => gone.push(name.clone()),
                Asked::Unreadable(why) => odd.note(name.clone(), &why),
            }
        }
        let mut scope = self.open().await?;
        odd.save(&mut scope, unreadable::Kind::Conversation, &[], false).await?;
        let reading = Reading {
            facts: found,
            sent_at,
            verify: Verify::Hooked,
            urgent: false,
            by_name: true,
            heard_since: None,
        };
        threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
        let removed = remove_conversations(&mut scope, &gone).await?;
        self.commit(scope, |row, mark, _| {
            row.conversations_failed += odd.failed;
            row.conversations_removed += removed;
            mark.after = last;
        })
        .await?;
        Ok(Next::Step)
    }

    async fn unseen(&self, kind: sightings::Kind) -> Result<Vec<String>, Error> {
        let began = self.row.started_at.unwrap_or(self.row.queued_at);
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let (integration, sync, after) = (self.lease.integration, self.id(), self.mark.after.as_str());
        let names = match kind {
            sightings::Kind::Profile => {
                sightings::list_unseen_profiles(&mut session, integration, sync, began, after, BATCH).await
            }
            sightings::Kind::Conversation => {
                sightings::list_unseen_conversations(&mut session, integration, sync, began, after, BATCH)
                    .await
            }
        }?;
        session.commit().await?;
        Ok(names)
    }
}

/// What became of a record that was asked for by its name.
enum Asked<T> {
    Found(T),
    Gone,
    /// It is there, but cannot be read: why.
    Unreadable(crisp_client::Error),
}

fn asked_for<T>(answer: Result<T, crisp_client::Error>) -> Result<Asked<T>, crisp_client::Error> {
    match answer {
        Ok(found) => Ok(Asked::Found(found)),
        Err(crisp_client::Error::NotFound) => Ok(Asked::Gone),
        Err(error @ crisp_client::Error::Malformed { .. }) => Ok(Asked::Unreadable(error)),
        Err(error) => Err(error),
    }
}

/// Marks conversations as removed in Crisp: they leave the views, their messages are forgotten.
pub(crate) async fn remove_conversations(
    scope: &mut crate::scope::Scope,
    sessions: &[String],
) -> Result<i64, Error> {
    let (id, now) = (scope.id(), scope.now);
    let rows = conversations::list_by_session(&mut scope.session, id, sessions).await?;
    let changes: Vec<Change> = rows
        .into_iter()
        .filter(|row| row.removed_at.is_none())
        .map(|before| {
            let mut row = before.clone();
            threads::remove(&mut row, now);
            Change { before: Some(before), row }
        })
        .collect();
    let removed = count(changes.len());
    threads::save_changes(scope, changes, None).await?;
    Ok(removed)
}
