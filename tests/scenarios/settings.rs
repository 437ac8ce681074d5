//! Settings that are changed after the first import take effect on what is there.

use std::collections::HashSet;

use crisp_sync::syncs::SyncKind;
use serde_json::json;
use testkit::simulator::{Fault, FaultRule, HookOptions, MessageCount, NewMessage, Options, Side};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_before_the_window_is_listed_with_its_reason_and_comes_when_the_window_widens()
-> anyhow::Result<()> {
    let options = Options::of_size(80, 90).each_website(|mut website| {
        website.history_days = 300;
        website.messages = MessageCount::Exactly(2);
        website
    });
    let stage = Stage::connected(options, Setup::default()).await?;
    stage.change_settings(json!({"backfill_days": 100})).await?;
    let run = stage.sync(SyncKind::Full).await?;
    let (inside, outside) = (run.conversations_created, run.conversations_before_backfill);
    assert!(inside > 5 && outside > 5, "{inside} inside the window, {outside} outside");
    let listed: i64 = stage
        .sql()
        .await?
        .query_one("select count(*) from conversations where skip_reason = 'before_backfill'", &[])
        .await?
        .get(0);
    assert_eq!(listed, outside);
    assert_eq!(run.messages_created, inside * 2, "what is outside costs no message request");
    stage.change_settings(json!({"backfill_days": null})).await?;
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!(run.conversations_before_backfill, 0);
    assert!(run.conversations_created > 0, "some of those outside match somebody");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_that_are_not_wanted_any_more_go_without_a_trace() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(20, 12), Setup::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let shown = truth.conversations().find(|one| one.people_id.is_some() && one.messages > 0).expect("one");
    stage.sim.change(stage.website).send(&shown.session_id, NewMessage::note("Between ourselves"))?;
    stage.sync(SyncKind::Incremental).await?;
    let sql = stage.sql().await?;
    let figures = async || -> anyhow::Result<(i64, i64, i64)> {
        let row = sql
            .query_one(
                "select count(*) filter (where m.kind = 'note'), count(*), max(c.message_count) from conversations c \
                 join messages m on m.account_id = c.account_id and m.conversation_id = c.id where c.session_id = $1",
                &[&shown.session_id],
            )
            .await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    };
    let (notes, rows, count) = figures().await?;
    assert!(notes > 0 && rows == count, "{notes} notes, {rows} rows, {count} counted");
    stage.change_settings(json!({"include_notes": false})).await?;
    assert_eq!(figures().await?, (0, rows - notes, count - notes));
    // Nor do they come back as tombstones when the conversation is read again.
    stage.sim.change(stage.website).send(&shown.session_id, NewMessage::text(Side::User, "One more"))?;
    stage.sync(SyncKind::Incremental).await?;
    assert_eq!(figures().await?, (0, rows - notes + 1, count - notes + 1));
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_that_are_wanted_again_come_back_by_themselves_and_nothing_else_is_read() -> anyhow::Result<()>
{
    let (stage, _) = Stage::imported(Options::of_size(20, 12), Setup::default()).await?;
    stage.with_hooks(HookOptions::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let shown: Vec<String> = truth
        .conversations()
        .filter(|one| one.people_id.is_some() && one.messages > 0)
        .map(|one| one.session_id)
        .collect();
    stage.change_settings(json!({"include_notes": false})).await?;
    // One that a hook tells of, and one that only the list shows.
    stage.sim.change(stage.website).send(&shown[0], NewMessage::note("Heard by a hook"))?;
    stage
        .eventually("the hook was applied", async |stage: &Stage| {
            let sql = "select from hooks where event like 'message:%' and applied_at is not null";
            Ok(stage.sql().await?.query_opt(sql, &[]).await?.is_some())
        })
        .await?;
    let nowhere = HookOptions { drop: 1.0, ..HookOptions::default() };
    stage.sim.hooks_to("http://127.0.0.1:1/nowhere", nowhere);
    stage.sim.change(stage.website).send(&shown[1], NewMessage::note("Found in the list"))?;
    stage.sync(SyncKind::Incremental).await?;
    let sql = stage.sql().await?;
    let left_out: i64 =
        sql.query_one("select count(*) from conversations where notes_left_out", &[]).await?.get(0);
    let notes: i64 = sql.query_one("select count(*) from messages where kind = 'note'", &[]).await?.get(0);
    assert!(left_out >= 2 && notes == 0, "{left_out} conversations, {notes} notes");

    let asked = stage.sim.log().len();
    stage.change_settings(json!({"include_notes": true})).await?;
    stage
        .eventually("the notes are here", async |stage: &Stage| {
            let sql = "select from conversations where notes_left_out or messages_due limit 1";
            Ok(stage.sql().await?.query_opt(sql, &[]).await?.is_none())
        })
        .await?;
    let log = stage.sim.log();
    let read: HashSet<_> = log[asked..].iter().filter_map(|entry| entry.object.clone()).collect();
    assert_eq!(i64::try_from(read.len())?, left_out, "only where notes were left out: {read:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_import_that_a_rejected_credential_ended_begins_again_by_itself() -> anyhow::Result<()> {
    let stage = Stage::connected(Options::of_size(60, 40), Setup::default()).await?;
    let rejected = Fault::Status { status: 401, reason: "invalid_session".to_owned() };
    stage.sim.behave(|behaviour| behaviour.faults = vec![FaultRule::always(rejected)]);
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!((run.state.as_str(), run.problem_code.as_deref()), ("failed", Some("credential_rejected")));
    stage.sim.behave(|behaviour| behaviour.faults.clear());
    // As when a new token is stored: somebody looks at once.
    let lane = crisp_storage::work::Lane::Sync;
    stage.database.signal(stage.account, stage.integration, lane, crate::stage::now()).await?;
    stage
        .eventually("the import is done", async |stage: &Stage| {
            let sql = "select from integrations where state = 'active' and problem_code is null";
            Ok(stage.sql().await?.query_opt(sql, &[]).await?.is_some())
        })
        .await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}
