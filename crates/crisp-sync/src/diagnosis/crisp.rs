//! Checks that ask Crisp.

use crisp_client::{ConversationsQuery, Error, PluginId, Subscription, Website, WebsiteId};
use crisp_domain::AccountId;
use crisp_storage::quota::Purpose;

use super::{Check, Facts, Finding};
use crate::connect::what_to_do;
use crate::engine::Engine;
use crate::error::Attention;
use crate::patience::{FOR_A_LOOK, within};

const ASK_AGAIN: &str = "Run the checks again in a few minutes.";

/// Crisp's answers; `None`: not asked, because no website is connected.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) plugin: Option<PluginId>,
    pub(super) account: Option<Result<PluginId, Error>>,
    pub(super) subscription: Option<Result<Subscription, Error>>,
    pub(super) website: Option<Result<Website, Error>>,
    /// How many rows the newest page of conversations has.
    pub(super) conversations: Option<Result<usize, Error>>,
}

impl Probe {
    pub(super) async fn take(engine: &Engine, account: AccountId, website: Option<WebsiteId>) -> Self {
        let plugin = engine.options.plugin_id;
        let (client, meter) = engine.crisp(account, Purpose::Interactive);
        // Side by side, so that a Crisp that hangs costs one wait.
        let of_website = async {
            let Some(website) = website else { return (None, None, None) };
            let newest = ConversationsQuery { per_page: 20, ..ConversationsQuery::default() };
            let (subscription, found, page) = tokio::join!(
                within(FOR_A_LOOK, client.subscription(website, plugin)),
                within(FOR_A_LOOK, client.website(website)),
                within(FOR_A_LOOK, client.conversations_page(website, &newest)),
            );
            (Some(subscription), Some(found), Some(page.map(|page| page.records.len())))
        };
        let (owner, (subscription, website, conversations)) =
            tokio::join!(within(FOR_A_LOOK, client.connect_account()), of_website);
        let probe = Self { plugin: Some(plugin), account: Some(owner), subscription, website, conversations };
        meter.close().await;
        probe
    }
}

impl Probe {
    /// Whether Crisp let the plugin look at everything that it was asked for.
    pub(super) fn is_well(&self) -> bool {
        let answered = matches!((&self.account, &self.website), (Some(Ok(_)), Some(Ok(_))));
        answered && matches!(self.conversations, Some(Ok(_)))
    }
}

pub(super) fn plugin_installed(facts: &Facts) -> Check {
    let again = what_to_do(Attention::PluginUninstalled);
    match &facts.crisp.subscription {
        None if was_uninstalled(facts) => {
            Finding::failed("The Custify plugin was uninstalled from the website in Crisp.", again)
        }
        None => Finding::failed(
            "No Crisp website is connected yet.",
            "Install the plugin with the install link on the settings page, or enter the website id there.",
        ),
        Some(Ok(subscription)) if subscription.active => {
            Finding::ok("The Custify plugin is installed on the website.")
        }
        Some(Ok(_)) => {
            Finding::failed("The Custify plugin is installed on the website, but switched off.", again)
        }
        Some(Err(Error::NotSubscribed | Error::NotFound)) => {
            Finding::failed("The Custify plugin is not installed on the website.", again)
        }
        Some(Err(error)) => untold(error),
    }
    .of("plugin_installed")
}

pub(super) fn website_id(facts: &Facts) -> Check {
    match &facts.crisp.website {
        None if was_uninstalled(facts) => Finding::warning(
            "The website is not asked about any more since the plugin was uninstalled.",
            what_to_do(Attention::PluginUninstalled),
        ),
        None => Finding::failed(
            "No Crisp website id is known.",
            "Enter the website id; Crisp shows it under Settings → Website Settings.",
        ),
        Some(Ok(website)) => Finding::ok(match &website.name {
            Some(name) => format!("The website id is right: it is the Crisp website “{name}”."),
            None => "The website id is right.".to_owned(),
        }),
        Some(Err(Error::NotSubscribed)) => Finding::warning(
            "Crisp tells nothing about the website while the plugin is not installed on it.",
            "Install the plugin first.",
        ),
        Some(Err(Error::NotFound)) => Finding::failed(
            "Crisp knows no website with this id.",
            "Compare the id with the one under Settings → Website Settings in Crisp, and connect again.",
        ),
        Some(Err(error)) => untold(error),
    }
    .of("website_id")
}

pub(super) fn credential(facts: &Facts) -> Check {
    let replace = what_to_do(Attention::CredentialRejected);
    match &facts.crisp.account {
        Some(Ok(plugin)) if Some(*plugin) == facts.crisp.plugin => {
            Finding::ok("Crisp accepts the plugin's credential.")
        }
        Some(Ok(_)) => Finding::failed(
            "The credential belongs to another plugin than the one that is installed.",
            replace,
        ),
        Some(Err(Error::Unauthorized)) => {
            Finding::failed("Crisp does not accept the plugin's credential.", replace)
        }
        Some(Err(error)) => untold(error),
        None => Finding::warning("The credential was not tried.", ASK_AGAIN),
    }
    .of("credential")
}

pub(super) fn conversations_enabled(facts: &Facts) -> Check {
    if !facts.settings.import_conversations {
        let switch_on = "Switch conversations on in the import settings, and trigger a full sync.";
        return Finding::warning("Importing conversations is switched off.", switch_on)
            .of("conversations_enabled");
    }
    match &facts.crisp.conversations {
        None => Finding::warning("Conversations can be looked for once a website is connected.", "Connect the website first."),
        Some(Ok(0)) => Finding::warning(
            "Crisp lists no conversation for this website.",
            "Nothing has to be done if there really is none. Otherwise look in Crisp whether it is the right website.",
        ),
        Some(Ok(_)) => Finding::ok("Conversations are imported, and Crisp lists them."),
        Some(Err(Error::Forbidden | Error::PlanMissing)) => {
            Finding::failed("Crisp does not let the plugin read conversations.", what_to_do(Attention::ScopeMissing))
        }
        Some(Err(Error::NotSubscribed)) => {
            Finding::warning("Crisp lists no conversations while the plugin is not installed.", "Install the plugin first.")
        }
        Some(Err(error)) => untold(error),
    }
    .of("conversations_enabled")
}

/// Whether the website was let go of because the plugin was uninstalled in Crisp.
fn was_uninstalled(facts: &Facts) -> bool {
    let problem = facts.integration.problem_code.as_deref().and_then(|code| code.parse().ok());
    problem == Some(Attention::PluginUninstalled)
}

/// What Crisp did not answer.
fn untold(error: &Error) -> Finding {
    match error {
        Error::Unauthorized => Finding::warning(
            "It cannot be told while Crisp does not accept the plugin's credential.",
            what_to_do(Attention::CredentialRejected),
        ),
        Error::Forbidden | Error::PlanMissing => {
            Finding::warning("Crisp does not let the plugin look.", what_to_do(Attention::ScopeMissing))
        }
        Error::Refused(_) | Error::RateLimited { .. } => {
            Finding::warning("The requests that Crisp allows are used up for now.", ASK_AGAIN)
        }
        Error::Unavailable { .. } => Finding::failed(
            "Crisp does not answer.",
            "Wait until Crisp is back (see status.crisp.chat) and run the checks again. Nothing is lost: what happens \
             meanwhile is caught up.",
        ),
        Error::NotSubscribed
        | Error::NotFound
        | Error::Malformed { .. }
        | Error::Rejected { .. }
        | Error::Setup { .. } => Finding::warning("Crisp did not give a usable answer.", ASK_AGAIN),
    }
}
