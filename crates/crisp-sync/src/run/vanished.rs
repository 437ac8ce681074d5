//! Asks after what a complete pass has not seen, and marks what is gone.
//!
//! A list that shifts while one pages can hide a row, so not being listed is a reason to ask, not a proof. Up to
//! [`SAMPLE`] names of a batch are asked for one by one; when every one of them is gone, the rest of a large batch is
//! believed to be gone too: a mistake there is undone by the next pass that lists the record.

use crisp_client::SessionId;
use crisp_domain::ConversationFacts;
use crisp_storage::{conversations, sightings, unreadable};
use futures::FutureExt;
use futures::future::BoxFuture;

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
        if unseen.is_empty() {
            let next = self.stage_after_people();
            let scope = self.open().await?;
            self.commit(scope, |_, mark, _| mark.enter(next)).await?;
            return Ok(Next::Step);
        }
        let (client, website) = (self.client.clone(), self.website);
        let ask = |name: String| {
            let client = client.clone();
            async move { client.profile(website, &name).await }.boxed()
        };
        let asked = self.ask_after(&unseen, ask).await;
        let Some(last) = asked.last else { return asked.failed.map_or(Ok(Next::Step), Err) };
        let mut scope = self.open().await?;
        asked.odd.save(&mut scope, unreadable::Kind::Profile, &[], false).await?;
        let removed = remove_profiles(&mut scope, &asked.gone).await?;
        self.commit(scope, |row, mark, _| {
            row.people_failed += asked.odd.failed;
            row.people_removed += removed;
            mark.after = last;
        })
        .await?;
        asked.failed.map_or(Ok(Next::Step), Err)
    }

    pub(super) async fn vanished_conversations(&mut self) -> Result<Next, Error> {
        let unseen = self.unseen(sightings::Kind::Conversation).await?;
        if unseen.is_empty() {
            let scope = self.open().await?;
            self.commit(scope, |_, mark, _| mark.enter(Stage::Messages)).await?;
            return Ok(Next::Step);
        }
        let sent_at = clock::now();
        let (client, website) = (self.client.clone(), self.website);
        let ask = |name: String| {
            let client = client.clone();
            async move { client.conversation(website, &SessionId::new(name)).await }.boxed()
        };
        let asked = self.ask_after(&unseen, ask).await;
        let Some(last) = asked.last else { return asked.failed.map_or(Ok(Next::Step), Err) };
        let mut scope = self.open().await?;
        asked.odd.save(&mut scope, unreadable::Kind::Conversation, &[], false).await?;
        let reading = Reading {
            facts: asked.found.iter().map(ConversationFacts::from_wire).collect(),
            sent_at,
            verify: Verify::Hooked,
            urgent: false,
            by_name: true,
            heard_since: None,
        };
        threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
        let removed = remove_conversations(&mut scope, &asked.gone).await?;
        self.commit(scope, |row, mark, _| {
            row.conversations_failed += asked.odd.failed;
            row.conversations_removed += removed;
            mark.after = last;
        })
        .await?;
        asked.failed.map_or(Ok(Next::Step), Err)
    }

    /// Asks after names, one by one, until one of them cannot be asked after: what was learnt until then stands.
    async fn ask_after<T>(
        &self,
        names: &[String],
        ask: impl Fn(String) -> BoxFuture<'static, Result<T, crisp_client::Error>>,
    ) -> Asked<T> {
        let mut asked =
            Asked { found: Vec::new(), gone: Vec::new(), odd: Odd::default(), last: None, failed: None };
        for (number, name) in names.iter().enumerate() {
            let believed = number >= SAMPLE && asked.gone.len() == number;
            match if believed { Err(crisp_client::Error::NotFound) } else { ask(name.clone()).await } {
                Ok(found) => asked.found.push(found),
                Err(crisp_client::Error::NotFound) => asked.gone.push(name.clone()),
                Err(error) if self.lies_in_the_record(&error).await => asked.odd.note(name.clone(), &error),
                Err(error) => {
                    asked.failed = Some(error.into());
                    break;
                }
            }
            asked.last = Some(name.clone());
            // A sample is seen through, for it may save the rest; where it has failed, every name is a request.
            if !self.may_go_on() && asked.gone.len() <= number {
                break;
            }
        }
        asked
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

/// What became of records that were asked for by their names.
struct Asked<T> {
    found: Vec<T>,
    gone: Vec<String>,
    /// They are there, but cannot be read.
    odd: Odd,
    /// The last one of which anything was learnt.
    last: Option<String>,
    /// Why the one after it could not be asked for.
    failed: Option<Error>,
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
