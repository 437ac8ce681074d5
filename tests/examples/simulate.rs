//! A simulated Crisp as a process of its own: `cargo run -p testkit --example simulate -- PEOPLE CONVERSATIONS PORT`.
//!
//! For trying `api` and `worker` by hand, and for measuring them (docs/performance.md). It prints the settings that
//! point them at it and stays up until it is stopped.

use anyhow::Context;
use testkit::simulator::{Options, Simulator};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its output is what the person who runs it copies")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |what: &str, default: u32| -> anyhow::Result<u32> {
        arguments
            .next()
            .map_or(Ok(default), |text| text.parse())
            .with_context(|| format!("{what} is no number"))
    };
    let (people, conversations) = (number("PEOPLE", 2_000)?, number("CONVERSATIONS", 1_000)?);
    let port = u16::try_from(number("PORT", 8900)?).context("PORT is too large")?;
    let sim =
        Simulator::start(Options { port: Some(port), ..Options::of_size(people, conversations) }).await?;
    sim.set_plugin(|plugin| plugin.callback_url = Some("http://127.0.0.1:8080/crisp/callback".to_owned()));
    let plugin = sim.plugin();
    println!("export CRISP_API_URL={} CRISP_APP_URL={}", sim.api_url(), sim.app_url());
    println!("export CRISP_PLUGIN_ID={} CRISP_PLUGIN_IDENTIFIER={}", plugin.id, plugin.identifier);
    println!("export CRISP_PLUGIN_KEY={} CRISP_HOOKS_SECRET={}", plugin.key, plugin.hooks_secret);
    for website in sim.website_ids() {
        println!("# website {website}");
    }
    tokio::signal::ctrl_c().await?;
    println!("# {} requests", sim.requests().total);
    Ok(())
}
