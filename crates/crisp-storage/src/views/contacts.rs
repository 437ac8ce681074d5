//! Contacts as people and programs read them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use crisp_client::PeopleId;
use crisp_domain::email::EmailKey;
use crisp_domain::ids::ContactId;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::containing;
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::{companies, contact_companies, contacts, integrations, profiles};
use crate::session::AccountSession;

/// A contact with its Crisp people ids and its companies.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct ContactView {
    pub id: Uuid,
    pub external_id: Option<String>,
    pub crisp_people_ids: Vec<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub phone_e164: Option<String>,
    pub country_alpha2: Option<String>,
    pub signed_up_at: Option<DateTime<Utc>>,
    pub attributes: serde_json::Value,
    pub companies: Vec<CompanyName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A company by the names others know it by.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CompanyName {
    /// The directory's id.
    pub external_id: String,
    /// What people call it.
    pub name: Option<String>,
}

/// Which contacts to list; all of them by default.
/// `Debug` does not show what is looked for.
#[derive(Default, Clone)]
pub struct Filter {
    /// Those with this e-mail, however it is written.
    pub email: Option<EmailKey>,
    /// The one that carries this Crisp profile.
    pub people_id: Option<PeopleId>,
    /// Which of them by where they are known.
    pub source: Source,
    /// Those whose name, e-mail or external id contains this text.
    pub search: Option<String>,
}

/// Where a contact is known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    /// Anywhere.
    #[default]
    Any,
    /// In Crisp: it carries a Crisp profile.
    Crisp,
}

discreet_debug!(ContactView: id, Bare: id, CompanyName: external_id, Filter: source);

impl ContactView {
    /// Where a page that ends with this contact ends.
    pub fn position(&self) -> Uuid {
        self.id
    }
}

/// Contacts in the order in which they were first stored, after `after`.
pub async fn list(
    session: &mut AccountSession,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ContactView>, Error> {
    let account = session.account().as_uuid();
    let mut query = contacts::table.filter(contacts::account_id.eq(account)).into_boxed();
    if let Some(email) = &filter.email {
        query = query.filter(contacts::email_key.eq(email.as_str()));
    }
    if let Some(people_id) = &filter.people_id {
        // By way of the integrations, because profiles are indexed within one.
        let carriers = integrations::table
            .inner_join(
                profiles::table.on(profiles::account_id
                    .eq(integrations::account_id)
                    .and(profiles::integration_id.eq(integrations::id))),
            )
            .filter(integrations::account_id.eq(account))
            .filter(profiles::account_id.eq(account))
            .filter(profiles::people_id.eq(people_id.as_str()))
            .select(profiles::contact_id);
        query = query.filter(contacts::id.eq_any(carriers));
    }
    if filter.source == Source::Crisp {
        let profile = profiles::table
            .filter(profiles::account_id.eq(account))
            .filter(profiles::contact_id.eq(contacts::id));
        query = query.filter(exists(profile));
    }
    if let Some(pattern) = filter.search.as_deref().and_then(containing) {
        let found = contacts::name.ilike(pattern.clone()).or(contacts::email.ilike(pattern.clone()));
        query = query.filter(found.or(contacts::external_id.ilike(pattern)));
    }
    if let Some(after) = after {
        query = query.filter(contacts::id.gt(after));
    }
    let page: Vec<Bare> = query
        .order(contacts::id)
        .limit(limit)
        .select(Bare::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list contacts"))?;
    with_relations(session, page).await
}

/// One contact.
pub async fn find(session: &mut AccountSession, id: ContactId) -> Result<Option<ContactView>, Error> {
    let account = session.account().as_uuid();
    let found: Option<Bare> = contacts::table
        .filter(contacts::account_id.eq(account))
        .filter(contacts::id.eq(id.as_uuid()))
        .select(Bare::as_select())
        .first(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find a contact"))?;
    Ok(with_relations(session, found.into_iter().collect()).await?.pop())
}

/// A contact without what belongs to it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = contacts)]
struct Bare {
    id: Uuid,
    external_id: Option<String>,
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    phone_e164: Option<String>,
    country_alpha2: Option<String>,
    signed_up_at: Option<DateTime<Utc>>,
    attributes: serde_json::Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

async fn with_relations(session: &mut AccountSession, page: Vec<Bare>) -> Result<Vec<ContactView>, Error> {
    if page.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = page.iter().map(|contact| contact.id).collect();
    let mut people_ids = people_ids(session, &ids).await?;
    let mut companies = companies(session, &ids).await?;
    let whole = |contact: Bare| ContactView {
        crisp_people_ids: people_ids.remove(&contact.id).unwrap_or_default(),
        companies: companies.remove(&contact.id).unwrap_or_default(),
        id: contact.id,
        external_id: contact.external_id,
        email: contact.email,
        name: contact.name,
        phone: contact.phone,
        phone_e164: contact.phone_e164,
        country_alpha2: contact.country_alpha2,
        signed_up_at: contact.signed_up_at,
        attributes: contact.attributes,
        created_at: contact.created_at,
        updated_at: contact.updated_at,
    };
    Ok(page.into_iter().map(whole).collect())
}

async fn people_ids(
    session: &mut AccountSession,
    contacts: &[Uuid],
) -> Result<HashMap<Uuid, Vec<String>>, Error> {
    let account = session.account().as_uuid();
    let rows: Vec<(Uuid, String)> = profiles::table
        .filter(profiles::account_id.eq(account))
        .filter(profiles::contact_id.eq_any(contacts))
        .order(profiles::people_id)
        .select((profiles::contact_id, profiles::people_id))
        .load(session.connection()?)
        .await
        .map_err(Error::query("list the people ids of contacts"))?;
    let mut groups = grouped(rows);
    // Two websites may know a person by one id; whoever reads the list counts people, not profiles.
    groups.values_mut().for_each(Vec::dedup);
    Ok(groups)
}

async fn companies(
    session: &mut AccountSession,
    contacts: &[Uuid],
) -> Result<HashMap<Uuid, Vec<CompanyName>>, Error> {
    let account = session.account().as_uuid();
    let rows: Vec<(Uuid, String, Option<String>)> = contact_companies::table
        .inner_join(
            companies::table.on(companies::account_id
                .eq(contact_companies::account_id)
                .and(companies::id.eq(contact_companies::company_id))),
        )
        .filter(contact_companies::account_id.eq(account))
        .filter(companies::account_id.eq(account))
        .filter(contact_companies::contact_id.eq_any(contacts))
        .order((contact_companies::position, companies::external_id))
        .select((contact_companies::contact_id, companies::external_id, companies::name))
        .load(session.connection()?)
        .await
        .map_err(Error::query("list the companies of contacts"))?;
    Ok(grouped(
        rows.into_iter().map(|(contact, external_id, name)| (contact, CompanyName { external_id, name })),
    ))
}

fn grouped<T>(rows: impl IntoIterator<Item = (Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (owner, row) in rows {
        groups.entry(owner).or_default().push(row);
    }
    groups
}
