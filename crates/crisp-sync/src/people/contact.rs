//! What a contact becomes of the profiles that it carries: pure.

use std::collections::BTreeMap;

use crisp_client::PeopleId;
use crisp_domain::mapping::Target;
use crisp_domain::{ContactFields, EmailKey, country, phone};
use crisp_matching::profiles::{self as bonds, ProfileRank};
use crisp_storage::directory::ContactRow;
use crisp_storage::profiles::ProfileRow;
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::scope::Scope;

/// One contact, computed from the profile that has the say.
pub(crate) fn settle_contact(
    scope: &Scope,
    id: Uuid,
    before: Option<&ContactRow>,
    carried: &[&ProfileRow],
) -> Result<ContactRow, Error> {
    let mut next = before.cloned().unwrap_or_else(|| ContactRow::new(id, scope.now));
    next.last_active_at = carried.iter().filter_map(|row| row.active_last).max();
    let Some(winner) = winner(carried) else { return Ok(next) };
    let Some(settings) = scope.all_settings.get(&winner.integration_id) else { return Ok(next) };
    let data = winner.data.as_ref().and_then(Value::as_object);
    let mapped = settings.mapping.map(&winner.raw, data);
    let from_crisp: BTreeMap<Target, Value> =
        serde_json::from_value(next.from_crisp.clone()).map_err(Error::corrupt("values from Crisp"))?;
    let merged = settings.mapping.merge(&fields_of(&next), &from_crisp, &mapped);
    put_fields(&mut next, merged.fields);
    next.from_crisp =
        serde_json::to_value(&merged.from_crisp).map_err(Error::corrupt("values from Crisp"))?;
    Ok(next)
}

fn winner<'a>(carried: &[&'a ProfileRow]) -> Option<&'a ProfileRow> {
    let ranks: Vec<ProfileRank> = carried
        .iter()
        .map(|row| ProfileRank {
            people_id: PeopleId::new(row.people_id.clone()),
            active_last: row.active_last,
            updated_at: row.crisp_updated_at,
        })
        .collect();
    let winner = bonds::winner(&ranks)?;
    // Two integrations may know a person by one id: the later word counts, and the newer integration's at last.
    carried
        .iter()
        .filter(|row| row.people_id == winner.as_str())
        .max_by_key(|row| (row.active_last, row.crisp_updated_at, row.integration_id))
        .copied()
}

/// The mappable fields of a stored contact.
pub(crate) fn fields_of(row: &ContactRow) -> ContactFields {
    ContactFields {
        email: row.email.clone(),
        name: row.name.clone(),
        phone: row.phone.clone(),
        signed_up_at: row.signed_up_at,
        attributes: row.attributes.as_object().cloned().unwrap_or_default(),
    }
}

/// Puts fields back, with the normal forms that follow from them.
pub(crate) fn put_fields(row: &mut ContactRow, fields: ContactFields) {
    let country = fields.attributes.get("country").and_then(Value::as_str).map(str::to_owned);
    row.email_key = email_key(fields.email.as_deref());
    row.email = fields.email;
    row.name = fields.name;
    row.phone_e164 = fields.phone.as_deref().and_then(|phone| phone::normalise(phone, country.as_deref()));
    row.country_alpha2 = country.as_deref().and_then(country::alpha2).map(str::to_owned);
    row.phone = fields.phone;
    row.signed_up_at = fields.signed_up_at;
    row.attributes = Value::Object(fields.attributes);
}

/// The normal form of an address, as it is stored.
pub(super) fn email_key(email: Option<&str>) -> Option<String> {
    email.and_then(EmailKey::parse).map(|key| key.as_str().to_owned())
}
