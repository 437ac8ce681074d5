//! Servers and databases as their users see them, across processes that are killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::binaries::Binaries;
use super::home::Home;
use super::janitor::Janitor;
use super::surroundings::{Surroundings, variable};
use super::{Cluster, Database, Purpose};

/// Tells a child process where the clusters of its test are.
const BASE: &str = "TESTKIT_POSTGRES_BASE";

#[tokio::test]
async fn every_test_has_a_prepared_database_of_its_own() -> Result<()> {
    let first = Database::fresh("people", with_people).await?;
    let second = Database::fresh("people", async |_| panic!("the template was prepared before")).await?;
    connect(first.url()).await?.batch_execute("INSERT INTO people VALUES (1)").await?;
    assert_eq!(people(second.url()).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_template_that_failed_is_prepared_again() -> Result<()> {
    // a key of this run's own: the server may have met this test before
    let key = format!("people, at the second attempt: {}", Uuid::new_v4());
    let failed = Database::fresh(&key, async |url| {
        with_people(url).await?;
        anyhow::bail!("a broken migration")
    });
    assert!(format!("{:#}", failed.await.unwrap_err()).contains("a broken migration"));
    let database = Database::fresh(&key, with_people).await?;
    assert_eq!(people(database.url()).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_start_together_prepare_a_template_once() -> Result<()> {
    // whoever is second would fail on CREATE TABLE, were the template prepared twice
    let key = format!("people, at once: {}", Uuid::new_v4());
    let all = (0..8).map(|_| Database::fresh(&key, with_people));
    let databases = futures::future::try_join_all(all).await?;
    assert_eq!(databases.len(), 8);
    Ok(())
}

#[tokio::test]
async fn a_database_is_gone_with_its_value_though_somebody_is_connected() -> Result<()> {
    let database = Database::fresh("people", with_people).await?;
    let _connected = connect(database.url()).await?;
    let url = database.url().to_owned();
    drop(database);
    assert!(connect(&url).await.is_err());
    Ok(())
}

#[tokio::test]
async fn databases_of_dead_processes_are_swept_and_those_of_living_ones_are_not() -> Result<()> {
    let alive = Database::fresh("people", with_people).await?;
    let cluster = Cluster::start_or_join(Purpose::Tests).await?;
    // nobody holds the lock of this owner
    let dead = cluster.create_database("test_00000001_left").await?;
    let _next_process = Janitor::start(cluster.url("postgres")).await?;
    assert!(connect(&dead).await.is_err());
    assert_eq!(people(alive.url()).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedicated_server_keeps_what_was_committed_through_a_crash() -> Result<()> {
    let cluster = Cluster::dedicated().await?;
    let database = Database::fresh_in(&cluster, "people", with_people).await?;
    connect(database.url()).await?.batch_execute("INSERT INTO people VALUES (1)").await?;
    cluster.stop().await?;
    assert!(connect(database.url()).await.is_err());
    cluster.start().await?;
    cluster.restart_immediate().await?;
    assert_eq!(people(database.url()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_shared_server_cannot_be_stopped() -> Result<()> {
    let cluster = Cluster::start_or_join(Purpose::Tests).await?;
    assert!(cluster.stop().await.is_err());
    connect(&cluster.url("postgres")).await?;
    Ok(())
}

#[test]
fn a_dedicated_server_is_gone_with_its_value() -> Result<()> {
    let (_place, home) = home_of_its_own()?;
    let running = home.start_alone()?;
    let folder = running.server.folder.clone();
    assert!(folder.exists());
    drop(Cluster::of_running(running));
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn processes_share_a_server_that_outlives_all_but_the_last_though_they_are_killed() -> Result<()> {
    let (_place, home) = home_of_its_own()?;
    let (mut first, folder) = process_using(&home)?;
    let (mut second, same) = process_using(&home)?;
    assert_eq!(folder, same);
    // the one that started the server
    first.kill()?;
    first.wait()?;
    thread::sleep(Duration::from_secs(2));
    assert!(home.join_or_start()?.started.is_none(), "the second process still has its server");
    second.kill()?;
    second.wait()?;
    wait_until_gone(&folder)
}

#[test]
fn a_server_whose_watcher_was_killed_is_swept_by_the_next() -> Result<()> {
    let (_place, home) = home_of_its_own()?;
    let mut abandoned = home.join_or_start()?;
    let processes = abandoned.started.as_mut().context("it is the first")?;
    processes.watcher.kill()?;
    processes.watcher.wait()?;
    let next = home.join_or_start()?;
    assert!(next.started.is_some());
    assert!(!abandoned.server.folder.exists());
    assert!(next.server.is_ready() && !abandoned.server.is_ready());
    Ok(())
}

#[test]
fn a_server_that_was_killed_is_not_joined() -> Result<()> {
    let (_place, home) = home_of_its_own()?;
    let mut killed = home.join_or_start()?;
    let processes = killed.started.as_mut().context("it is the first")?;
    processes.postgres.kill()?;
    processes.postgres.wait()?;
    assert!(home.join_or_start()?.started.is_some());
    Ok(())
}

/// Not a test: the process that [`process_using`] starts, and kills.
#[test]
#[ignore = "does something only as a child process of other tests"]
fn use_the_server_until_killed() -> Result<()> {
    let Some(base) = variable(BASE) else { return Ok(()) };
    let running = home_at(PathBuf::from(base))?.join_or_start()?;
    println!("\nusing {}", running.server.folder.display());
    thread::sleep(Duration::from_mins(5));
    Ok(())
}

/// Starts a process that uses the server of this home; gives the folder of the server.
fn process_using(home: &Home) -> Result<(Child, PathBuf)> {
    let (_crate, module) = module_path!().split_once("::").context("a module below the crate")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--ignored", "--nocapture", "--exact", &format!("{module}::use_the_server_until_killed")]);
    let mut child = command.env(BASE, &home.base).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let folder = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("using ").map(PathBuf::from));
    Ok((child, folder.context("the process ended early")?))
}

/// A home apart from that of the other tests, which lingers for a second only.
fn home_of_its_own() -> Result<(TempDir, Home)> {
    let place = tempfile::Builder::new().prefix("pg").permissions(world_readable()).tempdir()?;
    let home = home_at(place.path().join("home"))?;
    Ok((place, home))
}

fn home_at(base: PathBuf) -> Result<Home> {
    let binaries = Binaries::find_or_fetch(&Surroundings::of_this_process())?;
    Ok(Home { base, linger: Duration::from_secs(1), ..Home::of_this_user(binaries)? })
}

/// The account that runs Postgres for root has to get through.
fn world_readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

fn wait_until_gone(folder: &Path) -> Result<()> {
    let started = Instant::now();
    while folder.exists() {
        anyhow::ensure!(started.elapsed() < Duration::from_secs(30), "the server outlived its last user");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn with_people(url: String) -> Result<()> {
    Ok(connect(&url).await?.batch_execute("CREATE TABLE people (id bigint PRIMARY KEY)").await?)
}

async fn people(url: &str) -> Result<i64> {
    Ok(connect(url).await?.query_one("SELECT count(*) FROM people", &[]).await?.try_get(0)?)
}
