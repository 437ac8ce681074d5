//! Incremental syncs and reconciliation, without any help from hooks.

use crisp_sync::syncs::{Messages, SyncKind, cancel, trigger};
use testkit::simulator::{Kind, NewConversation, NewMessage, NewPerson, Options, PersonUpdate, Side, State};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_costs_three_requests_at_the_most() -> anyhow::Result<()> {
    for sorts in [true, false] {
        let options =
            Options::of_size(300, 150).behaving(|behaviour| behaviour.people_sort_by_updated_at = sorts);
        let (stage, _) = Stage::imported(options, Setup::default()).await?;
        stage.sync(SyncKind::Incremental).await?;
        stage.sim.forget_requests();
        let run = stage.sync(SyncKind::Incremental).await?;
        assert_eq!(run.state, "succeeded");
        let total = stage.sim.requests().total;
        assert!(total <= 3, "{total} requests (people sorted: {sorts})");
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_while_no_hook_came_is_caught_up_at_the_cost_of_what_changed() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(200, 120), Setup::default()).await?;
    stage.sync(SyncKind::Incremental).await?;
    let change = stage.sim.change(stage.website);
    let truth = stage.sim.truth(stage.website);
    let shown: Vec<_> =
        truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0).take(6).collect();
    for one in &shown[..3] {
        change.send(&one.session_id, NewMessage::text(Side::User, "Any news?"))?;
        change.send(&one.session_id, NewMessage::note("Ask finance"))?;
    }
    change.set_state(&shown[0].session_id, State::Resolved)?;
    let newcomer = change.create_person(NewPerson::named("Nia Newcomer", "nia@newcomer.example"));
    change.start_conversation(NewConversation::by_people_id(&newcomer), "Hello, I am new here");
    let person = truth.people().next().expect("a person").people_id;
    change.update_person(
        &person,
        PersonUpdate { nickname: Some("Renamed Person".into()), ..PersonUpdate::default() },
    )?;

    stage.sim.forget_requests();
    let run = stage.sync(SyncKind::Incremental).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let total = stage.sim.requests().total;
    assert!(total <= 3 + 4, "{total} requests for four changed conversations");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconciliation_finds_what_vanished_and_what_no_updated_at_tells() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(160, 140), Setup::default()).await?;
    let change = stage.sim.change(stage.website);
    let truth = stage.sim.truth(stage.website);
    let shown: Vec<_> =
        truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0).collect();
    let (first, last) = (shown.first().expect("one"), shown.last().expect("one"));
    change.remove_conversation(&first.session_id)?;
    change.set_subject(&last.session_id, "Renamed long after")?;
    change.assign(&last.session_id, Some(&truth.operators()[0].user_id))?;
    let lonely = truth
        .people()
        .find(|person| !shown.iter().any(|one| one.people_id.as_ref() == Some(&person.people_id)));
    change.remove_person(&lonely.expect("somebody without a conversation").people_id)?;
    let run = stage.reconcile().await?;
    assert_eq!((run.conversations_removed, run.people_removed), (1, 1), "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_no_updated_at_is_found_among_the_recent_pages_in_turn() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(220, 210), Setup::default()).await?;
    stage.sync(SyncKind::Incremental).await?;
    let truth = stage.sim.truth(stage.website);
    let mut recent: Vec<_> = truth.conversations().collect();
    recent.sort_by_key(|one| std::cmp::Reverse(one.updated_at));
    let change = stage.sim.change(stage.website);
    for page in recent.chunks(50) {
        let shown =
            page.iter().find(|one| one.people_id.is_some() && one.messages > 0).expect("one on each page");
        change.set_subject(&shown.session_id, "Renamed in silence")?;
        change.assign(&shown.session_id, Some(&truth.operators()[0].user_id))?;
    }
    let mut left = Vec::new();
    for _ in 0..5 {
        stage.sim.forget_requests();
        assert_eq!(stage.sync(SyncKind::Incremental).await?.state, "succeeded");
        let total = stage.sim.requests().total;
        assert!(total <= 3, "{total} requests");
        left.push(differences(&stage).await?.len());
    }
    assert_eq!(left.last(), Some(&0), "{left:?}");
    assert!(left.first() > Some(&0), "five pages are not read again by one run");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_pass_that_was_interrupted_removes_nothing() -> anyhow::Result<()> {
    let options = Options::of_size(120, 140).behaving(|behaviour| behaviour.latency_ms = 150);
    let (stage, _) = Stage::imported(options, Setup::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let gone = truth.conversations().find(|one| one.people_id.is_some()).expect("one").session_id;
    stage.sim.change(stage.website).remove_conversation(&gone)?;
    let (account, id) = (stage.account, stage.integration);
    let run = trigger(&stage.engine, account, id, "tester", SyncKind::Full, Messages::WhereNew).await?;
    stage.sim.forget_requests();
    stage
        .eventually("conversations are being read", async |stage: &Stage| {
            Ok(stage.sim.requests().of(Kind::ConversationsPage) > 0)
        })
        .await?;
    cancel(&stage.engine, account, run.sync_id(), "tester").await?;
    let ended = stage.ended(run.sync_id()).await?;
    assert_eq!((ended.state.as_str(), ended.conversations_removed), ("cancelled", 0));
    let still = "select from conversations where session_id = $1 and removed_at is null";
    assert!(stage.sql().await?.query_opt(still, &[&gone]).await?.is_some());
    assert_eq!(stage.reconcile().await?.conversations_removed, 1);
    stage.close().await
}
