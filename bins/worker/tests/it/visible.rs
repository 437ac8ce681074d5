//! What a web hook tells is visible through the API a moment later. The benchmark asks for more than a busy machine can
//! promise: `cargo bench -p worker --bench hooks`.

use std::time::Duration;

use crate::crowd;
use crate::latency::measure;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_hooks_a_second_are_visible_in_a_moment() -> anyhow::Result<()> {
    let _machine = crowd::alone().await;
    let latencies = measure(100, Duration::from_secs(8)).await?;
    let (median, tail) = (latencies.percentile(50), latencies.percentile(99));
    println!("hook to visible at 100 a second: p50 {median:.0?}, p99 {tail:.0?}");
    assert!(tail < Duration::from_secs(5), "{tail:?}");
    Ok(())
}
