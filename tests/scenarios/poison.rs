//! One record that goes wrong costs nobody else anything, and an outage costs next to nothing.

use std::time::Duration;

use crisp_sync::syncs::{Messages, SyncKind};
use testkit::simulator::{Fault, FaultRule, HookOptions, Kind, NewConversation, Options};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

/// Long enough for three steps of a sync that backs off.
const OUTAGE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_crisp_never_answers_for_becomes_a_dead_letter_and_holds_up_nobody()
-> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(40, 20), Setup::default()).await?;
    stage.with_hooks(HookOptions::default()).await?;
    let person = stage.sim.truth(stage.website).people().next().expect("a person").people_id;
    let change = stage.sim.change(stage.website);
    let (poison, other) = (
        change.start_conversation(NewConversation::by_people_id(&person), "I break things"),
        change.start_conversation(NewConversation::by_people_id(&person), "I do not"),
    );
    stage.sim.behave(|behaviour| {
        behaviour.faults = vec![FaultRule::always(Fault::Internal).only(Kind::Conversation).about(&poison)];
    });
    let (mine, dead) = (other.clone(), poison.clone());
    stage
        .eventually("the other one is shown with its message", async move |stage: &Stage| {
            let sql = "select from conversations where session_id = $1 and message_count = 1";
            Ok(stage.sql().await?.query_opt(sql, &[&mine]).await?.is_some())
        })
        .await?;
    stage
        .eventually("the poison is given up", async move |stage: &Stage| {
            let sql = "select from wanted_records where external_id = $1 and dead_at is not null";
            Ok(stage.sql().await?.query_opt(sql, &[&dead]).await?.is_some())
        })
        .await?;
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_in_the_middle_of_the_messages_costs_few_requests() -> anyhow::Result<()> {
    let options = Options::of_size(60, 200).behaving(|behaviour| behaviour.latency_ms = 30);
    let stage = Stage::connected(options, Setup::default()).await?;
    let full = async {
        let run = stage.sync(SyncKind::Full).await?;
        anyhow::ensure!(run.state == "succeeded", "{run:?}");
        Ok(())
    };
    let outage = async {
        stage
            .eventually("messages are being read", async |stage: &Stage| {
                Ok(stage.sim.requests().of(Kind::Messages) > 12)
            })
            .await?;
        let before = stage.sim.requests().total;
        stage.sim.behave(|behaviour| behaviour.faults = vec![FaultRule::always(Fault::BadGateway)]);
        tokio::time::sleep(OUTAGE).await;
        stage.sim.behave(|behaviour| behaviour.faults.clear());
        Ok(stage.sim.requests().total - before)
    };
    let ((), spent) = tokio::try_join!(full, outage)?;
    assert!(spent <= 150, "{spent} requests in {OUTAGE:?} without an answer");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crisp_that_lists_conversations_and_gives_no_messages_is_waited_for() -> anyhow::Result<()> {
    for conversations in [3, 40] {
        let stage = Stage::connected(Options::of_size(30, conversations), Setup::default()).await?;
        let away = FaultRule::always(Fault::BadGateway).only(Kind::Messages);
        stage.sim.behave(|behaviour| behaviour.faults = vec![away]);
        let outage = async {
            // Longer than one transcript alone would be tried before it is set aside.
            tokio::time::sleep(Duration::from_secs(45)).await;
            let told = "select problem_code from sync_runs where state = 'running'";
            let problem: Option<String> = stage.sql().await?.query_one(told, &[]).await?.get(0);
            let spent = stage.sim.requests().of(Kind::Messages);
            stage.sim.behave(|behaviour| behaviour.faults.clear());
            Ok((problem, spent))
        };
        let full = stage.sync(SyncKind::Full);
        let (run, (problem, spent)) = tokio::try_join!(full, outage)?;
        assert_eq!((run.state.as_str(), run.messages_failed), ("succeeded", 0), "{run:?}");
        assert_eq!(problem.as_deref(), Some("crisp_unavailable"), "of {conversations}");
        assert!(spent <= 150, "{spent} requests without an answer, of {conversations}");
        let differing = differences(&stage).await?;
        assert!(differing.is_empty(), "{differing:#?}");
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_that_was_set_aside_is_tried_again_by_itself() -> anyhow::Result<()> {
    let stage = Stage::connected(Options::of_size(30, 20), Setup::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let poison = truth.conversations().find(|one| one.people_id.is_some() && one.messages > 0).expect("one");
    let fails = FaultRule::always(Fault::Internal).only(Kind::Messages).about(&poison.session_id);
    stage.sim.behave(|behaviour| behaviour.faults = vec![fails]);
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!((run.state.as_str(), run.messages_failed), ("partial", 1), "{run:?}");
    let sql = stage.sql().await?;
    let waiting =
        "select messages_retry_at > now() + interval '4 minutes' from conversations where session_id = $1";
    let waits: bool = sql.query_one(waiting, &[&poison.session_id]).await?.get(0);
    assert!(waits, "not at once");
    stage.sim.behave(|behaviour| behaviour.faults.clear());
    let now = "update conversations set messages_retry_at = now() where session_id = $1";
    sql.execute(now, &[&poison.session_id]).await?;
    let lane = crisp_storage::work::Lane::Live;
    stage.database.signal(stage.account, stage.integration, lane, crate::stage::now()).await?;
    stage
        .eventually("it is read and off the list", async |stage: &Stage| {
            let sql = "select from unreadable_records limit 1";
            Ok(stage.sql().await?.query_opt(sql, &[]).await?.is_none())
        })
        .await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_404_deletes_nothing_and_two_are_believed() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(40, 30), Setup::default()).await?;
    stage.with_hooks(HookOptions::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let shown: Vec<_> = truth
        .conversations()
        .filter(|one| one.people_id.is_some() && one.messages > 0)
        .map(|one| one.session_id)
        .collect();
    // An answer of another kind that fails before the 404 is no word about whether it is there.
    let rejected = Fault::Status { status: 400, reason: "odd".to_owned() };
    let script = [FaultRule::scripted(0, 1, rejected), FaultRule::scripted(1, 1, Fault::NotFound)];
    let script: Vec<_> = script.into_iter().map(|rule| rule.about(&shown[0])).collect();
    stage.sim.behave(|behaviour| behaviour.faults.clone_from(&script));
    let sql = stage.sql().await?;
    for (session, known) in [(&shown[0], true), (&shown[1], false)] {
        if !known {
            // Gone in Crisp, and its hook was lost.
            stage
                .sim
                .hooks_to("http://127.0.0.1:1/nowhere", HookOptions { drop: 1.0, ..HookOptions::default() });
            stage.sim.change(stage.website).remove_conversation(session)?;
        }
        sql.execute(
            "insert into wanted_records (account_id, integration_id, kind, external_id, reason, due_at, created_at) \
             values ($1, $2, 'conversation', $3, 'a test', now(), now())",
            &[&stage.account.as_uuid(), &stage.integration.as_uuid(), session],
        )
        .await?;
        stage
            .database
            .signal(stage.account, stage.integration, crisp_storage::work::Lane::Live, crate::stage::now())
            .await?;
        let name = session.clone();
        stage
            .eventually("it was asked for", async move |stage: &Stage| {
                let left = "select from wanted_records where external_id = $1";
                Ok(stage.sql().await?.query_opt(left, &[&name]).await?.is_none())
            })
            .await?;
        let still: bool = sql
            .query_one("select removed_at is null from conversations where session_id = $1", &[session])
            .await?
            .get(0);
        assert_eq!(still, known, "{session}");
    }
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_sync_asks_crisp_for_nothing_more() -> anyhow::Result<()> {
    let options = Options::of_size(40, 200).behaving(|behaviour| behaviour.latency_ms = 60);
    let stage = Stage::connected(options, Setup::default()).await?;
    let (account, id) = (stage.account, stage.integration);
    let run =
        crisp_sync::syncs::trigger(&stage.engine, account, id, "tester", SyncKind::Full, Messages::WhereNew)
            .await?;
    stage
        .eventually("messages are being read", async |stage: &Stage| {
            Ok(stage.sim.requests().of(Kind::Messages) > 10)
        })
        .await?;
    crisp_sync::syncs::cancel(&stage.engine, account, run.sync_id(), "tester").await?;
    let ended = stage.ended(run.sync_id()).await?;
    assert_eq!(ended.state, "cancelled");
    stage.sim.forget_requests();
    // Longer than a sweep takes to wake what is due.
    tokio::time::sleep(Duration::from_secs(28)).await;
    assert_eq!(stage.sim.requests().total, 0);
    // A later full sync reads what is missing.
    assert_eq!(stage.sync(SyncKind::Full).await?.state, "succeeded");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}
