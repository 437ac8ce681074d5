//! The first import and what a second one does.

use crisp_sync::syncs::SyncKind;
use testkit::simulator::Options;

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_contact_conversation_and_message_arrives_for_the_least_possible_requests() -> anyhow::Result<()>
{
    let (stage, run) = Stage::imported(Options::of_size(2_000, 1_000), Setup::default()).await?;
    assert_eq!(run.state, "succeeded", "{:?}", run.problem_detail);
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");

    let requests = stage.sim.requests();
    let least =
        stage.sim.truth(stage.website).least_possible(|one| one.people_id.is_some() || one.email.is_some());
    assert!(
        requests.total * 100 <= least * 102,
        "{} requests, {least} are the least possible",
        requests.total
    );
    assert_eq!(i64::try_from(requests.total)?, run.crisp_requests);
    assert_eq!(requests.write_attempts, 0);
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing_an_unchanged_workspace_again_reads_no_messages_and_writes_nothing() -> anyhow::Result<()> {
    let (stage, first) = Stage::imported(Options::of_size(120, 80), Setup::default()).await?;
    let before = touched(&stage).await?;
    stage.sim.forget_requests();
    let second = stage.sync(SyncKind::Full).await?;
    assert_eq!((first.state.as_str(), second.state.as_str()), ("succeeded", "succeeded"));
    assert_eq!(stage.sim.requests().of(testkit::simulator::Kind::Messages), 0);
    assert_eq!(touched(&stage).await?, before);
    assert_eq!((second.people_created, second.people_updated, second.conversations_updated), (0, 0, 0));
    stage.close().await
}

/// Versions of every row of imported data: a row that is written gets another.
async fn touched(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let rows = stage
        .sql()
        .await?
        .query(
            "select 'k' || id || xmin::text from contacts union all select 'p' || people_id || xmin::text from profiles \
             union all select 'c' || id || xmin::text from conversations union all select 'm' || id || xmin::text from messages \
             order by 1",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
