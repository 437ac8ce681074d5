//! What an import costs, as ratios measured side by side in one run: `cargo bench -p testkit --bench import`.
//!
//! Against fetching the same pages and doing nothing with them, and against `COPY` of the very rows that the import
//! wrote. Absolute figures depend on the machine; the ratios are what docs/performance.md speaks of.

#![expect(unreachable_pub, reason = "the stage is shared with the scenarios")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../scenarios/stage.rs"]
#[expect(dead_code, reason = "the stage is shared with the scenarios")]
mod stage;

use std::time::{Duration, Instant};

use anyhow::Context;
use crisp_client::{Client, ClientOptions, ConversationsQuery, Credentials, PeopleQuery, WebsiteId};
use crisp_sync::syncs::SyncKind;
use futures::{StreamExt, TryStreamExt, pin_mut};
use secrecy::SecretString;
use stage::{Setup, Stage};
use testkit::simulator::{Options, Simulator};

const PEOPLE: u32 = 3_000;
const CONVERSATIONS: u32 = 600;
const ROUNDS: usize = 3;
/// Transcripts fetched at a time: as many as a sync does.
const CONCURRENCY: usize = 8;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{PEOPLE} people, {CONVERSATIONS} conversations, {ROUNDS} rounds; medians of ratios");
    let (mut to_fetch, mut to_copy) = (Vec::new(), Vec::new());
    for seed in 0..ROUNDS {
        let options = Options::of_size(PEOPLE, CONVERSATIONS).seed(u64::try_from(seed)?);
        let stage = Stage::connected(options, Setup::default()).await?;
        let fetch = fetch(&stage.sim, WebsiteId::from(stage.website)).await?;
        let begun = Instant::now();
        let run = stage.sync(SyncKind::Full).await?;
        let import = begun.elapsed();
        let (rows, copy) = copy(&stage).await?;
        anyhow::ensure!(run.state == "succeeded", "the import did not succeed");
        println!(
            "round {seed}: {rows} rows; import {import:.1?}, fetching alone {fetch:.1?}, COPY {copy:.2?}"
        );
        to_fetch.push(import.as_secs_f64() / fetch.as_secs_f64());
        to_copy.push(import.as_secs_f64() / copy.as_secs_f64());
        stage.close().await?;
    }
    println!("import / fetching the same pages: {:.2}", median(&mut to_fetch)?);
    println!("import / COPY of the same rows:   {:.1}", median(&mut to_copy)?);
    Ok(())
}

fn median(ratios: &mut [f64]) -> anyhow::Result<f64> {
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().context("no rounds")
}

/// Fetches what an import fetches, and drops it.
async fn fetch(sim: &Simulator, website: WebsiteId) -> anyhow::Result<Duration> {
    let plugin = sim.plugin();
    let credentials = Credentials::new(&plugin.identifier, &SecretString::from(plugin.key));
    let client = Client::new(ClientOptions::new(sim.api_url().parse()?, credentials))?;
    let begun = Instant::now();
    let people = client.people(website, PeopleQuery::default());
    pin_mut!(people);
    while people.try_next().await?.is_some() {}
    let pages: Vec<_> = client.conversations(website, ConversationsQuery::default()).try_collect().await?;
    let sessions = pages.into_iter().flat_map(|page| page.records).flatten();
    let matched = sessions.filter(|one| one.people_id.value().is_some() || one.email.value().is_some());
    futures::stream::iter(matched)
        .map(|one| client.messages_backwards(website, one.session_id).try_for_each(|_| async { Ok(()) }))
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(begun.elapsed())
}

/// Copies every imported row into empty tables of the same shape, indexes included. How many, and how long it took.
async fn copy(stage: &Stage) -> anyhow::Result<(u64, Duration)> {
    let sql = stage.sql().await?;
    let (mut rows, mut spent) = (0, Duration::ZERO);
    for table in ["contacts", "profiles", "conversations", "messages", "match_decisions"] {
        sql.batch_execute(&format!("create table copy_of_{table} (like {table} including all)")).await?;
        let out = sql.copy_out(&format!("copy {table} to stdout (format binary)")).await?;
        let chunks: Vec<_> = out.try_collect().await?;
        let begun = Instant::now();
        let sink = sql
            .copy_in::<_, axum::body::Bytes>(&format!("copy copy_of_{table} from stdin (format binary)"))
            .await?;
        pin_mut!(sink);
        for chunk in chunks {
            futures::SinkExt::feed(&mut sink, chunk).await?;
        }
        rows += sink.finish().await?;
        spent += begun.elapsed();
    }
    Ok((rows, spent))
}
