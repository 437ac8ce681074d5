//! How long a message takes from Crisp's web hook to what the API shows, at a hundred a second:
//! `cargo bench -p worker --bench hooks`.

#![expect(unreachable_pub, reason = "the stage is shared with the tests")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/it/latency.rs"]
mod latency;
#[path = "../tests/it/served.rs"]
#[expect(dead_code, reason = "the server is shared with the tests")]
mod served;
#[path = "../tests/it/stage.rs"]
#[expect(dead_code, reason = "the stage is shared with the tests")]
mod stage;

use std::time::Duration;

const RATE: u32 = 100;
const LENGTH: Duration = Duration::from_secs(30);
/// Required of the 99th of a hundred.
const MOST: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let latencies = latency::measure(RATE, LENGTH).await?;
    let [median, tail, last] = [50, 99, 100].map(|percent| latencies.percentile(percent));
    println!("{RATE} hooks a second for {LENGTH:?}: p50 {median:.0?}, p99 {tail:.0?}, longest {last:.0?}");
    anyhow::ensure!(tail < MOST, "p99 is not below {MOST:?}");
    Ok(())
}
