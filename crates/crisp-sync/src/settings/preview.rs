//! What real profiles would become by settings that are not saved yet.

use std::collections::{BTreeMap, HashMap};

use crisp_client::PeopleId;
use crisp_domain::mapping::Target;
use crisp_domain::{AccountId, ContactFields, EmailKey, ImportSettings, IntegrationId};
use crisp_storage::directory::{self, ContactRow};
use crisp_storage::profiles;
use serde_json::Value;
use uuid::Uuid;

use super::samples::{Sample, Samples, complete, load};
use crate::engine::Engine;
use crate::error::Error;
use crate::people::fields_of;
use crate::refusal::Refusal;

/// The most profiles that are shown.
const SHOWN: usize = 5;

/// One profile and the contact that it would become. `Debug` shows which fields are filled, never with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The Crisp profile.
    pub people_id: PeopleId,
    /// The contact that it would enrich, as it is now; `None`: it would be a new one.
    pub contact: Option<Uuid>,
    /// What that contact holds now.
    pub before: ContactFields,
    /// What it would hold.
    pub after: ContactFields,
}

/// What becomes of an existing contact, as far as a preview has to know.
struct Enriched {
    id: Uuid,
    fields: ContactFields,
    from_crisp: BTreeMap<Target, Value>,
}

/// What up to five real profiles would become by these settings. Nothing is saved.
///
/// Those that say most come first. Profiles that are stored cost no request; a mapping of custom data that nobody has
/// read yet costs one for each profile shown.
pub async fn preview(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    settings: Value,
) -> Result<Vec<Preview>, Refusal> {
    let saved = super::get(engine, account, integration).await?;
    let settings = ImportSettings::parse(super::laid_over(&saved, settings)?).map_err(Refusal::Invalid)?;
    let Samples { mut samples, integration } = load(engine, account, integration).await?;
    samples.sort_by_cached_key(|sample| std::cmp::Reverse(said(&settings, sample)));
    samples.truncate(SHOWN);
    if settings.mapping.uses_data() {
        complete(engine, account, &integration, &mut samples).await?;
    }
    let mut targets = targets(engine, account, integration.integration_id(), &settings, &samples).await?;
    Ok(samples
        .into_iter()
        .map(|sample| mapped(&settings, &sample, targets.remove(sample.people_id.as_str())))
        .collect())
}

/// How much a profile says by this mapping.
fn said(settings: &ImportSettings, sample: &Sample) -> usize {
    settings.mapping.map(&sample.raw, sample.data.as_ref()).values.len()
}

fn mapped(settings: &ImportSettings, sample: &Sample, target: Option<Enriched>) -> Preview {
    let values = settings.mapping.map(&sample.raw, sample.data.as_ref());
    let (contact, before, from_crisp) = match target {
        Some(target) => (Some(target.id), target.fields, target.from_crisp),
        None => (None, ContactFields::default(), BTreeMap::new()),
    };
    let after = settings.mapping.merge(&before, &from_crisp, &values).fields;
    Preview { people_id: sample.people_id.clone(), contact, before, after }
}

/// The contacts that these profiles are on, or would be put on by their e-mail.
async fn targets(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    settings: &ImportSettings,
    samples: &[Sample],
) -> Result<HashMap<String, Enriched>, Refusal> {
    let ids: Vec<String> = samples.iter().map(|sample| sample.people_id.as_str().to_owned()).collect();
    let email_of = |sample: &Sample| {
        let email = settings
            .mapping
            .map(&sample.raw, None)
            .values
            .get(&Target::Email)?
            .as_str()
            .and_then(EmailKey::parse)?;
        Some(email.as_str().to_owned())
    };
    let emails: Vec<String> = samples.iter().filter_map(email_of).collect();
    let mut session = engine.database.read_primary(account).await?;
    let stored = profiles::list_by_people_id(&mut session, integration, &ids).await?;
    let on: HashMap<String, Uuid> = stored.into_iter().map(|row| (row.people_id, row.contact_id)).collect();
    let contacts: Vec<Uuid> = on.values().copied().collect();
    let rows = directory::list_contacts_related(&mut session, &contacts, &emails).await?;
    session.commit().await?;
    let mut targets = HashMap::new();
    for sample in samples {
        let (own, email) = (on.get(sample.people_id.as_str()), email_of(sample));
        let fits =
            |row: &&ContactRow| own.map_or(email.is_some() && row.email_key == email, |own| row.id == *own);
        if let Some(row) = rows.iter().find(fits) {
            targets.insert(sample.people_id.as_str().to_owned(), target(row)?);
        }
    }
    Ok(targets)
}

fn target(row: &ContactRow) -> Result<Enriched, Error> {
    let from_crisp =
        serde_json::from_value(row.from_crisp.clone()).or(Err(Error::Corrupt("values from Crisp")))?;
    Ok(Enriched { id: row.id, fields: fields_of(row), from_crisp })
}
