//! A website comes back to an account through another of its integrations.
//!
//! What the earlier one imported and kept is handed over before the website is connected, the last of it in the transaction
//! that does, so that nobody ever sees it beside a second import of the same people and conversations, and every id stays
//! what it was. A large import goes in parts: none of them holds the account's write turn for long, and whoever is
//! interrupted goes on where it was.

use chrono::{DateTime, Utc};
use crisp_client::WebsiteId;
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::work::{self, Lane};
use crisp_storage::{AccountSession, adoption, audit};
use serde_json::json;

use super::ending::forget_import;
use crate::engine::Engine;
use crate::error::Error;
use crate::scope::settings_of;

/// Rows of a kind that are handed over in one transaction.
const PART: i64 = 1_000;

/// Hands over most of what other integrations of the account hold of a website that is proven and about to be connected.
/// Nobody is at work on any of it before it is.
pub(super) async fn take_over_ahead(
    engine: &Engine,
    account: AccountId,
    to: IntegrationId,
    website: WebsiteId,
) -> Result<(), Error> {
    loop {
        let mut session = engine.database.write(account).await?;
        let (mut row, all) =
            (integrations::get(&mut session, to).await?, integrations::list(&mut session).await?);
        let mut moved = 0;
        for earlier in all.iter().filter(|one| one.id != row.id && one.website() == Some(website)) {
            if !earlier.is_live() && !row.is_live() {
                moved += adoption::adopt_some(&mut session, earlier.integration_id(), to, PART).await?;
            }
        }
        if moved < usize::try_from(PART).unwrap_or(usize::MAX) {
            // So little goes with what connects the website, all at once.
            return Ok(());
        }
        // Should nobody come to the end of it, both are found again by their website.
        row.website_id = Some(website.as_uuid());
        integrations::save(&mut session, &row).await?;
        session.commit().await?;
    }
}

/// Hands over what other integrations of the account hold of the website that `row` has just claimed. As the claim is
/// this row's, none of them is at work.
pub(super) async fn take_over(
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for mut earlier in integrations::list(session).await? {
        if earlier.id != row.id && earlier.website_id == row.website_id {
            hand_over(session, &mut earlier, row, now).await?;
            let (from, to) = (earlier.integration_id(), row.integration_id());
            let detail = json!({"to": to.to_string()});
            audit::append(session, actor, "integration.import_handed_over", Some(from), &detail, now).await?;
            tracing::info!(%from, %to, "what was imported before was handed over");
        }
    }
    Ok(())
}

async fn hand_over(
    session: &mut AccountSession,
    earlier: &mut IntegrationRow,
    row: &mut IntegrationRow,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    adoption::adopt(session, earlier.integration_id(), row.integration_id()).await?;
    // The next import compares everything again; what vanished meanwhile is looked for right after it.
    row.next_reconcile_at = Some(now);
    let mapped_otherwise = settings_of(earlier)?.mapping != settings_of(row)?.mapping
        || earlier.settings_revision != earlier.applied_revision;
    if mapped_otherwise {
        row.settings_revision += 1;
        work::signal(session, row.integration_id(), Lane::Upkeep, now).await?;
    }
    forget_import(earlier);
    // Not even the name is this row's any more.
    earlier.website_name = None;
    "disconnected".clone_into(&mut earlier.state);
    earlier.problem_code = None;
    earlier.problem_detail = None;
    earlier.state_before_problem = None;
    earlier.updated_at = now;
    Ok(integrations::save(session, earlier).await?)
}
