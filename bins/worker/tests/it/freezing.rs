//! A worker that is frozen while it holds a lease, and wakes up when somebody else has done its work.

use std::time::{Duration, Instant};

use testkit::simulator::Options;
use tokio::time::sleep;

use crate::comparison::differences;
use crate::crowd;
use crate::stage::{Base, LEASE, Stage};

/// Beyond the lease: a transaction in whose middle it froze (`idle_in_transaction_session_timeout`), and the poll.
const TAKEOVER: Duration = LEASE.saturating_add(Duration::from_secs(7));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_wakes_up_after_its_lease_lapsed_can_write_nothing() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let options = Options::of_size(100, 300).behaving(|behaviour| behaviour.latency_ms = 150);
    let stage = Stage::open(options, Base::shared().await?, &[]).await?;
    let sync = stage.trigger().await?;
    let mut sleeper = stage.worker()?;
    stage.reaches(sync, "read some messages", |run| run.messages_read > 0).await?;
    sleeper.freeze()?;
    // What the sleeper has asked for was answered with what was true until now.
    let (change, truth) = (stage.sim.change(stage.website), stage.sim.truth(stage.website));
    for conversation in truth.conversations() {
        for message in truth.messages(&conversation.session_id).iter().filter(|one| one.kind == "text") {
            change.edit(&conversation.session_id, message.fingerprint, "said otherwise meanwhile".into())?;
        }
    }
    let frozen = Instant::now();
    let _successor = stage.worker()?;
    while stage.number("select sum(takeovers)::bigint from work_items").await? == 0 {
        assert!(frozen.elapsed() < TAKEOVER, "nobody took over within {TAKEOVER:?}");
        sleep(Duration::from_millis(50)).await;
    }
    println!("taken over {:.1?} after the freeze, with a lease of {LEASE:?}", frozen.elapsed());
    assert_eq!(stage.ended(sync).await?.state, "succeeded");

    let before = touched(&stage).await?;
    sleeper.thaw()?;
    sleep(Duration::from_secs(2)).await;
    assert!(sleeper.is_running()?, "it goes on with other work");
    assert_eq!(touched(&stage).await?, before);
    assert!(sleeper.log().contains("the lease was lost"), "{}", sleeper.log());
    // The conversations that were read whole before the freeze keep what nobody told of since.
    let told = |sentence: &String| !sentence.contains(": body is");
    let differing: Vec<_> = differences(&stage).await?.into_iter().filter(told).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    Ok(())
}

/// Versions of every row of the integration: a row that is written gets another.
async fn touched(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let statement = "select 'k' || id || xmin::text from contacts union all select 'p' || people_id || xmin::text from profiles \
         union all select 'c' || id || xmin::text from conversations union all select 'm' || id || xmin::text from messages \
         union all select 's' || id || xmin::text from sync_runs order by 1";
    Ok(stage.sql().await?.query(statement, &[]).await?.iter().map(|row| row.get(0)).collect())
}
