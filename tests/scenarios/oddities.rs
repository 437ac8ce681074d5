//! Odd records.

use testkit::simulator::Options;

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_fields_arrive_as_far_as_they_can_and_unreadable_records_are_listed() -> anyhow::Result<()> {
    let options = Options::of_size(300, 200).seed(11).each_website(|mut website| {
        website.oddities = 0.3;
        website.unreadable = 0.03;
        website
    });
    let (stage, run) = Stage::imported(options, Setup::default()).await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    assert_eq!(run.state, "partial", "{run:?}");
    let failed = run.people_failed + run.conversations_failed + run.messages_failed;
    let listed: i64 =
        stage.sql().await?.query_one("select count(*) from unreadable_records", &[]).await?.get(0);
    assert!(failed > 0 && listed > 0, "{failed} failed, {listed} listed");
    stage.close().await
}
