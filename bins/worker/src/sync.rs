//! `worker sync`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use crisp_domain::{AccountId, IntegrationId, SyncId};
use crisp_http::now;
use crisp_settings::wire::Schema;
use crisp_settings::{SettingsArgs, process};
use crisp_storage::syncs::SyncRow;
use crisp_storage::{Database, integrations};
use crisp_sync::syncs::{Messages, SyncKind};
use crisp_sync::{Engine, Refusal, syncs};
use uuid::Uuid;

mod here;

use crate::progress::{Display, Snapshot};
use crate::start;
use here::Here;

/// Who started the sync, in its record.
const ACTOR: &str = "worker sync";

/// A sync to run here.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SyncCommand {
    /// The integration.
    #[arg(long, value_name = "UUID")]
    integration: Uuid,
    /// What is synced: everything, or what changed since the last sync.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Read the messages of every matched conversation again. It costs what a first import costs.
    #[arg(long)]
    reread_messages: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Full,
    Incremental,
}

impl From<Kind> for SyncKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Full => Self::Full,
            Kind::Incremental => Self::Incremental,
        }
    }
}

/// Runs a sync to its end, or until the process is asked to stop; then workers go on with it.
pub(crate) async fn run(
    command: &SyncCommand,
    settings: &SettingsArgs,
    schema: Schema,
) -> anyhow::Result<ExitCode> {
    start::check(settings)?;
    let stop = process::stop_on_signal()?;
    let Some(engine) = stop.run_until_cancelled(start::engine(settings, schema)).await else {
        bail!("asked to stop before anything began");
    };
    let engine = engine?;
    let integration = IntegrationId::from(command.integration);
    let account = account_of(engine.database(), integration)
        .await?
        .with_context(|| format!("there is no integration {integration}"))?;
    let here = Here::take(&engine, account, integration, &stop).await?;
    let sync = match obtain(&engine, account, integration, command).await {
        Ok(sync) => sync,
        Err(refused) => {
            here.give_back().await?;
            return Err(refused);
        }
    };
    let mut display = Display::new();
    let row = here.run(sync, &stop, |row| display.show(&Snapshot::from(row))).await?;
    display.finish();
    outcome(&row)
}

/// The account that has this integration. Somebody at a shell knows ids of integrations, not of accounts.
async fn account_of(database: &Database, integration: IntegrationId) -> anyhow::Result<Option<AccountId>> {
    for account in database.list_accounts().await? {
        let mut session = database.read_primary(account).await?;
        let found = integrations::find(&mut session, integration).await?;
        session.commit().await?;
        if found.is_some() {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// A new sync, or the one of the same kind that is under way already.
async fn obtain(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    command: &SyncCommand,
) -> anyhow::Result<SyncId> {
    let messages = if command.reread_messages { Messages::All } else { Messages::WhereNew };
    let kind = command.kind.into();
    match syncs::trigger(engine, account, integration, ACTOR, kind, messages).await {
        Ok(row) => Ok(row.sync_id()),
        Err(Refusal::SyncInProgress { sync_id }) => {
            let row = syncs::get(engine, account, sync_id).await?;
            if row.kind != kind.to_string() {
                bail!("a {} sync of this integration is under way ({sync_id}); wait for its end", row.kind);
            }
            tracing::info!(sync = %sync_id, "going on with the sync that is under way");
            Ok(sync_id)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn outcome(row: &SyncRow) -> anyhow::Result<ExitCode> {
    match row.state.as_str() {
        "succeeded" => Ok(ExitCode::SUCCESS),
        state if row.is_under_way() => {
            bail!(
                "stopped while the sync was {state}; a running worker goes on with it, or this command again"
            )
        }
        state => {
            let problem = row.problem_detail.as_deref().or(row.problem_code.as_deref());
            let failed = row.people_failed + row.conversations_failed + row.messages_failed;
            let unreadable = format!("{failed} records could not be read; the skipped list names them");
            bail!(
                "the sync ended as {state} at {}: {}",
                now().format("%F %T UTC"),
                problem.unwrap_or(&unreadable)
            )
        }
    }
}
