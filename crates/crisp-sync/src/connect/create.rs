//! A new integration: a draft, or one that is connected at once.

use chrono::{DateTime, Utc};
use crisp_client::WebsiteId;
use crisp_domain::{AccountId, ImportSettings, IntegrationId};
use crisp_storage::AccountSession;
use crisp_storage::integrations::{self, IntegrationRow};
use serde_json::json;
use uuid::Uuid;

use super::proof::{Inspection, Past, inspect, proof_of_account};
use super::{Problem, connect, link, parse_website_id, refuse_claimed};
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::refusal::Refusal;

/// A new integration.
#[derive(Debug)]
pub struct Created {
    /// As it is stored.
    pub row: IntegrationRow,
    /// Why the website that was given is not connected yet; not stored, because only this answer is about it.
    pub problem: Option<Problem>,
}

impl From<IntegrationRow> for Created {
    fn from(row: IntegrationRow) -> Self {
        Self { row, problem: None }
    }
}

/// Makes a new integration. Where `website` is given and proven through another integration of the account (by its
/// callback, or by its code in Crisp), it is connected at once; else it is a draft, with the reason beside it.
///
/// Nothing is made of what is no website id, of a website that is connected already, or while Crisp cannot be asked.
pub async fn create(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    website: Option<&str>,
) -> Result<Created, Refusal> {
    let website = match website {
        Some(text) => Some(parse_website_id(text).ok_or(Refusal::WebsiteIdInvalid)?),
        None => None,
    };
    let found = match website {
        Some(website) => Some(look_at(engine, account, website).await?),
        None => None,
    };
    let past = match &found {
        Some(Some(inspection)) => Some(inspection.past(engine, account).await?),
        Some(None) | None => None,
    };
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let mut row = draft(account, actor, now)?;
    integrations::insert(&mut session, &row).await?;
    note(&mut session, &row, actor, website, now).await?;
    let problem = match (&found, &past) {
        (Some(Some(inspection)), Some(past)) => {
            connect_proven(engine, &mut session, &mut row, (inspection, past), actor).await?
        }
        (Some(_), _) => Some(not_installed()),
        (None, _) => None,
    };
    session.commit().await?;
    Ok(Created { row, problem })
}

/// What Crisp says of a website that nobody has connected.
async fn look_at(
    engine: &Engine,
    account: AccountId,
    website: WebsiteId,
) -> Result<Option<Inspection>, Refusal> {
    refuse_claimed(engine, website, None).await?;
    engine.admit_click(account).await?;
    inspect(engine, account, website).await.map_err(Refusal::CrispUnavailable)
}

async fn connect_proven(
    engine: &Engine,
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    (inspection, past): (&Inspection, &Past<'_>),
    actor: &str,
) -> Result<Option<Problem>, Refusal> {
    let (integration, now) = (row.integration_id(), clock::now());
    let Some(proof) = proof_of_account(session, inspection, integration, past, now).await? else {
        return Ok(Some(unproven()));
    };
    connect(engine, session, row, inspection, (proof, actor)).await?;
    Ok(None)
}

fn draft(account: AccountId, actor: &str, now: DateTime<Utc>) -> Result<IntegrationRow, Error> {
    let settings =
        serde_json::to_value(ImportSettings::default()).or(Err(Error::Corrupt("import settings")))?;
    let code = format!("custify-{}", Uuid::new_v4().simple());
    let mut row = IntegrationRow::draft(account, IntegrationId::new_v7(now), code, settings, now);
    link::renew(&mut row, actor, now);
    Ok(row)
}

async fn note(
    session: &mut AccountSession,
    row: &IntegrationRow,
    actor: &str,
    website: Option<WebsiteId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let detail = json!({"website_id": website.map(|website| website.to_string())});
    let integration = Some(row.integration_id());
    crisp_storage::audit::append(session, actor, "integration.created", integration, &detail, now).await?;
    Ok(())
}

fn not_installed() -> Problem {
    Problem {
        code: "plugin_not_installed".to_owned(),
        detail: "The Custify plugin is not installed on this Crisp website.".to_owned(),
        what_to_do: "Install it with the install link of this integration; that connects the website, too."
            .to_owned(),
    }
}

fn unproven() -> Problem {
    Problem {
        code: "ownership_unproven".to_owned(),
        detail: "A website id is public, so it does not prove that the website is yours.".to_owned(),
        what_to_do: "Install the plugin with the install link of this integration, or put its connection code into the \
                     plugin's settings in Crisp, under custify_connection_code, and connect the website."
            .to_owned(),
    }
}
