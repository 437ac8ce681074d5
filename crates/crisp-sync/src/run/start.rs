//! What a run begins with, and which run begins.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, SyncId};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::quota::Purpose;
use crisp_storage::syncs::{self, Ending, SyncRow};
use crisp_storage::work::{self, Lease, Release};
use crisp_storage::{AccountSession, audit, claims, operators};
use serde_json::json;

use super::{Next, Run, Stage};
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::schedule;
use crate::settings::start_of_window;

/// How often an integration that needs attention is looked at, to see whether the cause is gone.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(15);
/// Failures of a step in a row, outages all of them, before the record that was asked for may be set aside.
const SET_ASIDE_AFTER: i32 = 3;

/// The run under way; else the one that the schedule wants now, begun. `None`: nothing is due.
pub(super) async fn run_or_schedule(
    engine: &Engine,
    lease: &Lease,
) -> Result<Option<(SyncRow, IntegrationRow)>, Error> {
    if !recover(engine, lease).await? {
        return Ok(None);
    }
    let now = clock::now();
    let mut session = engine.database.write(lease.account).await?;
    work::fence(&mut session, lease).await?;
    let integration = integrations::get(&mut session, lease.integration).await?;
    if let Some(row) = syncs::find_under_way(&mut session, lease.integration).await? {
        let row = if integration.is_live() { row } else { end_orphan(&mut session, row, now).await? };
        session.commit().await?;
        return Ok(integration.is_live().then_some((row, integration)));
    }
    let Some(kind) = schedule::due_kind(&integration, now) else { return Ok(None) };
    let owner = (lease.account, lease.integration);
    let row = SyncRow::queued(owner, SyncId::new_v7(now), (kind, "schedule"), None, now);
    syncs::insert(&mut session, &row).await?;
    session.commit().await?;
    Ok(Some((row, integration)))
}

async fn end_orphan(
    session: &mut AccountSession,
    mut row: SyncRow,
    now: DateTime<Utc>,
) -> Result<SyncRow, Error> {
    row.end(Ending::Cancelled, now);
    syncs::close(session, &row).await?;
    Ok(row)
}

/// When the lane is due again: the schedule's next wish.
pub(super) async fn next_due(engine: &Engine, lease: &Lease) -> Result<Release, Error> {
    let mut session = engine.database.read_primary(lease.account).await?;
    let integration = integrations::get(&mut session, lease.integration).await?;
    let under_way = syncs::find_under_way(&mut session, lease.integration).await?;
    session.commit().await?;
    let next = match integration.state.as_str() {
        "active" if under_way.is_some() => Some(clock::now()),
        "active" => schedule::next_run(&integration),
        "needs_attention" if integration.problem_code.as_deref() != Some("plugin_uninstalled") => {
            clock::now().checked_add_signed(LOOK_AGAIN)
        }
        _ => None,
    };
    Ok(next.map_or(Release::Idle, Release::DueAt))
}

/// Looks whether an integration that needs attention has been mended. `false`: it has not, or is not connected.
async fn recover(engine: &Engine, lease: &Lease) -> Result<bool, Error> {
    let mut session = engine.database.read_primary(lease.account).await?;
    let integration = integrations::get(&mut session, lease.integration).await?;
    session.commit().await?;
    if integration.state != "needs_attention" {
        return Ok(true);
    }
    let (Some(website), false) =
        (integration.website(), integration.problem_code.as_deref() == Some("plugin_uninstalled"))
    else {
        return Ok(false);
    };
    let (client, meter) = engine.crisp(lease.account, Purpose::Live);
    let probe = crisp_client::ConversationsQuery { per_page: 20, ..Default::default() };
    let answer = client.conversations_page(website, &probe).await;
    meter.close().await;
    if answer.is_err() {
        return Ok(false);
    }
    let mut session = engine.database.write(lease.account).await?;
    work::fence(&mut session, lease).await?;
    let mut integration = integrations::get(&mut session, lease.integration).await?;
    // Whoever disconnected it meanwhile, or reconnected it, has had the last word.
    let held = claims::claimed_at(&mut session, lease.integration).await?.is_some();
    if !held || integration.state != "needs_attention" || integration.website() != Some(website) {
        return Ok(integration.is_live());
    }
    integration.state = integration.state_before_problem.take().unwrap_or_else(|| "connected".to_owned());
    let now = clock::now();
    let before = integration.problem_code.take();
    integration.problem_detail = None;
    integration.next_incremental_at = Some(now);
    if integration.active_at.is_some() {
        // Web hooks that came meanwhile changed nothing.
        integration.next_reconcile_at = Some(now);
    } else {
        begin_again(&mut session, &integration, now).await?;
    }
    integrations::save(&mut session, &integration).await?;
    let detail = json!({"code": before, "state": ["needs_attention", integration.state]});
    audit::append(&mut session, "system", "integration.recovered", Some(lease.integration), &detail, now)
        .await?;
    session.commit().await?;
    tracing::info!(integration = %lease.integration, "the integration works again");
    Ok(true)
}

/// Queues the first import again that ended when the integration needed attention: it goes on by itself.
async fn begin_again(
    session: &mut AccountSession,
    integration: &IntegrationRow,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let id = integration.integration_id();
    let last = syncs::find_last(session, id).await?;
    let ended_by_it = last.is_some_and(|run| run.kind == "full" && run.state == "failed");
    if ended_by_it && syncs::find_under_way(session, id).await?.is_none() {
        let owner = (AccountId::from(integration.account_id), id);
        let run = SyncRow::queued(owner, SyncId::new_v7(now), ("full", "first_import"), None, now);
        syncs::insert(session, &run).await?;
    }
    Ok(())
}

impl Run<'_> {
    /// Asks for what the whole run needs and fixes what it starts from.
    pub(super) async fn begin(&mut self) -> Result<Next, Error> {
        let whole = !self.is_incremental();
        let people = if whole && self.settings.import_people {
            self.nicety(self.client.people_stats(self.website).await).await?
        } else {
            None
        };
        let order = if whole && self.settings.import_people { self.look_at_the_order().await? } else { None };
        let names = if whole { self.operator_names().await? } else { Vec::new() };
        let mut scope = self.open().await?;
        let (id, now) = (scope.id(), scope.now);
        operators::save(&mut scope.session, id, &names, now).await?;
        let first_stage = self.first_stage();
        let backfill_days = scope.settings.backfill_days;
        let is_full = self.row.kind == "full";
        self.commit(scope, |row, mark, integration| {
            row.started_at.get_or_insert(now);
            row.expected_conversations = integration.expected_conversations.filter(|_| whole);
            row.expected_people = people.and_then(|total| i64::try_from(total).ok());
            if is_full && integration.first_import_at.is_none() {
                integration.first_import_at = Some(now);
                integration.backfill_from = start_of_window(now, backfill_days);
            }
            if let Some(order) = order {
                integration.people_order_proven = Some(order.sorted);
                mark.profiles_until = order.newest;
            }
            mark.enter(first_stage);
        })
        .await?;
        Ok(Next::Step)
    }

    fn first_stage(&self) -> Stage {
        if self.settings.import_people { Stage::People } else { self.stage_after_people() }
    }

    pub(super) fn stage_after_people(&self) -> Stage {
        if self.settings.import_conversations { Stage::Conversations } else { Stage::Settle }
    }

    /// A total and names are niceties: a token without that scope, or a route that fails whatever one does, must not keep
    /// people and conversations out. Where Crisp is not there at all, or the plugin is not welcome, nothing will come of
    /// the rest either.
    pub(super) async fn nicety<T>(&self, answer: Result<T, crisp_client::Error>) -> Result<Option<T>, Error> {
        use crisp_client::Error as Crisp;
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(Crisp::Unavailable { .. }) if self.crisp_answers().await => Ok(None),
            Err(
                Crisp::Forbidden
                | Crisp::PlanMissing
                | Crisp::NotFound
                | Crisp::Malformed { .. }
                | Crisp::Rejected { .. },
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether Crisp is there, whatever it answers.
    async fn crisp_answers(&self) -> bool {
        !matches!(self.client.website(self.website).await, Err(crisp_client::Error::Unavailable { .. }))
    }

    /// Whether an answer fails for a reason that lies in the one record that was asked for: then it is set aside and
    /// listed, and everything else goes on. An outage counts only after some attempts, and if Crisp answers otherwise.
    pub(super) async fn lies_in_the_record(&self, error: &crisp_client::Error) -> bool {
        use crisp_client::{Error as Crisp, Outage};
        let is_its_own = matches!(
            error,
            Crisp::Malformed { .. }
                | Crisp::Rejected { .. }
                | Crisp::Unavailable { cause: Outage::TooLarge { .. }, .. }
        );
        let is_outage = matches!(error, Crisp::Unavailable { .. });
        is_its_own || (is_outage && self.row.failures_in_row >= SET_ASIDE_AFTER && self.crisp_answers().await)
    }

    async fn operator_names(&self) -> Result<Vec<(String, String)>, Error> {
        let operators = self.nicety(self.client.operators(self.website).await).await?.unwrap_or_default();
        Ok(operators
            .into_iter()
            .flatten()
            .filter_map(|operator| Some((operator.user_id.as_str().to_owned(), operator.display_name()?)))
            .map(|(id, name)| (crisp_domain::text::storable(&id), crisp_domain::text::storable(&name)))
            .collect())
    }
}
