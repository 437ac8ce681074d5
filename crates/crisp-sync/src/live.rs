//! The live lane: records that are wanted one by one, and messages that somebody waits for.

use chrono::TimeDelta;
use crisp_client::{Client, SessionId, WebsiteId};
use crisp_domain::ConversationFacts;
use crisp_storage::quota::Purpose;
use crisp_storage::wanted::{self, Wanted};
use crisp_storage::work::{Lease, Release};
use crisp_storage::{conversations, integrations, syncs};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::error::{Error, Verdict};
use crate::people::{Incoming, apply_profiles, remove_profiles};
use crate::run::remove_conversations;
use crate::scope::{Scope, settings_of};
use crate::threads::{self, Reading, Verify};
use crate::transcript::{CONCURRENCY, Reader};

/// Records or transcripts taken up at once.
const BATCH: i64 = 16;
/// Reads of one record before it becomes a dead letter.
const MAX_ATTEMPTS: i32 = 6;

struct Live<'a> {
    engine: &'a Engine,
    lease: &'a Lease,
    client: Client,
    website: WebsiteId,
}

/// Works on the live lane of an integration until nothing is due.
pub(crate) async fn slice(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Release, Error> {
    let mut session = engine.database.read_primary(lease.account).await?;
    let integration = integrations::get(&mut session, lease.integration).await?;
    let sync_under_way = syncs::find_under_way(&mut session, lease.integration).await?.is_some();
    session.commit().await?;
    let (true, Some(website)) = (integration.is_live(), integration.website()) else {
        return Ok(Release::Idle);
    };
    let mut released = work(engine, lease, stop, website, Purpose::Live).await?;
    if released == Release::Idle && !sync_under_way && !stop.is_cancelled() {
        released = work(engine, lease, stop, website, Purpose::Backfill).await?;
    }
    Ok(released)
}

async fn work(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
    website: WebsiteId,
    purpose: Purpose,
) -> Result<Release, Error> {
    let (client, meter) = engine.crisp(lease.account, purpose);
    let live = Live { engine, lease, client, website };
    let outcome = live.until_nothing_is_due(stop, purpose).await;
    meter.close().await;
    match outcome {
        Ok(release) => Ok(release),
        Err(error) => live.fail(error).await,
    }
}

impl Live<'_> {
    async fn until_nothing_is_due(
        &self,
        stop: &CancellationToken,
        purpose: Purpose,
    ) -> Result<Release, Error> {
        while !stop.is_cancelled() {
            let records = if purpose == Purpose::Live { self.read_records().await? } else { 0 };
            if records + self.read_transcripts(purpose).await? == 0 {
                return self.next_due().await;
            }
        }
        Ok(Release::DueAt(clock::now()))
    }

    async fn next_due(&self) -> Result<Release, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let record = wanted::next_due(&mut session, self.lease.integration).await?;
        let (left, transcript) =
            conversations::count_messages_due(&mut session, self.lease.integration).await?;
        session.commit().await?;
        let transcript = if left > 0 { transcript } else { None };
        Ok(record.into_iter().chain(transcript).min().map_or(Release::Idle, Release::DueAt))
    }

    async fn read_records(&self) -> Result<usize, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let due = wanted::list_due(&mut session, self.lease.integration, clock::now(), BATCH).await?;
        session.commit().await?;
        let reads: Vec<_> = due.iter().map(|wish| self.read_record(wish).boxed()).collect();
        see_through(reads).await?;
        Ok(due.len())
    }

    async fn read_record(&self, wish: &Wanted) -> Result<(), Error> {
        use crisp_client::Error as Crisp;
        let outcome = match wish.kind.as_str() {
            "conversation" => self.read_conversation(wish).await,
            _ => self.read_profile(wish).await,
        };
        match outcome {
            Err(Error::Crisp(error @ (Crisp::Malformed { .. } | Crisp::Rejected { .. }))) => {
                self.put_off(wish, &error.to_string()).await
            }
            outcome => outcome,
        }
    }

    async fn read_conversation(&self, wish: &Wanted) -> Result<(), Error> {
        let sent_at = clock::now();
        let found = absent_as_none(
            self.client.conversation(self.website, &SessionId::new(wish.external_id.clone())).await,
        )?;
        let mut scope = self.open().await?;
        match found {
            Some(conversation) if conversation.session_id.as_str() == wish.external_id => {
                let facts = vec![ConversationFacts::from_wire(&conversation)];
                let reading = Reading { facts, sent_at, verify: Verify::Hooked, urgent: true, by_name: true };
                wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
                threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
            }
            Some(_) => wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?,
            None => {
                remove_conversations(&mut scope, std::slice::from_ref(&wish.external_id)).await?;
                wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
            }
        }
        scope.commit().await
    }

    async fn read_profile(&self, wish: &Wanted) -> Result<(), Error> {
        let found = absent_as_none(self.client.profile(self.website, &wish.external_id).await)?;
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let settings = settings_of(&integrations::get(&mut session, self.lease.integration).await?)?;
        session.commit().await?;
        let data = match &found {
            Some(profile) if settings.mapping.uses_data() => {
                absent_as_none(self.client.people_data(self.website, &profile.people_id).await)?.flatten()
            }
            _ => None,
        };
        let mut scope = self.open().await?;
        wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
        match found {
            Some(profile) => {
                apply_profiles(
                    &mut scope,
                    &self.engine.erasure,
                    vec![Incoming { profile, data, hooked: None }],
                )
                .await?;
            }
            None => {
                remove_profiles(&mut scope, std::slice::from_ref(&wish.external_id)).await?;
            }
        }
        scope.commit().await
    }

    async fn put_off(&self, wish: &Wanted, error: &str) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let (id, now) = (scope.id(), scope.now);
        let retry_at =
            (wish.attempts + 1 < MAX_ATTEMPTS).then(|| now + crate::transcript::retry_after(wish.attempts));
        wanted::put_off(&mut scope.session, id, wish, error, retry_at, now).await?;
        scope.commit().await
    }

    async fn read_transcripts(&self, purpose: Purpose) -> Result<usize, Error> {
        let whose =
            if purpose == Purpose::Live { conversations::Due::Urgent } else { conversations::Due::Calm };
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let due = conversations::list_messages_due(
            &mut session,
            self.lease.integration,
            whose,
            clock::now(),
            BATCH,
        )
        .await?;
        session.commit().await?;
        let reader = Reader {
            database: &self.engine.database,
            client: &self.client,
            lease: self.lease,
            website: self.website,
            sync: None,
            cause: "live",
        };
        reader.read_all(&due).await?;
        Ok(due.len())
    }

    async fn open(&self) -> Result<Scope, Error> {
        Scope::open(&self.engine.database, self.lease, "hook", clock::now()).await
    }

    async fn fail(&self, error: Error) -> Result<Release, Error> {
        let now = clock::now();
        match error.verdict(now) {
            Verdict::WaitForQuota(until) => Ok(Release::DueAt(until.unwrap_or(now + TimeDelta::seconds(5)))),
            Verdict::NeedsAttention(what) => {
                let mut scope = self.open().await?;
                let mut integration = scope.integration.clone();
                connect::needs_attention(&mut scope.session, &mut integration, what, now).await?;
                scope.commit().await?;
                Ok(Release::Idle)
            }
            Verdict::LetGo => Ok(Release::Idle),
            Verdict::Retry(Some(not_before)) => Ok(Release::DueAt(not_before)),
            Verdict::Retry(None) | Verdict::GiveUp => Err(error),
        }
    }
}

fn absent_as_none<T>(answer: Result<T, crisp_client::Error>) -> Result<Option<T>, crisp_client::Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(crisp_client::Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs work side by side and sees all of it through, so that none is dropped inside a transaction; the first error.
async fn see_through(work: Vec<BoxFuture<'_, Result<(), Error>>>) -> Result<(), Error> {
    let mut outcomes = stream::iter(work).buffer_unordered(CONCURRENCY);
    let mut failure = None;
    while let Some(outcome) = outcomes.next().await {
        failure = failure.or(outcome.err());
    }
    failure.map_or(Ok(()), Err)
}
