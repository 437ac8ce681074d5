use chrono::TimeDelta;
use crisp_domain::ids::uuid_v7;
use crisp_storage::dead_letters::{self, DeadLetter, Which};
use crisp_storage::hooks::{self, BatchSize, NewHook};
use crisp_storage::views::freshness;
use crisp_storage::wanted::{self, Kind};
use crisp_storage::work::{Lane, Lease, Slots};
use uuid::Uuid;

use crate::setting::{Setting, at, client, now};

async fn add_hook(setting: &Setting, key: u8, seconds: i64) -> Uuid {
    let id = uuid_v7(at(seconds));
    let hook = NewHook {
        id,
        integration_id: setting.integration,
        dedupe_key: vec![key],
        event: "message:send".to_owned(),
        session_id: None,
        people_id: None,
        crisp_at: None,
        body: b"{}".to_vec(),
    };
    let mut session = setting.write().await;
    hooks::store(&mut session, setting.integration, &[hook], at(seconds)).await.unwrap();
    session.commit().await.unwrap();
    id
}

/// A hook and a record that were given up, beside ones that wait.
async fn setting() -> (Setting, Uuid) {
    let setting = Setting::new().await;
    let (dead, _waiting) = (add_hook(&setting, 1, 0).await, add_hook(&setting, 2, 10).await);
    let mut session = setting.write().await;
    hooks::put_off(&mut session, dead, "it was odd", None, at(20)).await.unwrap();
    for id in ["s1", "s2"] {
        wanted::want(&mut session, setting.integration, Kind::Conversation, id, "hook", now(), now())
            .await
            .unwrap();
    }
    let due = wanted::list_due(&mut session, setting.integration, now(), 50).await.unwrap();
    let given_up = due.iter().find(|wish| wish.external_id == "s1").unwrap();
    wanted::put_off(&mut session, setting.integration, given_up, "no answer", None, at(30)).await.unwrap();
    session.commit().await.unwrap();
    (setting, dead)
}

async fn due_lanes(setting: &Setting) -> Vec<Lane> {
    let lanes = [Lane::Hooks, Lane::Live, Lane::Sync, Lane::Upkeep];
    let slots = Slots { free: 10, each_account: 10 };
    let leases: Vec<Lease> =
        setting.database.claim(&lanes, "test", std::time::Duration::from_mins(1), slots).await.unwrap();
    let mut due: Vec<Lane> = leases.iter().map(|lease| lease.lane).collect();
    due.sort_by_key(ToString::to_string);
    due
}

#[tokio::test]
async fn what_waits_is_counted_and_lag_is_measured() {
    let (setting, _) = setting().await;
    let found = freshness::list(&mut setting.read().await).await.unwrap();
    assert_eq!(found.len(), 1);
    let integration = &found[0];
    assert_eq!(integration.integration_id, setting.integration.as_uuid());
    assert_eq!((integration.hooks_pending, integration.oldest_hook_at), (1, Some(at(10))));
    assert_eq!(
        (integration.records_wanted, integration.transcripts_due, integration.dead_letters),
        (1, 0, 2)
    );
    assert_eq!(integration.lag(now()), Some(TimeDelta::seconds(60)));
    assert_eq!(integration.lag(at(-120)), Some(TimeDelta::zero()), "clocks differ");
}

#[tokio::test]
async fn dead_letters_are_listed_newest_first_page_by_page() {
    let (setting, dead) = setting().await;
    let mut session = setting.read().await;
    let whole = dead_letters::list(&mut session, None, 50).await.unwrap();
    let ids: Vec<&str> = whole.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!(ids, ["conversation:s1", &dead.to_string()]);
    assert_eq!((whole[1].about.as_str(), whole[1].attempts), ("message:send", 1));
    assert_eq!((whole[0].error.as_deref(), whole[0].dead_at), (Some("no answer"), at(30)));
    let first = dead_letters::list(&mut session, None, 1).await.unwrap();
    let after = first.last().map(DeadLetter::position);
    let rest = dead_letters::list(&mut session, after.as_ref(), 50).await.unwrap();
    assert_eq!([first, rest].concat(), whole);
}

#[tokio::test]
async fn a_retried_letter_is_due_again_and_its_lane_is_woken() {
    let (setting, dead) = setting().await;
    let id = dead.to_string();
    for (which, revived, lanes) in [
        (Which::One("unknown"), 0, vec![]),
        (Which::One(id.as_str()), 1, vec![Lane::Hooks]),
        (Which::All, 1, vec![Lane::Live]),
        (Which::All, 0, vec![]),
    ] {
        let mut session = setting.write().await;
        assert_eq!(dead_letters::retry(&mut session, which, now()).await.unwrap(), revived, "{which:?}");
        session.commit().await.unwrap();
        assert_eq!(due_lanes(&setting).await, lanes, "{which:?}");
    }
    let (mut session, most) = (setting.read().await, BatchSize { hooks: 50, bytes: 1_000 });
    assert_eq!(hooks::list_pending(&mut session, setting.integration, now(), most).await.unwrap().len(), 2);
    assert_eq!(wanted::list_due(&mut session, setting.integration, now(), 50).await.unwrap().len(), 2);
}

#[tokio::test]
async fn requests_are_counted_by_account_and_purpose() {
    let setting = Setting::new().await;
    let hours = format!(
        "insert into request_counts (account_id, purpose, hour, requests) \
         select '{}', purpose, '2026-11-16T07:00:00Z'::timestamptz + n * interval '1 hour', 10 + n \
         from unnest(array['live', 'backfill']) as purpose, generate_series(0, 2) as n",
        setting.account
    );
    client(setting.url()).await.batch_execute(&hours).await.unwrap();
    let found = setting.database.list_requests(at(-1800)).await.unwrap();
    let counts: Vec<_> = found.iter().map(|row| (row.purpose.as_str(), row.requests)).collect();
    assert_eq!(counts, [("backfill", 23), ("live", 23)]);
    assert!(found.iter().all(|row| row.account_id == setting.account.as_uuid()));
}
