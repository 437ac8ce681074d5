//! Claims: what makes a website one account's. The one table that is looked up without an account, by hook intake.

use chrono::{DateTime, Utc};
use crisp_client::WebsiteId;
use crisp_domain::ids::{AccountId, IntegrationId, uuid_v7};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::schema::{recent_claims, website_claims};
use crate::session::AccountSession;

/// Claims a website for an integration. `false`: another integration (of whomever) holds it.
pub async fn claim(
    session: &mut AccountSession,
    website: WebsiteId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let claim = (
        website_claims::website_id.eq(website.as_uuid()),
        website_claims::account_id.eq(session.account().as_uuid()),
        website_claims::integration_id.eq(integration.as_uuid()),
        website_claims::claimed_at.eq(now),
    );
    let claimed = diesel::insert_into(website_claims::table)
        .values(claim)
        .on_conflict_do_nothing()
        .execute(session.connection()?)
        .await
        .map_err(Error::query("claim a website"))?;
    if claimed > 0 {
        remember_claim(session, website, integration, now).await?;
        return Ok(true);
    }
    Ok(find_own_claim(session, website).await? == Some(integration))
}

/// The integration of the account that holds a website; what others hold is behind the wall.
async fn find_own_claim(
    session: &mut AccountSession,
    website: WebsiteId,
) -> Result<Option<IntegrationId>, Error> {
    let holder: Option<Uuid> = website_claims::table
        .filter(website_claims::website_id.eq(website.as_uuid()))
        .select(website_claims::integration_id)
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("read a website's claim"))?;
    Ok(holder.map(IntegrationId::from))
}

async fn remember_claim(
    session: &mut AccountSession,
    website: WebsiteId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    diesel::insert_into(recent_claims::table)
        .values((
            recent_claims::id.eq(uuid_v7(now)),
            recent_claims::website_id.eq(website.as_uuid()),
            recent_claims::account_id.eq(session.account().as_uuid()),
            recent_claims::integration_id.eq(integration.as_uuid()),
            recent_claims::claimed_at.eq(now),
        ))
        .execute(session.connection()?)
        .await
        .map_err(Error::query("remember a claim"))?;
    Ok(())
}

/// When the integration claimed the website that it holds; `None`: it holds none.
pub async fn claimed_at(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let account = session.account().as_uuid();
    website_claims::table
        .filter(website_claims::account_id.eq(account))
        .filter(website_claims::integration_id.eq(integration.as_uuid()))
        .select(website_claims::claimed_at)
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find an integration's claim"))
}

/// Gives a website free again.
pub async fn release(session: &mut AccountSession, integration: IntegrationId) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        website_claims::table
            .filter(website_claims::account_id.eq(account))
            .filter(website_claims::integration_id.eq(integration.as_uuid())),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("release a website"))?;
    Ok(())
}

impl Database {
    /// Who connected a website: for hook intake, which knows no account.
    pub async fn find_claim(&self, website: WebsiteId) -> Result<Option<(AccountId, IntegrationId)>, Error> {
        let mut connection = self.system().await?;
        let claim: Option<(Uuid, Uuid)> = website_claims::table
            .filter(website_claims::website_id.eq(website.as_uuid()))
            .select((website_claims::account_id, website_claims::integration_id))
            .first(&mut connection)
            .await
            .optional()
            .map_err(Error::query("find a website's claim"))?;
        Ok(claim.map(|(account, integration)| (AccountId::from(account), IntegrationId::from(integration))))
    }

    /// Whether anybody but this account has claimed a website since a moment of the last days.
    pub async fn was_claimed_by_another(
        &self,
        website: WebsiteId,
        account: AccountId,
        since: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut connection = self.system().await?;
        let others = recent_claims::table
            .filter(recent_claims::website_id.eq(website.as_uuid()))
            .filter(recent_claims::account_id.ne(account.as_uuid()))
            .filter(recent_claims::claimed_at.ge(since));
        diesel::select(diesel::dsl::exists(others))
            .get_result(&mut connection)
            .await
            .map_err(Error::query("look who claimed a website lately"))
    }

    /// Forgets claims made before `before` that nothing is asked about any more.
    pub async fn forget_claims(&self, before: DateTime<Utc>) -> Result<usize, Error> {
        let mut connection = self.system().await?;
        diesel::delete(recent_claims::table.filter(recent_claims::claimed_at.lt(before)))
            .execute(&mut connection)
            .await
            .map_err(Error::query("forget old claims"))
    }
}
