//! The browser comes back from Crisp.

use crisp_domain::AccountId;
use crisp_storage::integrations::{self, IntegrationRow};
use secrecy::SecretString;

use super::adopt::take_over_ahead;
use super::link::{self, Payload};
use super::proof::{Proof, inspect};
use super::{connect, install_link, may_connect, parse_website_id};
use crate::clock;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// Who sits at the browser that Crisp sent back, where a session cookie tells.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// The account of the session.
    pub account: AccountId,
    /// The token subject; may be an address, so `Debug` does not show it.
    pub user: &'a str,
}

impl std::fmt::Debug for Visitor<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Visitor").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Completes an installation: Crisp sent the browser back with our payload, the website, and the website's token.
///
/// Where `visitor` is known it must be the user who was given the link, so that nobody can be talked into installing
/// somebody else's link.
pub async fn callback(
    engine: &Engine,
    payload: &str,
    website: &str,
    token: &SecretString,
    visitor: Option<Visitor<'_>>,
) -> Result<IntegrationRow, Refusal> {
    let payload = Payload::parse(payload).ok_or(Refusal::InstallLinkInvalid)?;
    let strange = visitor.is_some_and(|one| one.account != payload.account || !payload.is_for(one.user));
    let website = parse_website_id(website).ok_or(Refusal::WebsiteIdInvalid)?;
    let mut session = engine.database.read_primary(payload.account).await?;
    let row = integrations::find(&mut session, payload.integration).await?;
    session.commit().await?;
    let row = row
        .filter(|row| !strange && payload.is_genuine(row, clock::now()))
        .ok_or(Refusal::InstallLinkInvalid)?;
    may_connect(&row, website)?;
    let actor = acting(&row, payload, visitor);

    engine.admit_click(payload.account).await?;
    let inspection = inspect(engine, payload.account, website).await.map_err(Refusal::CrispUnavailable)?;
    let Some(inspection) = inspection else {
        let install_link = install_link(engine, payload.account, payload.integration, &actor).await?;
        return Err(Refusal::PluginNotInstalled { install_link });
    };
    let proven = inspection.has_token(token);
    if proven && engine.database.find_claim(website).await?.is_none() {
        take_over_ahead(engine, payload.account, payload.integration, website).await?;
    }
    let mut session = engine.database.write(payload.account).await?;
    let mut row = integrations::get(&mut session, payload.integration).await?;
    if !payload.is_genuine(&row, clock::now()) {
        return Err(Refusal::InstallLinkInvalid);
    }
    link::spend(&mut row);
    if proven {
        connect(engine, &mut session, &mut row, &inspection, (Proof::Callback, &actor)).await?;
        session.commit().await?;
        return Ok(row);
    }
    // A payload is good for one guess.
    integrations::save(&mut session, &row).await?;
    session.commit().await?;
    Err(Refusal::OwnershipUnproven)
}

/// Whom the log names: the session's user, else the one who asked for the link.
fn acting(row: &IntegrationRow, payload: Payload, visitor: Option<Visitor<'_>>) -> String {
    let asked = row.install_requested_by.as_deref().filter(|user| payload.is_for(user));
    visitor.map(|visitor| visitor.user).or(asked).unwrap_or("crisp").to_owned()
}
