//! When an integration is looked at next, and how often.
//!
//! A run leaves when the next one is due. Where an interval was shortened since, by a setting of the process or because
//! hooks are missing, the sweep brings that forward.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_storage::integrations::IntegrationRow;

use crate::engine::Engine;
use crate::scope::settings_of;

/// What an active integration wants done now. Reconciliation does all that an incremental run does.
pub(crate) fn due_kind(integration: &IntegrationRow, now: DateTime<Utc>) -> Option<&'static str> {
    let due = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
    if integration.state != "active" {
        None
    } else if due(integration.next_reconcile_at) {
        Some("reconcile")
    } else {
        due(integration.next_incremental_at).then_some("incremental")
    }
}

/// When the next regular run of an active integration is due.
pub(crate) fn next_run(integration: &IntegrationRow) -> Option<DateTime<Utc>> {
    let wishes = integration.next_incremental_at.into_iter().chain(integration.next_reconcile_at);
    wishes.min().filter(|_| integration.state == "active")
}

/// The interval of incremental syncs of an integration.
pub(crate) fn incremental_interval(engine: &Engine, integration: &IntegrationRow) -> TimeDelta {
    let own = settings_of(integration).ok().and_then(|settings| settings.incremental_interval_seconds);
    let interval = own.map_or_else(
        || delta(engine.options.incremental_interval, TimeDelta::minutes(15)),
        |seconds| TimeDelta::seconds(i64::from(seconds)),
    );
    // While hooks are silent or lossy, polling makes up for them.
    if integration.hook_gap_since.is_some() {
        (interval / 3).max(interval.min(TimeDelta::minutes(1)))
    } else {
        interval
    }
}

/// The interval of reconciliation passes.
pub(crate) fn reconcile_interval(engine: &Engine) -> TimeDelta {
    delta(engine.options.reconcile_interval, TimeDelta::days(1))
}

fn delta(duration: Duration, otherwise: TimeDelta) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use crisp_domain::{AccountId, IntegrationId};
    use uuid::Uuid;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn reconciliation_comes_before_an_incremental_run_and_drafts_want_nothing() {
        let (account, id) = (AccountId::from(Uuid::nil()), IntegrationId::from(Uuid::nil()));
        let mut row = IntegrationRow::draft(account, id, String::new(), serde_json::Value::Null, at(0));
        row.next_incremental_at = Some(at(5));
        row.next_reconcile_at = Some(at(10));
        assert_eq!((due_kind(&row, at(20)), next_run(&row)), (None, None));
        "active".clone_into(&mut row.state);
        assert_eq!(due_kind(&row, at(4)), None);
        assert_eq!(due_kind(&row, at(9)), Some("incremental"));
        assert_eq!(due_kind(&row, at(10)), Some("reconcile"));
        assert_eq!(next_run(&row), Some(at(5)));
    }
}
