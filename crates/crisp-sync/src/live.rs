//! The live lane: records that are wanted one by one, and messages that somebody waits for.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::{Client, SessionId, WebsiteId};
use crisp_domain::ConversationFacts;
use crisp_storage::quota::Purpose;
use crisp_storage::transcripts::Due;
use crisp_storage::wanted::{self, Wanted};
use crisp_storage::work::{Lease, Release};
use crisp_storage::{integrations, syncs, transcripts};
use futures::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::connect;
use crate::engine::Engine;
use crate::error::{Error, Verdict};
use crate::meter::Meter;
use crate::observe::LAG;
use crate::people::{Incoming, apply_profiles, remove_profiles};
use crate::run::remove_conversations;
use crate::scope::{Scope, settings_of};
use crate::threads::{self, Reading, Verify};
use crate::transcript::{A_FEW, CONCURRENCY, NOT_FOUND, Reader, in_outage};

/// Records or transcripts taken up at once.
const BATCH: i64 = 16;
/// Reads of one record before it becomes a dead letter.
const MAX_ATTEMPTS: i32 = 6;
/// What a wish says whose record Crisp did not have when it was asked for: twice in a row, and it is believed.
const ABSENT: &str = "Crisp does not have it";

/// Works on the live lane of an integration for a slice: what somebody waits for first, then what passes left over.
pub(crate) async fn slice(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Release, Error> {
    let mut session = engine.database.read_primary(lease.account).await?;
    let integration = integrations::get(&mut session, lease.integration).await?;
    session.commit().await?;
    let (true, Some(website)) = (integration.is_live(), integration.website()) else {
        return Ok(Release::Idle);
    };
    let of = |purpose| Lane::of(engine, lease, website, purpose);
    let (live, backfill) = (of(Purpose::Live), of(Purpose::Backfill));
    let may_go_on = || !stop.is_cancelled();
    let outcome = take_turns(&live, &backfill, &may_go_on).await;
    live.meter.close().await;
    backfill.meter.close().await;
    match outcome {
        Ok(release) => Ok(release),
        Err(error) => live.fail(error).await,
    }
}

/// Live work until none is due, then a batch of backfill, and again: so nobody waits behind a backfill.
async fn take_turns(
    live: &Lane<'_>,
    backfill: &Lane<'_>,
    may_go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Release, Error> {
    while may_go_on() {
        let records = live.read_records().await;
        // What is wrong with one record keeps no message back, unless it concerns all of them.
        let urgent = live.read_transcripts(Due::Urgent, may_go_on).await?;
        if records? + urgent > 0 {
            continue;
        }
        // While a sync is under way, what passes left over is the sync's.
        let sync_under_way = live.sync_is_under_way().await?;
        if sync_under_way
            || (backfill.read_transcripts(Due::Calm, may_go_on).await? == 0
                && backfill.read_transcripts(Due::SetAside, may_go_on).await? == 0)
        {
            return live.next_due(sync_under_way).await;
        }
    }
    Ok(Release::DueAt(clock::now()))
}

/// The live lane of one integration, on one purpose's budget.
struct Lane<'a> {
    engine: &'a Engine,
    lease: &'a Lease,
    client: Client,
    meter: Arc<Meter>,
    website: WebsiteId,
}

impl<'a> Lane<'a> {
    fn of(engine: &'a Engine, lease: &'a Lease, website: WebsiteId, purpose: Purpose) -> Self {
        let (client, meter) = engine.crisp(lease.account, purpose);
        Self { engine, lease, client, meter, website }
    }

    async fn sync_is_under_way(&self) -> Result<bool, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let under_way = syncs::find_under_way(&mut session, self.lease.integration).await?.is_some();
        session.commit().await?;
        Ok(under_way)
    }

    async fn next_due(&self, sync_under_way: bool) -> Result<Release, Error> {
        let integration = self.lease.integration;
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let mut due = vec![
            wanted::next_due(&mut session, integration).await?,
            transcripts::next_retry(&mut session, integration, Due::Urgent).await?,
        ];
        if !sync_under_way {
            for whose in [Due::Calm, Due::SetAside] {
                due.push(transcripts::next_retry(&mut session, integration, whose).await?);
            }
        }
        session.commit().await?;
        Ok(due.into_iter().flatten().min().map_or(Release::Idle, Release::DueAt))
    }

    /// Reads the records that are due. What fails for a reason of its own is put off; anything that concerns all of
    /// them is the caller's.
    async fn read_records(&self) -> Result<usize, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let due = wanted::list_due(&mut session, self.lease.integration, clock::now(), BATCH).await?;
        session.commit().await?;
        let reads: Vec<_> =
            due.iter().map(|wish| async move { (wish, self.read_record(wish).await) }.boxed()).collect();
        // Every read that was begun is seen through, so that none is dropped inside a transaction.
        let outcomes: Vec<_> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        let mut crisp_answers = outcomes.iter().any(|(_, outcome)| outcome.is_ok()).then_some(true);
        let mut shared = None;
        for (wish, outcome) in outcomes {
            let Err(error) = outcome else { continue };
            if error.lies_in_one_record() || self.is_its_own_outage(&error, &mut crisp_answers).await {
                self.put_off(wish, &error).await?;
            } else {
                shared = shared.or(Some(error));
            }
        }
        shared.map_or(Ok(due.len()), Err)
    }

    /// Whether Crisp fails at this record alone. Asked once in a batch.
    async fn is_its_own_outage(&self, error: &Error, crisp_answers: &mut Option<bool>) -> bool {
        if !error.is_outage() {
            return false;
        }
        if crisp_answers.is_none() {
            *crisp_answers = Some(self.client.website(self.website).await.is_ok());
        }
        *crisp_answers == Some(true)
    }

    async fn read_record(&self, wish: &Wanted) -> Result<(), Error> {
        match wish.kind.as_str() {
            "conversation" => self.read_conversation(wish).await,
            _ => self.read_profile(wish).await,
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
                // Whoever did not find its messages tries again by itself: that run shall not end without them.
                let urgent = wish.reason != NOT_FOUND;
                let reading = Reading {
                    facts,
                    sent_at,
                    verify: Verify::Hooked,
                    urgent,
                    by_name: true,
                    heard_since: None,
                };
                wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
                threads::apply_reading(&mut scope, &self.engine.erasure, reading).await?;
            }
            Some(_) => wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?,
            None if !was_absent(wish) => not_found(&mut scope, wish).await?,
            None => {
                remove_conversations(&mut scope, std::slice::from_ref(&wish.external_id)).await?;
                wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
            }
        }
        scope.commit().await
    }

    async fn read_profile(&self, wish: &Wanted) -> Result<(), Error> {
        let sent_at = clock::now();
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
        if found.is_none() && !was_absent(wish) {
            not_found(&mut scope, wish).await?;
            return scope.commit().await;
        }
        wanted::fulfil(&mut scope.session, scope.integration.integration_id(), wish).await?;
        match found {
            Some(profile) => {
                let as_of = by_crisps_clock(&mut scope, sent_at).await?;
                apply_profiles(
                    &mut scope,
                    &self.engine.erasure,
                    vec![Incoming { profile, data, hooked: None, as_of: Some(as_of) }],
                )
                .await?;
            }
            None => {
                remove_profiles(&mut scope, std::slice::from_ref(&wish.external_id)).await?;
            }
        }
        scope.commit().await
    }

    async fn put_off(&self, wish: &Wanted, error: &Error) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let (id, now) = (scope.id(), scope.now);
        let retry_at = (wish.attempts + 1 < MAX_ATTEMPTS)
            .then(|| now + crate::transcript::retry_after(wish.attempts + 1));
        wanted::put_off(&mut scope.session, id, wish, &error.chain(), retry_at, now).await?;
        scope.commit().await
    }

    async fn read_transcripts(
        &self,
        whose: Due,
        may_go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<usize, Error> {
        let in_outage = in_outage(self.lease.attempts);
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let due = transcripts::list_due(
            &mut session,
            self.lease.integration,
            whose,
            clock::now(),
            if in_outage { A_FEW } else { BATCH },
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
            in_outage,
        };
        reader.read_all(&due, may_go_on).await?;
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
            Verdict::LetGo => Ok(Release::DueAt(clock::now())),
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

/// A record that is not there is asked for once more when Crisp's lag is over: one 404 deletes nothing.
async fn not_found(scope: &mut Scope, wish: &Wanted) -> Result<(), Error> {
    let (id, now) = (scope.id(), scope.now);
    let again = now + LAG;
    Ok(wanted::put_off(&mut scope.session, id, wish, ABSENT, Some(again), now).await?)
}

/// A moment of our clock by Crisp's, as far as hooks have told the difference.
async fn by_crisps_clock(scope: &mut Scope, at: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let id = scope.id();
    let channel = integrations::hook_channel(&mut scope.session, id).await?;
    Ok(at - TimeDelta::milliseconds(channel.hook_skew_ms.unwrap_or(0)))
}

/// Whether Crisp did not have it the last time either.
fn was_absent(wish: &Wanted) -> bool {
    wish.error.as_deref() == Some(ABSENT)
}
