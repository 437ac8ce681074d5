//! Contacts, companies, and who belongs to which.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::bulk::{Bulk, Parent, Written};
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::{companies, contact_companies, contacts};
use crate::session::AccountSession;

/// A contact as stored; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = contacts)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct ContactRow {
    pub id: Uuid,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub phone_e164: Option<String>,
    pub country_alpha2: Option<String>,
    pub signed_up_at: Option<DateTime<Utc>>,
    pub attributes: serde_json::Value,
    pub from_crisp: serde_json::Value,
    pub last_active_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
}

impl ContactRow {
    /// A contact with nothing but an id.
    pub fn new(id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            id,
            external_id: None,
            email: None,
            email_key: None,
            name: None,
            phone: None,
            phone_e164: None,
            country_alpha2: None,
            signed_up_at: None,
            attributes: serde_json::json!({}),
            from_crisp: serde_json::json!({}),
            last_active_at: None,
            created_at: now,
        }
    }
}

pub(crate) const CONTACTS: Bulk = Bulk {
    table: "contacts",
    key: &["id"],
    fixed: &[],
    columns: &[
        ("id", "uuid"),
        ("external_id", "text"),
        ("email", "text"),
        ("email_key", "text"),
        ("name", "text"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("country_alpha2", "text"),
        ("signed_up_at", "timestamptz"),
        ("attributes", "jsonb"),
        ("from_crisp", "jsonb"),
        ("last_active_at", "timestamptz"),
    ],
};

/// A company as stored.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = companies)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct CompanyRow {
    pub id: Uuid,
    pub external_id: String,
    pub name: Option<String>,
}

discreet_debug!(ContactRow: id, CompanyRow: id);

pub(crate) const COMPANIES: Bulk = Bulk {
    table: "companies",
    key: &["external_id"],
    fixed: &[("id", "uuid")],
    columns: &[("external_id", "text"), ("name", "text")],
};

/// One membership: the contact's n-th company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = contact_companies)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct Membership {
    pub contact_id: Uuid,
    pub company_id: Uuid,
    pub position: i32,
}

/// Contacts of the account by id.
pub async fn list_contacts(session: &mut AccountSession, ids: &[Uuid]) -> Result<Vec<ContactRow>, Error> {
    let account = session.account().as_uuid();
    contacts::table
        .filter(contacts::account_id.eq(account))
        .filter(contacts::id.eq_any(ids))
        .select(ContactRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load contacts"))
}

/// Contacts by id or by e-mail key.
pub async fn list_contacts_related(
    session: &mut AccountSession,
    ids: &[Uuid],
    emails: &[String],
) -> Result<Vec<ContactRow>, Error> {
    let account = session.account().as_uuid();
    contacts::table
        .filter(contacts::account_id.eq(account))
        .filter(contacts::id.eq_any(ids).or(contacts::email_key.eq_any(emails)))
        .select(ContactRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load contacts"))
}

/// Contacts by the directory's external ids.
pub async fn list_contacts_by_external_id(
    session: &mut AccountSession,
    external_ids: &[String],
) -> Result<Vec<ContactRow>, Error> {
    let account = session.account().as_uuid();
    contacts::table
        .filter(contacts::account_id.eq(account))
        .filter(contacts::external_id.eq_any(external_ids))
        .select(ContactRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load contacts"))
}

/// Saves contacts; rows that are as stored cost no write.
pub async fn save_contacts(
    session: &mut AccountSession,
    rows: &[ContactRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    CONTACTS.upsert(session, Parent::Account, rows, now).await
}

/// Deletes those of `candidates` that only Crisp brought and that nothing refers to any more. Returns their ids.
pub async fn delete_unused_contacts(
    session: &mut AccountSession,
    candidates: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    #[derive(QueryableByName)]
    struct Deleted {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let account = session.account().as_uuid();
    let deleted: Vec<Deleted> = diesel::sql_query(
        "delete from contacts k where k.account_id = $1 and k.id = any($2) and k.external_id is null \
         and not exists (select from profiles p where p.account_id = $1 and p.contact_id = k.id) \
         and not exists (select from conversations c where c.account_id = $1 and c.contact_id = k.id) returning k.id",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(candidates)
    .load(session.connection()?)
    .await
    .map_err(Error::query("delete unused contacts"))?;
    Ok(deleted.into_iter().map(|row| row.id).collect())
}

/// Companies by the directory's external ids.
pub async fn list_companies_by_external_id(
    session: &mut AccountSession,
    external_ids: &[String],
) -> Result<Vec<CompanyRow>, Error> {
    let account = session.account().as_uuid();
    companies::table
        .filter(companies::account_id.eq(account))
        .filter(companies::external_id.eq_any(external_ids))
        .select(CompanyRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load companies"))
}

/// Saves companies; rows that are as stored cost no write.
pub async fn save_companies(
    session: &mut AccountSession,
    rows: &[CompanyRow],
    now: DateTime<Utc>,
) -> Result<Written, Error> {
    COMPANIES.upsert(session, Parent::Account, rows, now).await
}

/// The memberships of these contacts.
pub async fn list_memberships(
    session: &mut AccountSession,
    contact_ids: &[Uuid],
) -> Result<Vec<Membership>, Error> {
    let account = session.account().as_uuid();
    contact_companies::table
        .filter(contact_companies::account_id.eq(account))
        .filter(contact_companies::contact_id.eq_any(contact_ids))
        .order((contact_companies::contact_id, contact_companies::position))
        .select(Membership::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("load memberships"))
}

/// Gives these contacts exactly these memberships.
pub async fn replace_memberships(
    session: &mut AccountSession,
    contact_ids: &[Uuid],
    memberships: &[Membership],
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    let records =
        serde_json::to_value(memberships).map_err(|source| Error::Corrupt { what: "memberships", source })?;
    diesel::sql_query(
        "delete from contact_companies m where m.account_id = $1 and m.contact_id = any($2) and not exists ( \
         select from jsonb_to_recordset($3) as u(contact_id uuid, company_id uuid) \
         where u.contact_id = m.contact_id and u.company_id = m.company_id)",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Array<SqlUuid>, _>(contact_ids)
    .bind::<diesel::sql_types::Jsonb, _>(&records)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("end memberships"))?;
    diesel::sql_query(
        "insert into contact_companies (account_id, contact_id, company_id, position) \
         select p.id, u.contact_id, u.company_id, u.position from accounts p \
         cross join jsonb_to_recordset($2) as u(contact_id uuid, company_id uuid, position integer) where p.id = $1 \
         order by u.contact_id, u.company_id \
         on conflict (account_id, contact_id, company_id) do update set position = excluded.position \
         where contact_companies.position is distinct from excluded.position",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<diesel::sql_types::Jsonb, _>(&records)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("begin memberships"))?;
    Ok(())
}
