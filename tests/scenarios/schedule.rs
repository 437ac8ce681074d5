//! What runs by itself and when, and what becomes of that while hooks are missing.

use std::time::Duration;

use chrono::TimeDelta;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_sync::diagnosis::{self, Check, CheckState};
use crisp_sync::syncs::SyncKind;
use testkit::simulator::{HookOptions, NewMessage, Options, Side};

use crate::comparison::differences;
use crate::stage::{Setup, Stage, now};

async fn integration(stage: &Stage) -> anyhow::Result<IntegrationRow> {
    let mut session = stage.database.read_primary(stage.account).await?;
    let row = integrations::get(&mut session, stage.integration).await?;
    session.commit().await?;
    Ok(row)
}

/// The check about web hooks.
async fn realtime(stage: &Stage) -> anyhow::Result<Check> {
    let checks = diagnosis::diagnosis(&stage.engine, stage.account, stage.integration).await?;
    checks.into_iter().find(|check| check.code == "realtime").ok_or_else(|| anyhow::anyhow!("no such check"))
}

/// Conversations that are shown, by session id.
fn shown(stage: &Stage) -> Vec<String> {
    let truth = stage.sim.truth(stage.website);
    let shown = truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0);
    shown.map(|one| one.session_id).collect()
}

fn say_something(stage: &Stage, sessions: &[String]) -> anyhow::Result<()> {
    for session in sessions {
        stage.sim.change(stage.website).send(session, NewMessage::text(Side::User, "Any news?"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incremental_runs_and_reconciliations_begin_by_themselves() -> anyhow::Result<()> {
    let setup = Setup {
        incremental_interval: Duration::from_secs(2),
        reconcile_interval: Duration::from_secs(7),
        ..Setup::default()
    };
    let (stage, _) = Stage::imported(Options::of_size(40, 30), setup).await?;
    say_something(&stage, &shown(&stage)[..2])?;
    stage.sim.change(stage.website).remove_conversation(&shown(&stage)[2])?;
    stage
        .eventually("both kinds have run twice", async |stage: &Stage| {
            let runs =
                crisp_sync::syncs::list(&stage.engine, stage.account, stage.integration, None, 50).await?;
            let of_schedule = |kind: &str| {
                let ended = runs.iter().filter(|run| run.state == "succeeded" && run.trigger == "schedule");
                ended.filter(|run| run.kind == kind).count()
            };
            Ok(of_schedule("incremental") >= 2 && of_schedule("reconcile") >= 2)
        })
        .await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_hooks_are_missing_it_is_said_and_polled_more_often_until_they_are_back() -> anyhow::Result<()>
{
    let day = TimeDelta::days(1);
    let (stage, _) = Stage::imported(Options::of_size(60, 60), Setup::default()).await?;
    stage.with_hooks(HookOptions { drop: 1.0, ..HookOptions::default() }).await?;
    let sessions = shown(&stage);
    say_something(&stage, &sessions[..6])?;
    stage.sync(SyncKind::Incremental).await?;

    let silent = realtime(&stage).await?;
    assert_eq!(silent.state, CheckState::Failed, "{silent:?}");
    assert!(silent.detail.contains("100 %"), "{silent:?}");
    let next = integration(&stage).await?.next_incremental_at.expect("a next run");
    assert!(next < now() + day / 2, "the next run is due at {next}, though nothing is heard");

    stage.with_hooks(HookOptions::default()).await?;
    for round in 0..6 {
        say_something(&stage, &sessions[..8])?;
        stage.settled().await?;
        stage.sync(SyncKind::Incremental).await?;
        if integration(&stage).await?.hook_gap_since.is_none() {
            assert!(round > 0, "a channel is not trusted after a moment");
            break;
        }
    }
    let well = realtime(&stage).await?;
    assert_eq!(well.state, CheckState::Ok, "{well:?}");
    let next = integration(&stage).await?.next_incremental_at.expect("a next run");
    assert!(next > now() + day / 2, "the next run is due at {next}, though everything is heard");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_no_hook_told_of_counts_as_missed_too() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(60, 60), Setup::default()).await?;
    for session in &shown(&stage)[..5] {
        stage.sim.change(stage.website).set_subject(session, "Renamed in silence")?;
    }
    let run = stage.reconcile().await?;
    assert!(run.conversations_updated >= 5, "{run:?}");
    let row = integration(&stage).await?;
    assert!(
        row.hook_gap_since.is_some(),
        "missed {} of {}",
        row.hook_changes_missed,
        row.hook_changes_expected
    );
    stage.close().await
}
