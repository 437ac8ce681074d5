//! What a first import will cost, before it is begun.
//!
//! Crisp tells how many people there are, but neither how many conversations nor how many messages. So the
//! conversation list is galloped through until its end is known within a twentieth, the rows met on the
//! way are a sample for the share that will match, and a few transcripts a sample for how long they are: some thirty
//! requests, and up to five times that where samples turn out to differ much.

mod recent;
mod sample;
mod survey;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::{Client, WebsiteId};
use crisp_domain::{AccountId, ImportSettings, IntegrationId};
use crisp_storage::integrations;
use crisp_storage::quota::Purpose;

use crate::clock;
use crate::engine::Engine;
use crate::patience::{FOR_A_SURVEY, within};
use crate::refusal::Refusal;
use crate::scope::settings_of;
pub(crate) use recent::Recent;
use survey::Survey;

/// Rows of a list page.
const PAGE: u64 = 50;
/// Requests of any full sync besides pages and messages: the total of people, the operators.
const FIXED: u64 = 2;
/// What one request of an import takes where no quota holds it back, several being under way at a time.
const PACE: TimeDelta = TimeDelta::milliseconds(25);

/// What a first import will cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Profiles that will be read.
    pub people: u64,
    /// Conversations that will be looked at.
    pub conversations: u64,
    /// Share of them (0 to 1) that will match a contact.
    pub matched_share: f64,
    /// Requests to Crisp.
    pub requests: u64,
    /// Requests that may still be made in the current window; `None` = there is no limit.
    pub requests_today_left: Option<u64>,
    /// When it would be done if it began now and nobody else wanted anything.
    pub done_by: DateTime<Utc>,
}

/// Everything that is asked of Crisp for a forecast.
struct Asking<'a> {
    engine: &'a Engine,
    client: &'a Client,
    website: WebsiteId,
    account: AccountId,
    integration: IntegrationId,
    settings: &'a ImportSettings,
    now: DateTime<Utc>,
}

/// Forecasts a first import by the saved settings.
pub async fn forecast(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Forecast, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    session.commit().await?;
    let website = row.website().filter(|_| row.is_live()).ok_or(Refusal::NotConnected)?;
    let settings = settings_of(&row)?;
    let now = clock::now();
    let question = (website, row.settings.clone());
    let place = engine.forecasts.place(row.id);
    // Whoever asks for the same meanwhile waits here, and has the answer of who came first.
    let mut place = place.lock().await;
    let counted = if let Some(counted) = place.recent(&question) {
        counted
    } else {
        let counted = count(engine, account, integration, (website, &settings)).await?;
        place.keep(question, counted);
        counted
    };
    let Counted { people, conversations, matched_share, batches } = counted;

    let requests = people.map_or(0, |people| {
        let data = if settings.mapping.uses_data() { people } else { 0 };
        people.div_ceil(PAGE) + data
    }) + conversations.div_ceil(PAGE)
        + rounded(as_float(conversations) * matched_share * batches)
        + FIXED;
    note(engine, account, integration, (conversations, requests)).await?;
    let budget = engine.ledger.state().await?;
    let left = budget.limit.map(|limit| limit.saturating_sub(budget.used));
    Ok(Forecast {
        people: people.unwrap_or(0),
        conversations,
        matched_share,
        requests,
        requests_today_left: left,
        done_by: done_by(
            requests,
            engine.ledger.granted_by(account, Purpose::Backfill, requests).await?,
            now,
        ),
    })
}

async fn count(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    (website, settings): (WebsiteId, &ImportSettings),
) -> Result<Counted, Refusal> {
    engine.admit_click(account).await?;
    let (client, meter) = engine.crisp(account, Purpose::Interactive);
    let now = clock::now();
    let asking = Asking { engine, client: &client, website, account, integration, settings, now };
    let counted = within(FOR_A_SURVEY, asking.count()).await;
    meter.close().await;
    if let Err(Refusal::CrispUnavailable(crisp_client::Error::Refused(_))) = &counted {
        // The share may have been spent on the way.
        engine.admit_click(account).await?;
    }
    counted
}

/// Keeps the figures: the import that follows says how far it is by them.
async fn note(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    (conversations, requests): (u64, u64),
) -> Result<(), Refusal> {
    let stored = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut session = engine.database.write(account).await?;
    integrations::note_forecast(&mut session, integration, stored(conversations), stored(requests)).await?;
    Ok(session.commit().await?)
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    /// `None`: people are not imported.
    people: Option<u64>,
    conversations: u64,
    matched_share: f64,
    /// Message requests of one matched conversation.
    batches: f64,
}

impl Asking<'_> {
    async fn count(&self) -> Result<Counted, Refusal> {
        let people = if self.settings.import_people { Some(self.people().await?) } else { None };
        if !self.settings.import_conversations {
            return Ok(Counted { people, conversations: 0, matched_share: 0.0, batches: 0.0 });
        }
        let Survey { conversations, rows } = self.survey().await?;
        let (matched_share, matched) = self.matched(rows, conversations).await?;
        let batches = self.batches(&matched, conversations).await?;
        Ok(Counted { people, conversations, matched_share, batches })
    }
}

/// At the usual pace, or when the quota has granted them all, if that is later.
fn done_by(requests: u64, granted_by: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    let pace = PACE.checked_mul(i32::try_from(requests).unwrap_or(i32::MAX)).unwrap_or(TimeDelta::days(1));
    let asked = now.checked_add_signed(pace).unwrap_or(DateTime::<Utc>::MAX_UTC);
    granted_by.map_or(asked, |granted_by| granted_by.max(asked))
}

/// A count that is only estimated anyway.
fn as_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn rounded(count: f64) -> u64 {
    // Adding nought turns a negative nought, which an empty sum is, into a plain one.
    format!("{:.0}", count.max(0.0) + 0.0).parse().unwrap_or(u64::MAX)
}
