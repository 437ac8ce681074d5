//! Reads the messages that are due, the newest conversations first, several at a time.

use chrono::TimeDelta;
use crisp_storage::transcripts;

use super::{Next, Run, Stage};
use crate::clock;
use crate::error::Error;
use crate::transcript;

/// Conversations taken up in one step.
const BATCH: i64 = 32;

impl Run<'_> {
    pub(super) async fn messages(&mut self) -> Result<Next, Error> {
        let now = clock::now();
        let in_outage = transcript::in_outage(self.row.failures_in_row);
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let due = transcripts::list_due(
            &mut session,
            self.lease.integration,
            transcripts::Due::Calm,
            now,
            if in_outage { transcript::A_FEW } else { BATCH },
        )
        .await?;
        let waiting =
            transcripts::next_retry(&mut session, self.lease.integration, transcripts::Due::Calm).await?;
        session.commit().await?;
        if due.is_empty() {
            return self.after_messages(waiting).await;
        }
        let reader = transcript::Reader {
            database: &self.engine.database,
            client: &self.client,
            lease: self.lease,
            website: self.website,
            sync: Some(self.id()),
            cause: "sync",
            in_outage,
        };
        // Each batch was committed for itself: what is left to commit is that the step went well.
        reader.read_all(&due, &|| self.may_go_on()).await?;
        let scope = self.open().await?;
        self.commit(scope, |_, _, _| {}).await?;
        Ok(Next::Step)
    }

    async fn after_messages(
        &mut self,
        waiting: Option<chrono::DateTime<chrono::Utc>>,
    ) -> Result<Next, Error> {
        if let Some(retry_at) = waiting {
            // The run ends when every transcript was read or given up; until then it yields its place.
            let at = retry_at.max(clock::now() + TimeDelta::milliseconds(200));
            return Ok(Next::Wait(at));
        }
        let scope = self.open().await?;
        self.commit(scope, |_, mark, _| mark.enter(Stage::Settle)).await?;
        Ok(Next::Step)
    }
}
