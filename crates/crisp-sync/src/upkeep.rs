//! The upkeep lane: applies a changed mapping to all stored profiles, and purges what a disconnect was told to.

use crisp_storage::work::{Lease, Release};
use crisp_storage::{audit, integrations, profiles, purge};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::engine::Engine;
use crate::erase;
use crate::error::Error;
use crate::people;
use crate::scope::Scope;

/// Profiles mapped again in one step.
const REMAP_BATCH: i64 = 200;
/// Rows purged in one step.
const PURGE_BATCH: i64 = 1000;

/// Works on the upkeep lane of an integration until nothing is left.
pub(crate) async fn slice(
    engine: &Engine,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Release, Error> {
    loop {
        if stop.is_cancelled() {
            return Ok(Release::DueAt(clock::now()));
        }
        let mut session = engine.database.read_primary(lease.account).await?;
        let integration = integrations::find(&mut session, lease.integration).await?;
        session.commit().await?;
        let Some(integration) = integration else { return Ok(Release::Idle) };
        if integration.purge_requested_at.is_some() {
            purge_step(engine, lease).await?;
        } else if integration.settings_revision != integration.applied_revision && integration.is_live() {
            remap_step(engine, lease).await?;
        } else {
            return Ok(Release::Idle);
        }
    }
}

async fn purge_step(engine: &Engine, lease: &Lease) -> Result<(), Error> {
    let mut session = engine.database.write(lease.account).await?;
    crisp_storage::work::fence(&mut session, lease).await?;
    let mut scope = Scope::within(session, lease.integration, "purge", clock::now()).await?;
    let purged = purge::purge_step(&mut scope.session, lease.integration, PURGE_BATCH).await?;
    // A contact of the directory stays, without what Crisp put there.
    erase::take_back(&mut scope, &purged.enriched).await?;
    if purged.done {
        let now = scope.now;
        let mut integration = integrations::get(&mut scope.session, lease.integration).await?;
        let detail =
            json!({"since": integration.purge_requested_at.take().map(crisp_domain::time::rfc3339_ms)});
        integrations::save(&mut scope.session, &integration).await?;
        let id = Some(lease.integration);
        audit::append(&mut scope.session, "system", "integration.purged", id, &detail, now).await?;
        tracing::info!(integration = %lease.integration, "imported data was purged");
    }
    scope.commit().await
}

/// Maps the next stored profiles again; the last step makes the mapping's revision the applied one.
async fn remap_step(engine: &Engine, lease: &Lease) -> Result<(), Error> {
    let mut scope = Scope::open(&engine.database, lease, "mapping", clock::now()).await?;
    let id = scope.id();
    if scope.integration.remap_total.is_none() {
        scope.integration.remap_total = Some(profiles::count(&mut scope.session, id).await?);
        scope.integration.remap_done = 0;
        scope.integration.remap_cursor = None;
    }
    let after = scope.integration.remap_cursor.clone().unwrap_or_default();
    let batch = profiles::list_after(&mut scope.session, id, &after, REMAP_BATCH).await?;
    if let Some(last) = batch.last() {
        scope.integration.remap_cursor = Some(last.people_id.clone());
        scope.integration.remap_done += i64::try_from(batch.len()).unwrap_or(0);
        people::remap(&mut scope, &engine.erasure, batch).await?;
    } else {
        scope.integration.applied_revision = scope.integration.settings_revision;
        scope.integration.remap_cursor = None;
        scope.integration.remap_total = None;
    }
    scope.integration.updated_at = scope.now;
    let row = scope.integration.clone();
    integrations::save(&mut scope.session, &row).await?;
    scope.commit().await
}
