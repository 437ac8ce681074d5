//! Crisp people profiles as they came, and which contact each became.

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::bulk::{Bulk, Parent, Written};
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::profiles;
use crate::session::AccountSession;

/// A profile as stored; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = profiles)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct ProfileRow {
    pub integration_id: Uuid,
    pub people_id: String,
    pub contact_id: Uuid,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub raw: serde_json::Value,
    pub data: Option<serde_json::Value>,
    pub active_last: Option<DateTime<Utc>>,
    pub crisp_updated_at: Option<DateTime<Utc>>,
    pub hooked_at: Option<DateTime<Utc>>,
    pub hook_stamp: Option<DateTime<Utc>>,
}

discreet_debug!(ProfileRow: people_id);

pub(crate) const BULK: Bulk = Bulk {
    table: "profiles",
    key: &["people_id"],
    fixed: &[],
    columns: &[
        ("people_id", "text"),
        ("contact_id", "uuid"),
        ("email", "text"),
        ("email_key", "text"),
        ("raw", "jsonb"),
        ("data", "jsonb"),
        ("active_last", "timestamptz"),
        ("crisp_updated_at", "timestamptz"),
        ("hooked_at", "timestamptz"),
        ("hook_stamp", "timestamptz"),
    ],
};

/// The stored profiles of an integration among `people_ids`.
pub async fn list_by_people_id(
    session: &mut AccountSession,
    integration: IntegrationId,
    people_ids: &[String],
) -> Result<Vec<ProfileRow>, Error> {
    let account = session.account().as_uuid();
    profiles::table
        .filter(profiles::account_id.eq(account))
        .filter(profiles::integration_id.eq(integration.as_uuid()))
        .filter(profiles::people_id.eq_any(people_ids))
        .select(ProfileRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load profiles"))
}

/// Every profile of the account that sits on one of these contacts or has one of these e-mails.
pub async fn list_related(
    session: &mut AccountSession,
    contacts: &[Uuid],
    emails: &[String],
) -> Result<Vec<ProfileRow>, Error> {
    let account = session.account().as_uuid();
    profiles::table
        .filter(profiles::account_id.eq(account))
        .filter(profiles::contact_id.eq_any(contacts).or(profiles::email_key.eq_any(emails)))
        .select(ProfileRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load related profiles"))
}

/// Profiles in the order of their people ids, after `after`: for a re-map.
pub async fn list_after(
    session: &mut AccountSession,
    integration: IntegrationId,
    after: &str,
    limit: i64,
) -> Result<Vec<ProfileRow>, Error> {
    let account = session.account().as_uuid();
    profiles::table
        .filter(profiles::account_id.eq(account))
        .filter(profiles::integration_id.eq(integration.as_uuid()))
        .filter(profiles::people_id.gt(after))
        .order(profiles::people_id)
        .limit(limit)
        .select(ProfileRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list profiles"))
}

/// How many profiles are stored.
pub async fn count(session: &mut AccountSession, integration: IntegrationId) -> Result<i64, Error> {
    let account = session.account().as_uuid();
    profiles::table
        .filter(profiles::account_id.eq(account))
        .filter(profiles::integration_id.eq(integration.as_uuid()))
        .count()
        .get_result(session.connection()?)
        .await
        .map_err(Error::query("count profiles"))
}

/// Saves profiles of one integration; rows that are as stored cost no write.
pub async fn save(
    session: &mut AccountSession,
    integration: IntegrationId,
    rows: &[ProfileRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    BULK.upsert(session, Parent::Integration(integration.as_uuid()), rows, now).await
}

/// Deletes profiles that are gone in Crisp.
pub async fn delete(
    session: &mut AccountSession,
    integration: IntegrationId,
    people_ids: &[String],
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    diesel::delete(
        profiles::table
            .filter(profiles::account_id.eq(account))
            .filter(profiles::integration_id.eq(integration.as_uuid()))
            .filter(profiles::people_id.eq_any(people_ids)),
    )
    .execute(session.connection()?)
    .await
    .map_err(Error::query("delete profiles"))?;
    Ok(())
}
