//! Which contact a directory row becomes, and what it holds then: pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use crisp_domain::{ContactFields, ContactId, EmailKey, email, json, text};
use crisp_storage::directory::ContactRow;
use serde_json::Value;
use uuid::Uuid;

use super::{ContactChange, Field};
use crate::people::{fields_of, put_fields};

/// A contact before and after a write.
pub(super) struct Change {
    pub(super) before: Option<ContactRow>,
    pub(super) after: ContactRow,
}

impl Change {
    /// E-mails whose conversations may belong to somebody else now.
    pub(super) fn emails_concerned(&self) -> impl Iterator<Item = String> {
        let before = self.before.as_ref().and_then(|row| row.email_key.clone());
        let after = self.after.email_key.clone();
        let moved = self.before.is_none() || before != after;
        before.into_iter().chain(after).filter(move |_| moved)
    }
}

/// Applies the rows to what is stored: `known` holds every contact with one of their external ids or e-mails.
pub(super) fn plan(rows: &[ContactChange], known: Vec<ContactRow>, now: DateTime<Utc>) -> Vec<Change> {
    let mut by_external_id: HashMap<String, ContactRow> = HashMap::new();
    let mut orphans: BTreeMap<String, Vec<ContactRow>> = BTreeMap::new();
    for row in known {
        match (&row.external_id, &row.email_key) {
            (Some(external_id), _) => {
                by_external_id.insert(external_id.clone(), row);
            }
            (None, Some(email)) => orphans.entry(email.clone()).or_default().push(row),
            (None, None) => {}
        }
    }
    let mut adopted = HashSet::new();
    rows.iter()
        .map(|change| {
            let before =
                by_external_id.remove(&change.external_id).or_else(|| adopt(change, &orphans, &mut adopted));
            let base =
                before.clone().unwrap_or_else(|| ContactRow::new(ContactId::new_v7(now).as_uuid(), now));
            Change { before, after: apply(change, base) }
        })
        .collect()
}

/// The contact without an external id that has the row's e-mail: by the documented rule where there are several.
fn adopt(
    change: &ContactChange,
    orphans: &BTreeMap<String, Vec<ContactRow>>,
    adopted: &mut HashSet<Uuid>,
) -> Option<ContactRow> {
    let email = change.email.told().and_then(|email| EmailKey::parse(email))?;
    let free = orphans.get(email.as_str())?.iter().filter(|row| !adopted.contains(&row.id));
    let best = free.min_by_key(|row| (std::cmp::Reverse(row.last_active_at), row.created_at, row.id))?;
    adopted.insert(best.id);
    Some(best.clone())
}

fn apply(change: &ContactChange, mut row: ContactRow) -> ContactRow {
    let before = fields_of(&row);
    let readable =
        |field: Field<String>, before: Option<String>| field.over(before).as_deref().and_then(text::present);
    let address = |email: String| text::storable(email::trimmed(&email));
    let fields = ContactFields {
        email: change.email.clone().over(before.email).map(address),
        name: readable(change.name.clone(), before.name),
        phone: readable(change.phone.clone(), before.phone),
        signed_up_at: change.signed_up_at.clone().over(before.signed_up_at),
        attributes: match &change.attributes {
            Field::Keep => before.attributes,
            Field::Clear => serde_json::Map::new(),
            Field::Set(told) => with(before.attributes, told),
        },
    };
    put_fields(&mut row, fields);
    row.external_id = Some(change.external_id.clone());
    claim(change, &mut row);
    row
}

/// What the directory says itself is its own from then on, even where Crisp had said the same before.
fn claim(change: &ContactChange, row: &mut ContactRow) {
    let Some(from_crisp) = row.from_crisp.as_object_mut() else { return };
    let fields = [
        ("email", change.email.told().is_some()),
        ("name", change.name.told().is_some()),
        ("phone", change.phone.told().is_some()),
        ("signed_up_at", change.signed_up_at.told().is_some()),
    ];
    for (target, _) in fields.into_iter().filter(|(_, told)| *told) {
        from_crisp.shift_remove(target);
    }
    for (name, _) in change.attributes.told().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        from_crisp.shift_remove(&format!("attributes.{name}"));
    }
}

fn with(
    mut attributes: serde_json::Map<String, Value>,
    told: &serde_json::Map<String, Value>,
) -> serde_json::Map<String, Value> {
    for (name, value) in told {
        if value.is_null() {
            attributes.shift_remove(name);
        } else {
            attributes.insert(text::storable(name), json::storable(value.clone()));
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn stored(external_id: Option<&str>, email: &str) -> ContactRow {
        let mut row = ContactRow::new(ContactId::new_v7(now()).as_uuid(), now());
        let attributes = json!({"country": "FR", "plan": "pro"}).as_object().unwrap().clone();
        let name = Some("Ana".to_owned());
        put_fields(
            &mut row,
            ContactFields { email: Some(email.to_owned()), name, attributes, ..ContactFields::default() },
        );
        row.external_id = external_id.map(str::to_owned);
        row
    }

    fn change(external_id: &str, email: &str) -> ContactChange {
        let email = Field::Set(email.to_owned());
        ContactChange { external_id: external_id.to_owned(), email, ..ContactChange::default() }
    }

    #[test]
    fn what_only_crisp_brought_is_adopted_once() {
        let orphan = stored(None, "ana@x.example");
        let rows = [change("k1", " ANA@x.example"), change("k2", "ana@x.example")];
        let planned = plan(&rows, vec![orphan.clone()], now());
        assert_eq!(planned[0].after.id, orphan.id);
        assert_eq!(planned[0].after.name.as_deref(), Some("Ana"));
        assert_eq!(planned[0].after.external_id.as_deref(), Some("k1"));
        assert_eq!(planned[0].emails_concerned().count(), 0);
        assert!(planned[1].before.is_none() && planned[1].after.id != orphan.id);
        assert_eq!(planned[1].emails_concerned().collect::<Vec<_>>(), ["ana@x.example"]);
    }

    #[test]
    fn a_contact_that_the_directory_has_stays_itself() {
        let (orphan, own) = (stored(None, "new@x.example"), stored(Some("k1"), "old@x.example"));
        let planned = plan(&[change("k1", "new@x.example")], vec![orphan, own.clone()], now());
        assert_eq!(planned[0].after.id, own.id);
        assert_eq!(planned[0].emails_concerned().collect::<Vec<_>>(), ["old@x.example", "new@x.example"]);
    }

    #[test]
    fn what_the_directory_says_is_its_own_even_where_crisp_said_the_same() {
        let mut own = stored(Some("k1"), "ana@x.example");
        own.from_crisp = json!({"email": "ana@x.example", "name": "Ana", "attributes.plan": "pro", "attributes.country": "FR"});
        let attributes = json!({"plan": "pro", "country": null}).as_object().unwrap().clone();
        let row = ContactChange { attributes: Field::Set(attributes), ..change("k1", "ana@x.example") };
        let after = plan(&[row], vec![own], now()).remove(0).after;
        assert_eq!(after.from_crisp, json!({"name": "Ana", "attributes.country": "FR"}));
    }

    #[test]
    fn absent_stays_null_clears_and_attributes_are_set_one_by_one() {
        let own = stored(Some("k1"), "ana@x.example");
        let attributes = json!({"plan": null, "seats": 12}).as_object().unwrap().clone();
        let row = ContactChange {
            external_id: "k1".to_owned(),
            name: Field::Clear,
            phone: Field::Set("  ".to_owned()),
            attributes: Field::Set(attributes),
            ..ContactChange::default()
        };
        let after = plan(&[row], vec![own], now()).remove(0).after;
        assert_eq!(after.email.as_deref(), Some("ana@x.example"));
        assert_eq!((after.name, after.phone), (None, None));
        assert_eq!(after.attributes, json!({"country": "FR", "seats": 12}));
    }
}
