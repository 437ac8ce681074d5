//! What a worker process holds at most while it imports a large workspace, against a tenth of its size:
//! `cargo bench -p worker --bench memory`. Sizes can be given: `-- 200000 50000`.

#![expect(unreachable_pub, reason = "the stage is shared with the tests")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/it/stage.rs"]
#[expect(dead_code, reason = "the stage is shared with the tests")]
mod stage;

use std::time::{Duration, Instant};

use stage::{Base, Stage};
use testkit::simulator::{Options, WebsiteOptions};

const PEOPLE: u32 = 200_000;
const CONVERSATIONS: u32 = 50_000;
/// Required: no more than this, whatever the size …
const MOST_MEBIBYTES: f64 = 64.0;
/// … and no more than this many times what a tenth takes.
const MOST_TIMES: f64 = 1.1;
/// The import of the full size takes a while.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut sizes = std::env::args().skip(1).filter_map(|given| given.parse::<u32>().ok());
    let people = sizes.next().unwrap_or(PEOPLE);
    let conversations = sizes.next().unwrap_or(CONVERSATIONS);
    let tenth = peak(people / 10, conversations / 10).await?;
    let whole = peak(people, conversations).await?;
    println!(
        "peak memory: {tenth:.1} MiB at a tenth, {whole:.1} MiB at the full size, ratio {:.3}",
        whole / tenth
    );
    anyhow::ensure!(whole <= MOST_MEBIBYTES, "more than {MOST_MEBIBYTES} MiB");
    anyhow::ensure!(whole / tenth <= MOST_TIMES, "memory grows with the workspace");
    Ok(())
}

async fn peak(people: u32, conversations: u32) -> anyhow::Result<f64> {
    let website = WebsiteOptions::of_size(people, conversations);
    let options = Options { websites: vec![website], ..Options::default() };
    let stage = Stage::open(options, Base::shared().await?, &[("WORKER_LEASE_SECONDS", "15")]).await?;
    let began = Instant::now();
    let sync = stage.trigger().await?;
    let worker = stage.worker()?;
    while stage.run(sync).await?.is_under_way() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let run = stage.run(sync).await?;
    anyhow::ensure!(run.state == "succeeded", "the import did not succeed: {run:?}");
    let peak = f64::from(u32::try_from(worker.peak_memory()? / 1024)?) / 1024.0;
    println!(
        "{people} people, {conversations} conversations, {} messages in {:.0?}: {peak:.1} MiB",
        run.messages_read,
        began.elapsed()
    );
    Ok(peak)
}
