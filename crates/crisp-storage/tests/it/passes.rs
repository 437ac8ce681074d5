use chrono::TimeDelta;
use crisp_domain::ids::SyncId;
use crisp_storage::syncs::{self, Ending, SyncRow};
use crisp_storage::{sightings, wanted};

use crate::setting::{Setting, client, now};

async fn run(setting: &Setting, days_ago: i64, ended: bool) -> SyncRow {
    let then = now() - TimeDelta::days(days_ago);
    let owner = (setting.account, setting.integration);
    let mut row =
        SyncRow::queued(owner, SyncId::new_v7(then), ("reconcile", "schedule"), Some("ana".to_owned()), then);
    let mut session = setting.write().await;
    if ended {
        row.end(Ending::Succeeded, then);
    }
    syncs::insert(&mut session, &row).await.unwrap();
    session.commit().await.unwrap();
    row
}

#[tokio::test]
async fn old_runs_are_forgotten_in_parts_and_the_newest_stays() {
    let setting = Setting::new().await;
    for days_ago in [400, 300, 200, 100] {
        run(&setting, days_ago, true).await;
    }
    let before = now() - TimeDelta::days(90);
    let mut session = setting.write().await;
    assert_eq!(syncs::forget(&mut session, before, 2).await.unwrap(), 2);
    assert_eq!(syncs::forget(&mut session, before, 2).await.unwrap(), 1, "the newest is what the pages show");
    let left = syncs::list(&mut session, setting.integration, None, 9).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].queued_at, now() - TimeDelta::days(100));
}

#[tokio::test]
async fn a_run_that_waits_for_months_is_not_forgotten() {
    let setting = Setting::new().await;
    run(&setting, 400, false).await;
    let under_way = run(&setting, 0, true).await;
    let mut session = setting.write().await;
    assert_eq!(syncs::forget(&mut session, now(), 9).await.unwrap(), 0);
    let newest = syncs::find_last(&mut session, setting.integration).await.unwrap().unwrap();
    assert_eq!(newest.id, under_way.id);
}

#[tokio::test]
async fn a_run_that_ends_in_whatever_way_leaves_nothing_of_what_it_had_seen() {
    for ending in [Ending::Succeeded, Ending::Partial, Ending::Failed, Ending::Cancelled] {
        let setting = Setting::new().await;
        let mut row = run(&setting, 0, false).await;
        let mut session = setting.write().await;
        let names = ["p1".to_owned(), "p2".to_owned()];
        sightings::record(&mut session, row.sync_id(), sightings::Kind::Profile, &names).await.unwrap();
        row.resumes_at = Some(now());
        row.end(ending, now());
        syncs::close(&mut session, &row).await.unwrap();
        session.commit().await.unwrap();
        let sql = client(setting.url()).await;
        let seen: i64 = sql.query_one("select count(*) from sightings", &[]).await.unwrap().get(0);
        assert_eq!(seen, 0, "{ending:?}");
        let mut session = setting.write().await;
        let stored = syncs::find(&mut session, row.sync_id()).await.unwrap().unwrap();
        assert!(!stored.is_under_way(), "{ending:?}");
        assert_eq!((stored.resumes_at, stored.finished_at), (None, Some(now())), "{ending:?}");
    }
}

#[tokio::test]
async fn a_wish_that_is_made_again_while_its_last_read_fails_lives_on() {
    let setting = Setting::new().await;
    let mut session = setting.write().await;
    let (id, kind) = (setting.integration, wanted::Kind::Profile);
    wanted::want(&mut session, id, kind, "p1", "hook", now(), now()).await.unwrap();
    let read = wanted::list_due(&mut session, id, now(), 9).await.unwrap().remove(0);
    wanted::want(&mut session, id, kind, "p1", "hook", now(), now()).await.unwrap();
    wanted::put_off(&mut session, id, &read, "odd", None, now()).await.unwrap();
    let renewed = wanted::list_due(&mut session, id, now(), 9).await.unwrap().remove(0);
    assert_eq!((renewed.attempts, renewed.error.as_deref()), (0, None));
    wanted::put_off(&mut session, id, &renewed, "odd", None, now()).await.unwrap();
    assert_eq!(wanted::list_due(&mut session, id, now(), 9).await.unwrap(), [], "given up");
}

#[tokio::test]
async fn whether_a_conversation_names_a_contact_is_read_from_an_index() {
    let setting = Setting::new().await;
    let sql = client(setting.url()).await;
    sql.batch_execute("set enable_seqscan = off").await.unwrap();
    let statement = "explain select 1 from only conversations x where account_id = gen_random_uuid() \
                     and contact_id = gen_random_uuid() for key share of x";
    let plan = sql.query(statement, &[]).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|line| line.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("conversations_of_contact"), "{plan}");
    assert!(!plan.contains("Filter: (contact_id"), "{plan}");
}
