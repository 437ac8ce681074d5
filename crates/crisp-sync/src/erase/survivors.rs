//! Contacts of the directory that lose a profile for good: what Crisp put there goes with it.

use std::collections::BTreeMap;

use crisp_domain::ContactId;
use crisp_domain::mapping::{MappedFields, Mapping, Target};
use crisp_storage::directory::{self, ContactRow};
use crisp_storage::profiles::{self, ProfileRow};
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::people::{fields_of, follow, put_fields, settle_contact};
use crate::scope::Scope;

/// Takes from these contacts what profiles said that are not there any more. What somebody changed by hand stays, and
/// so does what another profile of theirs says.
pub(crate) async fn take_back(scope: &mut Scope, contacts: &[Uuid]) -> Result<(), Error> {
    if contacts.is_empty() {
        return Ok(());
    }
    let rows = directory::list_contacts(&mut scope.session, contacts).await?;
    let left = profiles::list_related(&mut scope.session, contacts, &[]).await?;
    let mut changed = Vec::new();
    let mut emails = Vec::new();
    for before in rows {
        let carried: Vec<&ProfileRow> = left.iter().filter(|row| row.contact_id == before.id).collect();
        let emptied = without_crisp(&before)?;
        let after = settle_contact(scope, before.id, Some(&emptied), &carried)?;
        if after.email_key != before.email_key {
            emails.extend(before.email_key.iter().chain(&after.email_key).cloned());
        }
        if after != before {
            changed.push(after);
        }
    }
    directory::save_contacts(&mut scope.session, &changed, scope.now).await?;
    let changed: Vec<ContactId> = changed.iter().map(|row| ContactId::from(row.id)).collect();
    follow(scope, &emails, &[], &changed).await
}

/// The contact as if no mapping had ever put anything into it.
fn without_crisp(row: &ContactRow) -> Result<ContactRow, Error> {
    let mut next = row.clone();
    let from_crisp: BTreeMap<Target, Value> =
        serde_json::from_value(row.from_crisp.clone()).map_err(Error::corrupt("values from Crisp"))?;
    let merged = Mapping::empty().merge(&fields_of(row), &from_crisp, &MappedFields::default());
    put_fields(&mut next, merged.fields);
    next.from_crisp = Value::Object(serde_json::Map::new());
    Ok(next)
}
