//! Letting go of a website: because somebody said so, because the plugin is gone, or because a person must act first.

use chrono::{DateTime, Utc};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::syncs::{self, Ending};
use crisp_storage::work::{self, Lane};
use crisp_storage::{AccountSession, audit, claims};
use serde_json::json;

use super::link;
use crate::clock;
use crate::engine::Engine;
use crate::error::{Attention, Error};
use crate::refusal::Refusal;

/// What becomes of imported data when an integration is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Imported {
    /// It stays as it is, and is not kept current any more.
    Keep,
    /// It is deleted, in the background.
    Purge,
}

/// What keeps an integration from working, in the contract's form.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// A stable code.
    pub code: String,
    /// What is the matter, in a plain sentence.
    pub detail: String,
    /// What to do about it.
    pub what_to_do: String,
}

/// Stops syncing and hooks at once and gives the website free. Doing it again changes nothing, except that a purge
/// can still be asked for.
pub async fn disconnect(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    actor: &str,
    imported: Imported,
) -> Result<(), Refusal> {
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let mut row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let before = row.state.clone();
    let purges = imported == Imported::Purge && row.purge_requested_at.is_none() && holds_imports(&row);
    if before != "disconnected" {
        let reason = "disconnected_by_user";
        let_go(&mut session, &mut row, reason, now).await?;
        end_runs(&mut session, integration, None, now).await?;
        "disconnected".clone_into(&mut row.state);
        row.problem_code = None;
        row.problem_detail = None;
        row.state_before_problem = None;
    }
    if purges {
        forget_import(&mut row);
        row.purge_requested_at = Some(now);
        work::signal(&mut session, integration, Lane::Upkeep, now).await?;
    }
    if before != "disconnected" || purges {
        row.updated_at = now;
        integrations::save(&mut session, &row).await?;
        let word: &'static str = imported.into();
        let detail = json!({"imported": word, "state": [before, row.state]});
        audit::append(&mut session, actor, "integration.disconnected", Some(integration), &detail, now)
            .await?;
    }
    session.commit().await?;
    engine.database.drop_work(integration, &[Lane::Hooks, Lane::Live, Lane::Sync]).await?;
    Ok(())
}

/// Whether a purge would have anything to do: only a website that was connected brought anything.
fn holds_imports(row: &IntegrationRow) -> bool {
    row.website_id.is_some()
}

/// Forgets how far the import had come, because the row has none any more or will soon have none: what comes after is
/// a first import again. The row keeps no website either, so that it may have another one; its name stays, for people to
/// know what it was.
pub(super) fn forget_import(row: &mut IntegrationRow) {
    row.website_id = None;
    row.proven_website_id = None;
    row.proven_token_hash = None;
    row.backfill_from = None;
    row.first_import_at = None;
    row.active_at = None;
    row.conversations_bookmark = None;
    row.people_bookmark = None;
    row.people_order_proven = None;
    row.last_incremental_at = None;
    row.last_reconcile_at = None;
    row.synced_at = None;
    row.expected_conversations = None;
    row.expected_requests = None;
    row.applied_revision = row.settings_revision;
    row.remap_cursor = None;
    row.remap_done = 0;
    row.remap_total = None;
}

/// Notes that a person has to act before the integration can go on. The caller holds the account's write turn and
/// makes the session durable.
///
/// An uninstalled plugin is as good as a disconnect: the website is free, and the sync under way ends. The other
/// problems keep the website, because it is looked at again from time to time.
pub(crate) async fn needs_attention(
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    attention: Attention,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let code: &'static str = attention.into();
    let gone: &'static str = Attention::PluginUninstalled.into();
    let known = row.problem_code.as_deref().is_some_and(|problem| problem == code || problem == gone);
    if known || !matches!(row.state.as_str(), "connected" | "active" | "needs_attention") {
        return Ok(());
    }
    if row.is_live() {
        row.state_before_problem = Some(row.state.clone());
    }
    if attention == Attention::PluginUninstalled {
        let_go(session, row, code, now).await?;
        end_runs(session, row.integration_id(), Some(attention), now).await?;
    }
    "needs_attention".clone_into(&mut row.state);
    row.problem_code = Some(code.to_owned());
    row.problem_detail = Some(detail_of(attention).to_owned());
    row.updated_at = now;
    integrations::save(session, row).await?;
    let detail = json!({"code": code, "state": [row.state_before_problem, row.state]});
    audit::append(session, "system", "integration.needs_attention", Some(row.integration_id()), &detail, now)
        .await?;
    Ok(())
}

/// Gives the website free and forgets what only a connected integration needs.
async fn let_go(
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), crisp_storage::Error> {
    claims::release(session, row.integration_id()).await?;
    link::spend(row);
    row.website_token = None;
    row.next_incremental_at = None;
    row.next_reconcile_at = None;
    row.hook_changes_expected = 0.0;
    row.hook_changes_missed = 0.0;
    row.hook_gap_since = None;
    row.disconnected_at = row.disconnected_at.or(Some(now));
    row.disconnect_reason = Some(reason.to_owned());
    Ok(())
}

/// Ends the sync under way, if there is one; what it committed stays.
async fn end_runs(
    session: &mut AccountSession,
    integration: IntegrationId,
    cause: Option<Attention>,
    now: DateTime<Utc>,
) -> Result<(), crisp_storage::Error> {
    let Some(mut run) = syncs::find_under_way(session, integration).await? else { return Ok(()) };
    run.end(Ending::Cancelled, now);
    run.problem_code = cause.map(|cause| cause.to_string());
    run.problem_detail = cause.map(|cause| detail_of(cause).to_owned());
    syncs::close(session, &run).await
}

/// The problem of an integration, if it has one.
pub fn problem(row: &IntegrationRow) -> Option<Problem> {
    let code = row.problem_code.clone()?;
    let attention = code.parse::<Attention>().ok();
    Some(Problem {
        detail: row.problem_detail.clone().unwrap_or_default(),
        what_to_do: attention.map(what_to_do).unwrap_or_default().to_owned(),
        code,
    })
}

/// The problem in a plain sentence.
pub(crate) fn detail_of(attention: Attention) -> &'static str {
    match attention {
        Attention::PluginUninstalled => "The Custify plugin was uninstalled from this Crisp website.",
        Attention::CredentialRejected => "Crisp does not accept the credential of the Custify plugin.",
        Attention::ScopeMissing => {
            "Crisp does not let the Custify plugin read something that the import needs."
        }
    }
}

pub(crate) fn what_to_do(attention: Attention) -> &'static str {
    match attention {
        Attention::PluginUninstalled => {
            "Install the plugin again with the install link, then connect the website again. What was imported is still there."
        }
        Attention::CredentialRejected => {
            "Custify's operators have to enter the plugin's current token (api credentials set). Nothing is lost; the \
             integration goes on by itself once Crisp accepts it."
        }
        Attention::ScopeMissing => {
            "Check in Crisp's Marketplace that the plugin's token has the scopes for people, conversations, messages and \
             operators, and that the website's plan includes them. The integration goes on by itself."
        }
    }
}
