//! Connecting a Crisp website, and letting go of it.
//!
//! A website id is public: it stands in the source of every page with a chat box. So a website is connected only with
//! what its own team can get from Crisp: the token that the installer's browser carries to [`callback`], or the
//! integration's connection code in the plugin's settings ([`put_website`]). Whoever proves first holds the website
//! until the integration is disconnected.
//!
//! ```text
//! awaiting_installation ──proof──▶ connected ──first full sync──▶ active
//!          ▲ create                   ▲  ▲ proof, or the cause is gone │
//!          │                          │  └──────── needs_attention ◀───┤ uninstalled, credential, scope
//!          │                          └─────────── disconnected ◀──────┘ disconnect
//! ```

mod adopt;
mod attention;
mod callback;
mod create;
mod ending;
mod link;
mod proof;
mod website_id;

use crisp_client::WebsiteId;
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::work::{self, Lane};
use crisp_storage::{AccountSession, claims};
use serde_json::json;

use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::refusal::Refusal;
pub use attention::look_again;
pub(crate) use attention::waits_for_crisp;
pub use callback::{Visitor, callback};
pub use create::{Created, create};
pub use ending::{Imported, Problem, disconnect, problem};
pub(crate) use ending::{detail_of, needs_attention, what_to_do};
pub use link::InstallLink;
pub(crate) use proof::PROOF_OUTLIVES;
use proof::{Inspection, Proof, inspect, proof_of_account};
pub use website_id::parse_website_id;

/// The link by which `actor` installs the plugin for this integration; a new one where the old is used or expired.
pub async fn install_link(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    actor: &str,
) -> Result<InstallLink, Refusal> {
    let now = clock::now();
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    session.commit().await?;
    if let Some(link) = link::current(&engine.options, &row, actor, now) {
        return Ok(link);
    }
    let mut session = engine.database.write(account).await?;
    let mut row = integrations::get(&mut session, integration).await?;
    if link::current(&engine.options, &row, actor, now).is_none() {
        link::renew(&mut row, actor, now);
        integrations::save(&mut session, &row).await?;
    }
    session.commit().await?;
    link::current(&engine.options, &row, actor, now).ok_or(Refusal::Failed(Error::Corrupt("install link")))
}

/// The install link for `actor` as it is now, without making a new one.
pub fn current_install_link(engine: &Engine, row: &IntegrationRow, actor: &str) -> Option<InstallLink> {
    link::current(&engine.options, row, actor, clock::now())
}

/// Connects the website whose id an admin typed, if something proves that it is theirs.
pub async fn put_website(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    actor: &str,
    website: &str,
) -> Result<IntegrationRow, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    session.commit().await?;
    let website = parse_website_id(website).ok_or(Refusal::WebsiteIdInvalid)?;
    may_connect(&row, website)?;
    if row.is_live() {
        return Ok(row);
    }
    engine.admit_click(account).await?;
    let inspection = inspect(engine, account, website).await.map_err(Refusal::CrispUnavailable)?;
    let Some(inspection) = inspection else {
        let install_link = install_link(engine, account, integration, actor).await?;
        return Err(Refusal::PluginNotInstalled { install_link });
    };
    refuse_claimed(engine, website, Some(integration)).await?;
    let past = inspection.past(engine, account).await?;
    let mut session = engine.database.read_primary(account).await?;
    let proof = proof_of_account(&mut session, &inspection, integration, &past, clock::now()).await?;
    session.commit().await?;
    if proof.is_some() {
        adopt::take_over_ahead(engine, account, integration, website).await?;
    }
    let mut session = engine.database.write(account).await?;
    let mut row = integrations::get(&mut session, integration).await?;
    may_connect(&row, website)?;
    let proof = proof_of_account(&mut session, &inspection, integration, &past, clock::now()).await?;
    let proof = proof.ok_or(Refusal::OwnershipUnproven)?;
    connect(engine, &mut session, &mut row, &inspection, (proof, actor)).await?;
    session.commit().await?;
    Ok(row)
}

/// Whether this integration may have this website at all, whoever owns it: one integration, one website.
fn may_connect(row: &IntegrationRow, website: WebsiteId) -> Result<(), Refusal> {
    if row.purge_requested_at.is_some() {
        return Err(Refusal::PurgeUnderWay);
    }
    if row.website().is_some_and(|own| own != website) {
        return Err(Refusal::OtherWebsite);
    }
    Ok(())
}

/// Refuses a website that another integration holds, whosever it is.
async fn refuse_claimed(
    engine: &Engine,
    website: WebsiteId,
    own: Option<IntegrationId>,
) -> Result<(), Refusal> {
    // As the system: an account does not see what others hold. Who is first at last, the claim itself decides.
    let holder = engine.database.find_claim(website).await?.map(|(_, integration)| integration);
    if holder.is_some() && holder != own { Err(Refusal::WebsiteAlreadyConnected) } else { Ok(()) }
}

/// Claims a proven website and brings the integration (back) to work.
async fn connect(
    engine: &Engine,
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    inspection: &Inspection,
    (proof, actor): (Proof, &str),
) -> Result<(), Refusal> {
    let (now, id, website) = (clock::now(), row.integration_id(), inspection.website);
    may_connect(row, website)?;
    if !claims::claim(session, website, id, now).await? {
        return Err(Refusal::WebsiteAlreadyConnected);
    }
    let before = row.state.clone();
    let account = session.account();
    row.website_token = match &inspection.token {
        Some(token) => Some(engine.ring.seal_website_token(account, id, token)?),
        None => None,
    };
    // After a purge only the name of the website that was is left: it is not the next one's.
    let known_name = row.website_name.take().filter(|_| row.website_id.is_some());
    row.website_id = Some(website.as_uuid());
    row.proven_website_id = Some(website.as_uuid());
    let hash = inspection.token.as_ref().map(|token| engine.erasure.hash_website_token(account, token));
    row.proven_token_hash = hash.map(Vec::from);
    row.website_name = inspection.name.clone().or(known_name);
    revive(row, now);
    adopt::take_over(session, row, actor, now).await?;
    integrations::save(session, row).await?;
    wake(session, row, now).await?;
    let detail =
        json!({"website_id": website.to_string(), "proof": proof.as_str(), "state": [before, row.state]});
    crisp_storage::audit::append(session, actor, "integration.connected", Some(id), &detail, now).await?;
    tracing::info!(integration = %id, website = %website, "a website was connected");
    Ok(())
}

fn revive(row: &mut IntegrationRow, now: chrono::DateTime<chrono::Utc>) {
    let was_away = !row.is_live();
    if row.active_at.is_some() { "active" } else { "connected" }.clone_into(&mut row.state);
    link::spend(row);
    row.problem_code = None;
    row.problem_detail = None;
    row.state_before_problem = None;
    row.disconnected_at = None;
    row.disconnect_reason = None;
    row.updated_at = now;
    if was_away && row.active_at.is_some() {
        // What happened meanwhile reached nobody: catch up on what changed, then look for what vanished.
        row.next_incremental_at = Some(now);
        row.next_reconcile_at = Some(now);
    }
}

async fn wake(
    session: &mut AccountSession,
    row: &IntegrationRow,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Refusal> {
    if row.active_at.is_some() {
        for lane in [Lane::Sync, Lane::Live, Lane::Upkeep] {
            work::signal(session, row.integration_id(), lane, now).await?;
        }
    }
    Ok(())
}
