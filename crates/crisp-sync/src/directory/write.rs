//! The one transaction of a directory write.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use crisp_domain::{AccountId, CompanyId, ContactId, EmailKey, text};
use crisp_storage::directory::{self, CompanyRow, ContactRow, Membership};
use crisp_storage::erasure::{self, Trace};
use crisp_storage::{AccountSession, audit, conversations, integrations};
use serde_json::json;
use uuid::Uuid;

use super::contacts::{Change, plan};
use super::{Batch, CompanyChange, ContactChange, Written};
use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::people::follow;
use crate::refusal::Refusal;
use crate::scope::Scope;

/// Writes rows that were checked, and everything that follows from them.
pub(super) async fn write(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    batch: Batch,
) -> Result<Written, Refusal> {
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let companies = write_companies(&mut session, &batch, now).await?;
    let known = load_contacts(&mut session, &batch.contacts).await?;
    let changes = plan(&batch.contacts, known, now);
    let rows: Vec<ContactRow> = changes.iter().map(|change| change.after.clone()).collect();
    directory::save_contacts(&mut session, &rows, now).await?;
    readmit(engine, &mut session, actor, &batch.contacts, now).await?;
    let moved = write_memberships(&mut session, &batch.contacts, &rows, &companies).await?;
    settle(session, &changes, &moved, now).await?;
    let written = batch.companies.iter().filter_map(|change| companies.get(&change.external_id).cloned());
    Ok(Written { companies: written.collect(), contacts: rows })
}

/// Saves the companies sent, and makes those that contacts name and nobody knows. Answers all of them by external id.
async fn write_companies(
    session: &mut AccountSession,
    batch: &Batch,
    now: DateTime<Utc>,
) -> Result<HashMap<String, CompanyRow>, Error> {
    let named = batch.contacts.iter().filter_map(|change| change.companies.as_ref()).flatten().cloned();
    let sent = batch.companies.iter().map(|change| change.external_id.clone());
    let ids: Vec<String> = sent.chain(named).collect::<BTreeSet<_>>().into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let known = directory::list_companies_by_external_id(session, &ids).await?;
    let mut companies: HashMap<String, CompanyRow> =
        known.into_iter().map(|row| (row.external_id.clone(), row)).collect();
    for external_id in ids {
        companies.entry(external_id.clone()).or_insert_with(|| CompanyRow {
            id: CompanyId::new_v7(now).as_uuid(),
            external_id,
            name: None,
        });
    }
    for CompanyChange { external_id, name } in &batch.companies {
        if let Some(row) = companies.get_mut(external_id) {
            row.name = name.clone().over(row.name.take()).as_deref().and_then(text::present);
        }
    }
    let rows: Vec<CompanyRow> = companies.values().cloned().collect();
    directory::save_companies(session, &rows, now).await?;
    Ok(companies)
}

async fn load_contacts(
    session: &mut AccountSession,
    changes: &[ContactChange],
) -> Result<Vec<ContactRow>, Error> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let external_ids: Vec<String> = changes.iter().map(|change| change.external_id.clone()).collect();
    let emails: Vec<String> = email_keys(changes).map(String::from).collect();
    let mut rows = directory::list_contacts_by_external_id(session, &external_ids).await?;
    let with_email = directory::list_contacts_related(session, &[], &emails).await?;
    rows.extend(with_email.into_iter().filter(|row| row.external_id.is_none()));
    Ok(rows)
}

fn email_keys(changes: &[ContactChange]) -> impl Iterator<Item = EmailKey> {
    changes.iter().filter_map(|change| change.email.told().and_then(|email| EmailKey::parse(email)))
}

/// Erased people whom the directory adds again are people again.
async fn readmit(
    engine: &Engine,
    session: &mut AccountSession,
    actor: &str,
    changes: &[ContactChange],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account();
    let hashes: Vec<_> =
        email_keys(changes).map(|email| engine.erasure.hash(account, Trace::Email(&email))).collect();
    let back = erasure::readmit(session, &hashes).await?;
    if back > 0 {
        audit::append(session, actor, "person.readmitted", None, &json!({"people": back}), now).await?;
    }
    Ok(())
}

/// Saves memberships where the list was sent. Answers the contacts whose memberships are others now.
async fn write_memberships(
    session: &mut AccountSession,
    changes: &[ContactChange],
    rows: &[ContactRow],
    companies: &HashMap<String, CompanyRow>,
) -> Result<Vec<ContactId>, Error> {
    let mut wanted: HashMap<Uuid, Vec<Membership>> = HashMap::new();
    for (change, row) in changes.iter().zip(rows) {
        if let Some(named) = &change.companies {
            wanted.insert(row.id, memberships(row.id, named, companies));
        }
    }
    let contacts: Vec<Uuid> = wanted.keys().copied().collect();
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let mut stored: HashMap<Uuid, Vec<Membership>> = HashMap::new();
    for membership in directory::list_memberships(session, &contacts).await? {
        stored.entry(membership.contact_id).or_default().push(membership);
    }
    wanted.retain(|contact, list| stored.get(contact).map_or(!list.is_empty(), |stored| stored != list));
    let moved: Vec<Uuid> = wanted.keys().copied().collect();
    let lists: Vec<Membership> = wanted.into_values().flatten().collect();
    if !moved.is_empty() {
        directory::replace_memberships(session, &moved, &lists).await?;
    }
    Ok(moved.into_iter().map(ContactId::from).collect())
}

/// The memberships in the order of the list; a company that is named twice counts once.
fn memberships(contact: Uuid, named: &[String], companies: &HashMap<String, CompanyRow>) -> Vec<Membership> {
    let mut seen = BTreeSet::new();
    named
        .iter()
        .filter_map(|external_id| companies.get(external_id))
        .filter(|company| seen.insert(company.id))
        .zip(0..)
        .map(|(company, position)| Membership { contact_id: contact, company_id: company.id, position })
        .collect()
}

/// Lets conversations and company views follow, and makes it all durable.
async fn settle(
    mut session: AccountSession,
    changes: &[Change],
    moved: &[ContactId],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let integrations = integrations::list(&mut session).await?;
    let Some(any) = integrations.first() else { return Ok(session.commit().await?) };
    let emails: BTreeSet<String> = changes.iter().flat_map(Change::emails_concerned).collect();
    let emails: Vec<String> = emails.into_iter().collect();
    let mut scope = Scope::within(session, any.integration_id(), "directory", now).await?;
    follow(&mut scope, &emails, &[], &[]).await?;
    if !moved.is_empty() {
        let theirs = conversations::list_concerned(&mut scope.session, &[], &[], moved).await?;
        let ids: Vec<Uuid> = theirs.into_iter().map(|row| row.id).collect();
        conversations::link_companies(&mut scope.session, &ids).await?;
    }
    scope.commit().await
}
