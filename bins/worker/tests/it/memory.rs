//! How much memory a worker holds while it imports. The full size is a benchmark: `cargo bench -p worker --bench memory`.

use testkit::simulator::{Options, WebsiteOptions};

use crate::crowd;
use crate::stage::{Base, Stage};

/// Contents that differ by a factor of ten.
const SMALL: (u32, u32) = (2_000, 200);
const BIG: (u32, u32) = (20_000, 2_000);
/// Required of the full size, and so of this one.
const MOST: u64 = 64 * 1024 * 1024;

async fn peak((people, conversations): (u32, u32)) -> anyhow::Result<u64> {
    let website = WebsiteOptions::of_size(people, conversations);
    let options = Options { websites: vec![website], ..Options::default() };
    let stage = Stage::open(options, Base::shared().await?, &[]).await?;
    let sync = stage.trigger().await?;
    let worker = stage.worker()?;
    let run = stage.ended(sync).await?;
    assert_eq!((run.state.as_str(), run.people_created), ("succeeded", i64::from(people)));
    worker.peak_memory()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_the_workspace() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let (small, big) = (peak(SMALL).await?, peak(BIG).await?);
    let mebibytes = |bytes: u64| bytes / 1024 / 1024;
    println!("peak memory: {} MiB at a tenth, {} MiB", mebibytes(small), mebibytes(big));
    assert!(big <= MOST, "{} MiB", mebibytes(big));
    Ok(())
}
