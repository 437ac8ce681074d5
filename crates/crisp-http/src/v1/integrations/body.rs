//! An integration, as the contract writes it.

use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::syncs;
use crisp_sync::connect::{self, current_install_link, install_link};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time::Time;
use crate::v1::settings::{Settings, SettingsShape};
use crate::v1::syncs::Sync;

/// One Crisp website connected, or about to be, to the account.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Integration {
    /// Its id.
    id: Uuid,
    /// `awaiting_installation`, `connected` (nothing imported yet), `active`, `needs_attention` or `disconnected`.
    #[schema(example = "awaiting_installation")]
    state: String,
    /// The Crisp website.
    website_id: Option<Uuid>,
    /// Its name in Crisp.
    website_name: Option<String>,
    /// Installs the plugin from Crisp's marketplace: for the caller alone, used once, and for a day. Null while connected.
    install_url: Option<String>,
    /// Put into the plugin's settings in Crisp, under `custify_connection_code`, it proves a typed website id.
    connection_code: String,
    /// What is imported, and how.
    #[schema(value_type = SettingsShape)]
    settings: Settings,
    /// The newest sync.
    last_sync: Option<Sync>,
    /// When the last web hook of the website arrived.
    last_hook_at: Option<Time>,
    /// What happened in Crisp before this moment is here.
    synced_at: Option<Time>,
    /// What keeps it from working.
    problem: Option<IntegrationProblem>,
    /// A changed mapping on its way to contacts that were imported before.
    remap: Option<Remap>,
    /// Since when imported data is being deleted.
    purge_requested_at: Option<Time>,
    /// When it was disconnected.
    disconnected_at: Option<Time>,
    /// Why: `disconnected_by_user` or `plugin_uninstalled`.
    disconnect_reason: Option<String>,
    /// When it was made.
    created_at: Time,
}

/// What keeps an integration from working.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IntegrationProblem {
    /// `plugin_uninstalled`, `credential_rejected` or `scope_missing`; in the answer to a new integration also
    /// `plugin_not_installed` or `ownership_unproven`.
    #[schema(example = "plugin_uninstalled")]
    code: String,
    /// What is the matter.
    detail: String,
    /// What to do about it.
    what_to_do: String,
}

/// How far the stored profiles are mapped anew.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Remap {
    /// Profiles that are mapped.
    done: i64,
    /// All of them, once they are counted.
    total: Option<i64>,
}

impl From<connect::Problem> for IntegrationProblem {
    fn from(problem: connect::Problem) -> Self {
        Self { code: problem.code, detail: problem.detail, what_to_do: problem.what_to_do }
    }
}

impl Integration {
    /// The integration as the caller sees it, with what stands elsewhere about it.
    pub(super) async fn show(
        state: &AppState,
        caller: &Caller,
        row: IntegrationRow,
    ) -> Result<Self, Problem> {
        let id = row.integration_id();
        let mut session = state.look(caller).await?;
        let last_sync = syncs::find_last(&mut session, id).await?;
        let channel = integrations::hook_channel(&mut session, id).await?;
        session.commit().await?;
        Ok(Self {
            install_url: install_url(state, caller, &row).await?,
            settings: Settings::of(&row, &state.engine)?,
            last_sync: last_sync.map(Sync::from),
            last_hook_at: channel.last_hook_at.map(Time),
            problem: connect::problem(&row).map(IntegrationProblem::from),
            remap: remap(&row),
            id: row.id,
            state: row.state,
            website_id: row.website_id,
            website_name: row.website_name,
            connection_code: row.connection_code,
            synced_at: row.synced_at.map(Time),
            purge_requested_at: row.purge_requested_at.map(Time),
            disconnected_at: row.disconnected_at.map(Time),
            disconnect_reason: row.disconnect_reason,
            created_at: Time(row.created_at),
        })
    }
}

impl Integration {
    /// The same with what only this answer tells.
    pub(super) fn with_problem(self, problem: Option<connect::Problem>) -> Self {
        Self { problem: problem.map(IntegrationProblem::from).or(self.problem), ..self }
    }
}

/// The caller's own link; a new one where the old is used or expired and there is still something to install.
async fn install_url(
    state: &AppState,
    caller: &Caller,
    row: &IntegrationRow,
) -> Result<Option<String>, Problem> {
    let link = if row.is_live() {
        current_install_link(&state.engine, row, &caller.subject)
    } else {
        Some(install_link(&state.engine, caller.account, row.integration_id(), &caller.subject).await?)
    };
    Ok(link.map(|link| link.as_str().to_owned()))
}

fn remap(row: &IntegrationRow) -> Option<Remap> {
    (row.settings_revision != row.applied_revision)
        .then_some(Remap { done: row.remap_done, total: row.remap_total })
}
