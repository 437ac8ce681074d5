//! Trigger, refuse, cancel.

use std::time::Duration;

use crisp_domain::{AccountId, SyncId};
use crisp_sync::Refusal;
use crisp_sync::connect::{self, Imported};
use crisp_sync::syncs::{self, Messages, SyncKind};
use testkit::simulator::{Fault, FaultRule, Options, RetryAfter};

use crate::world::{ACTOR, World, now};

#[tokio::test]
async fn one_sync_at_a_time_and_the_second_names_the_first() {
    let world = World::of(Options::of_size(5, 5)).await;
    let id = world.connected().await;
    let trigger =
        async |kind| syncs::trigger(&world.engine, world.account, id, ACTOR, kind, Messages::All).await;
    assert!(matches!(trigger(SyncKind::Incremental).await, Err(Refusal::NotImported)));
    let first = trigger(SyncKind::Full).await.unwrap();
    assert_eq!((first.state.as_str(), first.trigger.as_str()), ("queued", "first_import"));
    assert_eq!((first.started_by.as_deref(), first.reread_messages), (Some(ACTOR), true));
    let refused = trigger(SyncKind::Full).await;
    assert!(matches!(refused, Err(Refusal::SyncInProgress { sync_id }) if sync_id == first.sync_id()));

    let cancelled = syncs::cancel(&world.engine, world.account, first.sync_id(), ACTOR).await.unwrap();
    assert_eq!(cancelled.state, "cancelled");
    assert!(cancelled.finished_at.is_some());
    assert_eq!(syncs::cancel(&world.engine, world.account, first.sync_id(), ACTOR).await.unwrap(), cancelled);
    let second = world.sync(id, SyncKind::Full).await;
    assert_eq!(second.state, "succeeded");
    assert_eq!(world.sync(id, SyncKind::Incremental).await.trigger, "manual");
    let newest = syncs::list(&world.engine, world.account, id, None, 2).await.unwrap();
    assert_eq!(newest.len(), 2);
    let older = syncs::list(&world.engine, world.account, id, Some(newest[1].id), 9).await.unwrap();
    assert_eq!(older.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id]);
    let cancels = world.actions().await.iter().filter(|action| *action == "sync.cancelled").count();
    assert_eq!(cancels, 1);
}

#[tokio::test]
async fn a_running_sync_ends_at_its_next_step() {
    let world = World::of(Options::of_size(2_000, 500).behaving(|behaviour| behaviour.latency_ms = 30)).await;
    let id = world.connected().await;
    let sync = syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, Messages::WhereNew)
        .await
        .unwrap();
    let get = async || syncs::get(&world.engine, world.account, sync.sync_id()).await.unwrap();
    world.work_until(async || get().await.people_read > 0).await;
    syncs::cancel(&world.engine, world.account, sync.sync_id(), ACTOR).await.unwrap();
    world.work_until(async || !get().await.is_under_way()).await;
    let row = get().await;
    assert_eq!(row.state, "cancelled");
    assert!(row.people_read > 0 && row.messages_read == 0);
}

#[tokio::test]
async fn a_sync_that_is_ended_while_its_first_request_is_under_way_stays_ended() {
    let wait = RetryAfter::Seconds(3_600);
    let refusal = FaultRule::scripted(0, 1_000, Fault::Limited { status: 429, retry_after: wait });
    for faults in [vec![], vec![refusal]] {
        let world = World::of(Options::of_size(5, 5)).await;
        let id = world.connected().await;
        world.crisp.behave(|behaviour| {
            behaviour.latency_ms = 400;
            behaviour.faults.clone_from(&faults);
        });
        let kind = SyncKind::Full;
        let trigger =
            async || syncs::trigger(&world.engine, world.account, id, ACTOR, kind, Messages::WhereNew).await;
        let sync = trigger().await.unwrap().sync_id();
        let asked = world.crisp.log().len();
        world
            .work_until(async || {
                tokio::time::sleep(Duration::from_millis(200)).await;
                syncs::cancel(&world.engine, world.account, sync, ACTOR).await.unwrap();
                tokio::time::sleep(Duration::from_millis(900)).await;
                true
            })
            .await;
        assert!(world.crisp.log().len() > asked, "the step was under way");
        let row = syncs::get(&world.engine, world.account, sync).await.unwrap();
        assert_eq!((row.state.as_str(), row.resumes_at), ("cancelled", None), "{faults:?}");
        assert!(trigger().await.is_ok(), "nothing is in the way of the next: {faults:?}");
    }
}

#[tokio::test]
async fn a_disconnect_cancels_the_sync_under_way_and_nothing_starts_after_it() {
    let world = World::of(Options::of_size(5, 5)).await;
    let id = world.connected().await;
    let sync = syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, Messages::WhereNew)
        .await
        .unwrap();
    connect::disconnect(&world.engine, world.account, id, ACTOR, Imported::Keep).await.unwrap();
    assert_eq!(syncs::get(&world.engine, world.account, sync.sync_id()).await.unwrap().state, "cancelled");
    let after =
        syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, Messages::WhereNew).await;
    assert!(matches!(after, Err(Refusal::NotConnected)));
}

#[tokio::test]
async fn another_accounts_sync_does_not_exist() {
    let world = World::of(Options::of_size(1, 1)).await;
    let id = world.connected().await;
    let sync = syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, Messages::WhereNew)
        .await
        .unwrap();
    let other = AccountId::new_v7(now());
    for sync in [sync.sync_id(), SyncId::new_v7(now())] {
        assert!(matches!(syncs::get(&world.engine, other, sync).await, Err(Refusal::NotFound)));
        assert!(matches!(syncs::cancel(&world.engine, other, sync, ACTOR).await, Err(Refusal::NotFound)));
    }
    assert!(matches!(syncs::list(&world.engine, other, id, None, 9).await, Err(Refusal::NotFound)));
    let foreign = syncs::trigger(&world.engine, other, id, ACTOR, SyncKind::Full, Messages::WhereNew).await;
    assert!(matches!(foreign, Err(Refusal::NotFound)));
}
