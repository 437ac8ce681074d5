//! Import settings: read, saved whole, and tried out on real profiles before they are saved.

mod preview;
mod sample_cache;
mod samples;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, ImportSettings, IntegrationId};
use crisp_storage::AccountSession;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::work::{self, Lane};
use crisp_storage::{messages, transcripts};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::engine::Engine;
use crate::error::Error;
use crate::refusal::Refusal;
use crate::scope::settings_of;
pub use preview::{Preview, preview};
pub(crate) use sample_cache::SampleCache;
pub use samples::{Example, source_fields};

/// The settings of an integration as people see them: where it has no schedule of its own, with the process's.
pub async fn get(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
) -> Result<ImportSettings, Refusal> {
    let mut session = engine.database.read_primary(account).await?;
    let row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    session.commit().await?;
    shown(engine, &row)
}

/// The same from a row that was read already.
pub fn shown(engine: &Engine, row: &IntegrationRow) -> Result<ImportSettings, Refusal> {
    let mut settings = settings_of(row)?;
    settings.incremental_interval_seconds =
        settings.incremental_interval_seconds.or(Some(default_interval(engine)));
    Ok(settings)
}

fn default_interval(engine: &Engine) -> u32 {
    u32::try_from(engine.options.incremental_interval.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// Saves the settings, all of them or none; what is left out stays as it is. A changed mapping is applied to every stored
/// profile in the background, without a Crisp request; a changed schedule holds at once; notes that are not wanted any
/// more go at once, and where they are wanted again, the conversations that have some are read once more.
pub async fn put(
    engine: &Engine,
    account: AccountId,
    integration: IntegrationId,
    actor: &str,
    settings: Value,
) -> Result<ImportSettings, Refusal> {
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let mut row = integrations::find(&mut session, integration).await?.ok_or(Refusal::NotFound)?;
    let before = settings_of(&row)?;
    let settings = without_shown_interval(engine, &before, settings);
    let after = ImportSettings::parse(laid_over(&before, settings)?).map_err(Refusal::Invalid)?;
    if after != before {
        apply(engine, &mut session, &mut row, (&before, &after), now).await?;
        let detail = json!({"changed": difference(&before, &after)});
        crisp_storage::audit::append(
            &mut session,
            actor,
            "settings.changed",
            Some(integration),
            &detail,
            now,
        )
        .await?;
    }
    session.commit().await?;
    shown(engine, &row)
}

/// A form over what is set: what it leaves out stays. What is no form is left to the parser.
fn laid_over(before: &ImportSettings, told: Value) -> Result<Value, Refusal> {
    let Value::Object(told) = told else { return Ok(told) };
    let mut all = serde_json::to_value(before).or(Err(Error::Corrupt("import settings")))?;
    if let Value::Object(all) = &mut all {
        all.extend(told);
    }
    Ok(all)
}

/// Who sends back the interval that was shown did not choose one of their own; the process's may even be one that
/// nobody could choose here.
fn without_shown_interval(engine: &Engine, before: &ImportSettings, mut settings: Value) -> Value {
    const INTERVAL: &str = "incremental_interval_seconds";
    let shown = Value::from(default_interval(engine));
    let sent_back = before.incremental_interval_seconds.is_none() && settings.get(INTERVAL) == Some(&shown);
    if let Some(fields) = settings.as_object_mut().filter(|_| sent_back) {
        fields.remove(INTERVAL);
    }
    settings
}

async fn apply(
    engine: &Engine,
    session: &mut AccountSession,
    row: &mut IntegrationRow,
    (before, after): (&ImportSettings, &ImportSettings),
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    row.settings = serde_json::to_value(after).or(Err(Error::Corrupt("import settings")))?;
    row.updated_at = now;
    if before.mapping != after.mapping {
        row.settings_revision += 1;
        // A re-map under way begins anew: its first profiles were mapped by the old rows.
        row.remap_cursor = None;
        row.remap_total = None;
        row.remap_done = 0;
        work::signal(session, row.integration_id(), Lane::Upkeep, now).await?;
    }
    if before.include_notes && !after.include_notes {
        messages::forget_notes(session, row.integration_id(), now).await?;
    }
    if !before.include_notes && after.include_notes {
        let planned = transcripts::plan_notes(session, row.integration_id(), now).await?;
        if planned > 0 && row.is_live() {
            work::signal(session, row.integration_id(), Lane::Live, now).await?;
        }
    }
    if before.backfill_days != after.backfill_days {
        // The next pass that lists everything decides anew about what lies in the window now.
        row.backfill_from = row.first_import_at.and_then(|began| start_of_window(began, after.backfill_days));
    }
    if before.incremental_interval_seconds != after.incremental_interval_seconds && row.state == "active" {
        let next = next_incremental(
            row,
            after.incremental_interval_seconds.unwrap_or(default_interval(engine)),
            now,
        );
        row.next_incremental_at = Some(next);
        work::signal(session, row.integration_id(), Lane::Sync, next).await?;
    }
    integrations::save(session, row).await?;
    Ok(())
}

/// From when on conversations are imported, by a window of so many days before the first import. `None`: from ever.
pub(crate) fn start_of_window(began: DateTime<Utc>, days: Option<u32>) -> Option<DateTime<Utc>> {
    began.checked_sub_signed(TimeDelta::days(i64::from(days?)))
}

/// The next run by a new interval: counted from the last one, and never in the past.
fn next_incremental(row: &IntegrationRow, interval_seconds: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    let last = row.last_incremental_at.or(row.active_at).unwrap_or(now);
    (last + TimeDelta::seconds(i64::from(interval_seconds))).max(now)
}

/// What changed, field by field: `[before, after]`. Settings hold nothing secret and nobody's data.
fn difference(before: &ImportSettings, after: &ImportSettings) -> Value {
    let fields = |settings: &ImportSettings| match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let changed = after.into_iter().filter_map(|(name, value)| {
        let old = before.get(&name).cloned().unwrap_or_default();
        (old != value).then(|| (name, json!([old, value])))
    });
    Value::Object(changed.collect())
}
