//! Hooks that tell of the plugin's own installation: heard in every state that holds a website.

use crisp_client::hook::PluginChange;
use crisp_storage::hooks::PendingHook;
use crisp_storage::work::{self, Lane};
use crisp_storage::{claims, integrations};

use super::apply::Batch;
use crate::connect;
use crate::error::{Attention, Error};

/// Applies a change of the installation.
pub(super) async fn take(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    plugin: Option<crisp_client::PluginId>,
    change: &PluginChange,
) -> Result<&'static str, Error> {
    let ours = plugin.is_none_or(|plugin| plugin == batch.engine.options.plugin_id);
    if !ours || *change != PluginChange::Uninstalled {
        return Ok("ignored");
    }
    let id = batch.scope.id();
    let Some(claimed_at) = claims::claimed_at(&mut batch.scope.session, id).await? else {
        return Ok("not connected");
    };
    if hook.crisp_at.is_some_and(|crisp_at| crisp_at < claimed_at) {
        return ask_instead(batch).await;
    }
    let (now, scope) = (batch.scope.now, &mut batch.scope);
    let gone = Attention::PluginUninstalled;
    connect::needs_attention(&mut scope.session, &mut scope.integration, gone, now).await?;
    Ok("applied")
}

/// It was uninstalled before the website was connected, and a hook that comes late must not undo a newer installation.
/// Should Crisp's clock be behind ours, the next read finds out.
async fn ask_instead(batch: &mut Batch<'_>) -> Result<&'static str, Error> {
    let scope = &mut batch.scope;
    if scope.integration.state == "active" {
        let (id, now) = (scope.id(), scope.now);
        scope.integration.next_incremental_at = Some(now);
        integrations::save(&mut scope.session, &scope.integration).await?;
        work::signal(&mut scope.session, id, Lane::Sync, now).await?;
    }
    Ok("stale")
}
