//! Does Crisp know us, and may we still ask it something?

use crisp_client::{Client, ClientOptions, Credentials, Error, Remedy};
use crisp_domain::AccountId;
use crisp_settings::process::chain;
use crisp_settings::{CrispSettings, wire};
use crisp_storage::quota::{Answer, Ledger, LedgerState, Purpose};
use uuid::Uuid;

use super::database::Stored;
use super::report::Report;
use super::settings::Resolved;

/// Checks the budget, and the token with one request out of it.
pub(super) async fn check(resolved: &Resolved, stored: &Stored, report: &mut Report) {
    let Some(crisp) = &resolved.crisp else { return };
    let ledger = Ledger::new(stored.database.clone(), wire::quota(crisp));
    check_budget(&ledger, report).await;
    if let Some(token) = &stored.token {
        check_token(crisp, token.clone(), &ledger, report).await;
    }
}

async fn check_budget(ledger: &Ledger, report: &mut Report) {
    const WHAT: &str = "request budget";
    match ledger.state().await {
        Ok(LedgerState { blocked_until: Some(until), .. }) => {
            let detail =
                format!("Crisp refuses requests; the next one goes out at {}", until.format("%F %T UTC"));
            report.warn(WHAT, detail, "Nothing: syncs wait and go on by themselves.");
        }
        Ok(LedgerState { limit: Some(limit), used, .. }) => {
            report.ok(WHAT, format!("{used} of {limit} requests used in the current window"));
        }
        Ok(LedgerState { limit: None, .. }) => report.ok(WHAT, "unlimited (CRISP_DAILY_QUOTA is 0)"),
        Err(error) => report.fail(WHAT, chain(&error), "Run `api migrate`."),
    }
}

async fn check_token(crisp: &CrispSettings, token: Credentials, ledger: &Ledger, report: &mut Report) {
    const WHAT: &str = "Crisp";
    // It is nobody's request, but it counts like all others.
    let granted = ledger.grant(AccountId::from(Uuid::nil()), Purpose::Interactive, 1).await;
    let Ok(Answer::Granted(grant)) = granted else {
        let remedy = "Wait, or raise CRISP_DAILY_QUOTA if Crisp grants more.";
        return report.warn(WHAT, "not asked: no request is to be had now", remedy);
    };
    // Granted was one, so it is not tried a second time.
    let options = ClientOptions { max_attempts: 1, ..wire::client_options(crisp, token) };
    let answer = match Client::new(options) {
        Ok(client) => client.connect_account().await,
        Err(error) => Err(error),
    };
    if let Err(error) = ledger.close(&grant, 1).await {
        tracing::warn!(error = chain(&error), "the request could not be counted; it counts by itself");
    }
    match answer {
        Ok(plugin) if plugin == crisp.plugin_id => report.ok(WHAT, "accepts the plugin token"),
        Ok(plugin) => report.fail(
            WHAT,
            format!("says that the plugin token belongs to the plugin {plugin}"),
            "Set CRISP_PLUGIN_ID to that plugin, or give the token of the one that is meant.",
        ),
        Err(error) => report.fail(WHAT, chain(&error), remedy(&error)),
    }
}

fn remedy(error: &Error) -> &'static str {
    match error.remedy() {
        Remedy::ReplaceCredential => {
            "Set CRISP_PLUGIN_IDENTIFIER and CRISP_PLUGIN_KEY as Crisp's marketplace shows them."
        }
        Remedy::WaitForQuota(_) => "Nothing: syncs wait and go on by themselves.",
        Remedy::TryLater(_) => "Check CRISP_API_URL and whether this machine may connect there; or wait.",
        Remedy::InstallPlugin | Remedy::GrantAccess | Remedy::TreatAsAbsent | Remedy::Report => {
            "Check CRISP_API_URL, which should end with /v1."
        }
    }
}
