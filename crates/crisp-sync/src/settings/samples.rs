//! Real profiles of the workspace, to try a mapping on and to choose its sources from.

use std::collections::BTreeMap;

use crisp_client::{Client, PeopleId, PeopleQuery, Profile, WebsiteId};
use crisp_domain::mapping::{Mapping, SourceField, data_fields, source_fields as fields_of_profile};
use crisp_domain::{AccountId, IntegrationId, json};
use crisp_storage::erasure::{self, TraceHash};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::profiles;
use crisp_storage::quota::Purpose;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::patience::{FOR_A_LOOK, within};
use crate::people::trail;
use crate::refusal::Refusal;
use crate::scope::settings_of;

/// Stored profiles that are looked through.
const STORED: i64 = 50;
/// Profiles whose custom data are asked for, where none are stored: a request each.
pub(super) const DATA_READS: usize = 3;
/// The most examples shown of one field.
const EXAMPLES: usize = 3;

/// A profile to try something on.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) people_id: PeopleId,
    pub(super) raw: Value,
    /// Custom data, where they are known.
    pub(super) data: Option<Map<String, Value>>,
}

/// Samples, and the way to Crisp for what they lack, where the website is connected.
pub(super) struct Samples {
    pub(super) samples: Vec<Sample>,
    pub(super) integration: IntegrationRow,
}

/// Loads stored profiles, else one page of the people list: one request, and none for whoever goes on editing.
pub(super) async fn load(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Samples, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let stored = profiles::list_after(&mut session, integration, "", STORED).await?;
    session.commit().await?;
    let samples: Vec<Sample> = stored
        .into_iter()
        .map(|row| Sample {
            people_id: PeopleId::new(row.people_id),
            raw: row.raw,
            data: row.data.and_then(|data| data.as_object().cloned()),
        })
        .collect();
    if !samples.is_empty() {
        return Ok(Samples { samples, integration: row });
    }
    let website = row.website().filter(|_| row.is_live()).ok_or(Refusal::NotConnected)?;
    let page = if let Some(page) = engine.samples.page(integration, website) {
        page
    } else {
        let page = with_crisp(engine, account, async |client| first_page(client, website).await).await?;
        engine.samples.keep_page(integration, website, &page);
        page
    };
    let samples = without_erased(engine, account, &settings_of(&row)?.mapping, page).await?;
    Ok(Samples { samples, integration: row })
}

/// Erased people are not shown either, although Crisp still lists them.
async fn without_erased(
    engine: &Engine,
    account: AccountId,
    mapping: &Mapping,
    mut page: Vec<Sample>,
) -> Result<Vec<Sample>, Refusal> {
    let hashes = |sample: &Sample| {
        let email = sample.raw.get("email").and_then(Value::as_str);
        let raw = (&sample.raw, sample.data.as_ref());
        trail(mapping, sample.people_id.as_str(), email, raw).hashes(&engine.erasure, account)
    };
    let all: Vec<TraceHash> = page.iter().flat_map(hashes).collect();
    let mut session = engine.database.read_primary(account).await?;
    let erased = erasure::suppressed(&mut session, &all).await?;
    session.commit().await?;
    page.retain(|sample| hashes(sample).iter().all(|hash| !erased.contains(hash)));
    Ok(page)
}

async fn first_page(client: &Client, website: WebsiteId) -> Result<Vec<Sample>, crisp_client::Error> {
    let page = client.people_page(website, &PeopleQuery::default()).await?;
    let sample = |profile: Profile| Sample {
        people_id: profile.people_id,
        raw: json::storable(profile.raw),
        data: None,
    };
    Ok(page.records.into_iter().flatten().map(sample).collect())
}

/// Asks Crisp as a person's click does, and gives back what is left of the request grant.
pub(super) async fn with_crisp<T>(
    engine: &Engine,
    account: AccountId,
    ask: impl AsyncFnOnce(&Client) -> Result<T, crisp_client::Error>,
) -> Result<T, Refusal> {
    engine.admit_click(account).await?;
    let (client, meter) = engine.crisp(account, Purpose::Interactive);
    let answer = within(FOR_A_LOOK, ask(&client)).await;
    meter.close().await;
    answer.map_err(Refusal::CrispUnavailable)
}

/// Reads the custom data of those samples that lack them.
pub(super) async fn complete(
    engine: &Engine,
    account: AccountId,
    integration: &IntegrationRow,
    samples: &mut [Sample],
) -> Result<(), Refusal> {
    let Some(website) = integration.website().filter(|_| integration.is_live()) else { return Ok(()) };
    let id = integration.integration_id();
    for sample in samples.iter_mut().filter(|sample| sample.data.is_none()) {
        sample.data = engine.samples.data(id, website, &sample.people_id);
    }
    if samples.iter().all(|sample| sample.data.is_some()) {
        return Ok(());
    }
    with_crisp(engine, account, async |client| {
        for sample in samples.iter_mut().filter(|sample| sample.data.is_none()) {
            sample.data = match client.people_data(website, &sample.people_id).await {
                Ok(data) => data,
                Err(crisp_client::Error::NotFound) => Some(Map::new()),
                Err(error) => return Err(error),
            };
            engine.samples.keep_data(id, website, sample);
        }
        Ok(())
    })
    .await
}

/// A field that profiles of this workspace have, with what some of them hold in it.
#[derive(Clone, PartialEq, serde::Serialize)]
pub struct Example {
    /// The path for a mapping row's `from`.
    pub path: String,
    /// A few different values, shortened.
    pub examples: Vec<Value>,
}

impl std::fmt::Debug for Example {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Example").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Every field that the workspace's profiles have, custom data keys included, for the mapping editor.
///
/// Stored profiles cost no request. Custom data that nobody has read yet cost one for each of a few profiles; where
/// Crisp cannot be asked for them, their keys are missing and nothing else.
pub async fn source_fields(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Vec<Example>, Refusal> {
    let Samples { mut samples, integration } = load(engine, account, integration).await?;
    if samples.iter().all(|sample| sample.data.is_none()) {
        samples.sort_by_key(|sample| std::cmp::Reverse(fields_of_profile(&sample.raw).len()));
        let few = samples.len().min(DATA_READS);
        if let Some(some) = samples.get_mut(..few)
            && let Err(refusal) = complete(engine, account, &integration, some).await
        {
            tracing::debug!(code = refusal.code(), "custom data keys could not be looked up");
        }
    }
    let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for sample in &samples {
        let data = sample.data.as_ref().map(data_fields).unwrap_or_default();
        for SourceField { path, example } in fields_of_profile(&sample.raw).into_iter().chain(data) {
            let examples = fields.entry(path.as_str().to_owned()).or_default();
            let says_something = !example.is_null() && example.as_str() != Some("");
            if says_something && examples.len() < EXAMPLES && !examples.contains(&example) {
                examples.push(example);
            }
        }
    }
    Ok(fields.into_iter().map(|(path, examples)| Example { path, examples }).collect())
}
