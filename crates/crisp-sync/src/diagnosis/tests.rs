use crisp_client::{Error, PluginId, Subscription, Website, WebsiteId};
use serde_json::json;
use uuid::Uuid;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap()
}

/// An integration about which there is nothing to say.
fn healthy() -> Facts {
    let (account, id) = (AccountId::new_v7(now()), IntegrationId::new_v7(now()));
    let mut integration = IntegrationRow::draft(account, id, String::new(), json!({}), now());
    "active".clone_into(&mut integration.state);
    integration.first_import_at = Some(now() - TimeDelta::days(3));
    integration.active_at = Some(now() - TimeDelta::days(2));
    integration.last_incremental_at = Some(now() - TimeDelta::minutes(5));
    integration.synced_at = Some(now() - TimeDelta::minutes(5));
    let website = WebsiteId::new(Uuid::from_u128(9));
    let plugin = PluginId::new(Uuid::from_u128(7));
    Facts {
        integration,
        settings: ImportSettings { incremental_interval_seconds: Some(900), ..ImportSettings::default() },
        channel: HookChannel {
            last_hook_at: Some(now() - TimeDelta::seconds(30)),
            hook_skew_ms: None,
            redactions: 0,
        },
        freshness: None,
        last_sync: None,
        skipped: skipped::Counts::default(),
        profiles: 2_000,
        budget: LedgerState {
            limit: Some(5_000),
            used: 100,
            remaining_live: Some(4_900),
            remaining_backfill: Some(3_900),
            blocked_until: None,
        },
        crisp: Probe {
            plugin: Some(plugin),
            account: Some(Ok(plugin)),
            subscription: Some(Ok(Subscription { active: true, since: None, name: None })),
            website: Some(Ok(Website {
                website_id: website,
                name: Some("Northwind".to_owned()),
                domain: None,
            })),
            conversations: Some(Ok(20)),
        },
        now: now(),
    }
}

/// The codes of the checks that are not well, with their states.
fn unwell(facts: &Facts) -> Vec<(&'static str, CheckState)> {
    let checks = judged(facts);
    for check in &checks {
        assert!(!check.detail.is_empty());
        assert_eq!(check.what_to_do.is_empty(), check.state == CheckState::Ok, "{check:?}");
    }
    checks
        .into_iter()
        .filter(|check| check.state != CheckState::Ok)
        .map(|check| (check.code, check.state))
        .collect()
}

#[test]
fn a_healthy_integration_passes_every_check() {
    assert_eq!(unwell(&healthy()), []);
    let codes: Vec<_> = judged(&healthy()).into_iter().map(|check| check.code).collect();
    let expected = "plugin_installed website_id credential conversations_enabled contact_exists integration_active \
                    realtime incremental skipped quota";
    assert_eq!(codes.join(" "), expected);
}

#[test]
fn a_first_import_that_is_under_way_is_said_to_be_and_nobody_is_told_to_start_it() {
    let mut facts = healthy();
    "connected".clone_into(&mut facts.integration.state);
    facts.integration.active_at = None;
    let detail = |facts: &Facts| {
        let checks = judged(facts);
        let check = checks.into_iter().find(|check| check.code == "integration_active").unwrap();
        format!("{} {}", check.detail, check.what_to_do)
    };
    assert!(detail(&facts).contains("Trigger the first import"));
    let owner = (AccountId::new(facts.integration.account_id), facts.integration.integration_id());
    let id = crisp_domain::SyncId::new_v7(now());
    let mut run = SyncRow::queued(owner, id, ("full", "first_import"), None, now());
    facts.last_sync = Some(run.clone());
    assert!(detail(&facts).starts_with("The first import is under way."), "{}", detail(&facts));
    run.resumes_at = Some(now() + TimeDelta::hours(2));
    facts.last_sync = Some(run);
    assert!(detail(&facts).contains("goes on at 2026-01-01 02:00 UTC"), "{}", detail(&facts));
    assert!(!detail(&facts).contains("Trigger"));
}

#[test]
fn an_uninstalled_plugin_is_told_with_what_follows_from_it() {
    let mut facts = healthy();
    facts.crisp.subscription = Some(Err(Error::NotSubscribed));
    facts.crisp.website = Some(Err(Error::NotSubscribed));
    facts.crisp.conversations = Some(Err(Error::NotSubscribed));
    assert_eq!(
        unwell(&facts),
        [
            ("plugin_installed", CheckState::Failed),
            ("website_id", CheckState::Warning),
            ("conversations_enabled", CheckState::Warning)
        ]
    );
}

#[test]
fn a_rejected_credential_is_one_failure_and_the_rest_cannot_be_told() {
    let mut facts = healthy();
    facts.crisp.account = Some(Err(Error::Unauthorized));
    facts.crisp.subscription = Some(Err(Error::Unauthorized));
    assert_eq!(
        unwell(&facts),
        [("plugin_installed", CheckState::Warning), ("credential", CheckState::Failed)]
    );
    facts.crisp.account = Some(Ok(PluginId::new(Uuid::from_u128(8))));
    assert!(unwell(&facts).contains(&("credential", CheckState::Failed)));
}

#[test]
fn silent_and_lossy_hooks_are_told() {
    let mut facts = healthy();
    facts.channel.last_hook_at = None;
    assert_eq!(unwell(&facts), [("realtime", CheckState::Warning)]);
    facts.integration.hook_gap_since = Some(now() - TimeDelta::hours(3));
    facts.integration.hook_changes_expected = 10.0;
    facts.integration.hook_changes_missed = 4.0;
    assert_eq!(unwell(&facts), [("realtime", CheckState::Failed)]);
    let detail = judged(&facts).into_iter().find(|check| check.code == "realtime").unwrap().detail;
    assert!(detail.contains("3 hours") && detail.contains("40 %"), "{detail}");
}

#[test]
fn an_overdue_update_and_a_spent_quota_are_told() {
    let mut facts = healthy();
    facts.integration.last_incremental_at = Some(now() - TimeDelta::hours(2));
    facts.budget.used = 5_000;
    assert_eq!(unwell(&facts), [("incremental", CheckState::Failed), ("quota", CheckState::Warning)]);
}

#[test]
fn a_draft_says_what_comes_next() {
    let mut facts = healthy();
    "awaiting_installation".clone_into(&mut facts.integration.state);
    facts.integration.first_import_at = None;
    facts.profiles = 0;
    facts.crisp = Probe { plugin: facts.crisp.plugin, account: facts.crisp.account, ..Probe::default() };
    let codes: Vec<_> = unwell(&facts).into_iter().map(|(code, _)| code).collect();
    let expected = "plugin_installed website_id conversations_enabled contact_exists integration_active realtime incremental";
    assert_eq!(codes.join(" "), expected);
}

#[test]
fn spans_are_said_as_people_say_them() {
    assert_eq!(span(TimeDelta::seconds(1)), "1 second");
    assert_eq!(span(TimeDelta::seconds(-5)), "0 seconds");
    assert_eq!(span(TimeDelta::minutes(90)), "90 minutes");
    assert_eq!(span(TimeDelta::hours(47)), "47 hours");
    assert_eq!(span(TimeDelta::days(9)), "9 days");
}
