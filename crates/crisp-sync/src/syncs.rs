//! Syncs as people ask for them: trigger, watch, cancel.

use crisp_domain::{AccountId, IntegrationId, SyncId};
use crisp_storage::audit;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::syncs::{self as rows, Ending, SyncRow};
use crisp_storage::work::{self, Lane};
use serde_json::json;
use uuid::Uuid;

use crate::clock;
use crate::connect::waits_for_crisp;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// What kind of sync is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum SyncKind {
    /// All people and conversations.
    Full,
    /// Only what changed since the last sync.
    Incremental,
}

/// Whose messages a full sync reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Messages {
    /// Of conversations with something new.
    #[default]
    WhereNew,
    /// Of every matched conversation: it costs what a first import costs.
    All,
}

/// Asks for a sync; a worker takes it up within moments.
pub async fn trigger(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    actor: &str,
    kind: SyncKind,
    messages: Messages,
) -> Result<SyncRow, Refusal> {
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let integration = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let id = integration.integration_id();
    if let Some(under_way) = rows::find_under_way(&mut session, id).await? {
        return Err(Refusal::SyncInProgress { sync_id: under_way.sync_id() });
    }
    if waits_for_crisp(&integration) {
        work::signal(&mut session, id, Lane::Sync, now).await?;
        session.commit().await?;
        return Err(Refusal::NeedsAttention);
    }
    let trigger = trigger_word(&integration, kind)?;
    let names = (kind.into(), trigger);
    let mut row = SyncRow::queued((account, id), SyncId::new_v7(now), names, Some(actor.to_owned()), now);
    row.reread_messages = messages == Messages::All;
    rows::insert(&mut session, &row).await?;
    work::signal(&mut session, id, Lane::Sync, now).await?;
    let detail = json!({"sync_id": row.id, "kind": row.kind, "trigger": trigger, "reread_messages": row.reread_messages});
    audit::append(&mut session, actor, "sync.triggered", Some(id), &detail, now).await?;
    session.commit().await?;
    Ok(row)
}

/// Whether this sync may begin, and the word for what starts it.
fn trigger_word(integration: &IntegrationRow, kind: SyncKind) -> Result<&'static str, Refusal> {
    match (integration.is_live(), integration.active_at.is_some(), kind) {
        (false, _, _) => Err(Refusal::NotConnected),
        (true, true, _) => Ok("manual"),
        (true, false, SyncKind::Full) => Ok("first_import"),
        (true, false, SyncKind::Incremental) => Err(Refusal::NotImported),
    }
}

/// Ends a sync. One that waits ends at once, one that runs at its next step; what it committed stays. A sync that has
/// ended is left alone. Answers the sync as it is now.
pub async fn cancel(
    engine: &Engine,
    account: AccountId,
    sync: SyncId,
    actor: &str,
) -> Result<SyncRow, Refusal> {
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let mut row = rows::find(&mut session, sync).await?.ok_or(Refusal::NotFound)?;
    if !row.is_under_way() {
        return Ok(row);
    }
    let id = IntegrationId::from(row.integration_id);
    // Also for one that waits: a worker may have taken it up a moment ago.
    rows::request_cancel(&mut session, sync).await?;
    if row.state == "running" {
        work::signal(&mut session, id, Lane::Sync, now).await?;
    } else {
        row.end(Ending::Cancelled, now);
        rows::close(&mut session, &row).await?;
    }
    let detail = json!({"sync_id": row.id, "kind": row.kind});
    audit::append(&mut session, actor, "sync.cancelled", Some(id), &detail, now).await?;
    session.commit().await?;
    crate::run::count_ended(&row);
    Ok(row)
}

/// One sync of the account.
pub async fn get(engine: &Engine, account: AccountId, sync: SyncId) -> Result<SyncRow, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = rows::find(&mut session, sync).await?;
    session.commit().await?;
    row.ok_or(Refusal::NotFound)
}

/// Syncs of an integration, newest first, older than the sync `before`.
pub async fn list(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<SyncRow>, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let syncs = rows::list(&mut session, integration, before, limit).await?;
    session.commit().await?;
    Ok(syncs)
}
