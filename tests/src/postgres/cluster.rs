//! A Postgres server to use: shared by the tests, the demo's own, one to kill, or one that was given.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_postgres::error::SqlState;

use super::address::Address;
use super::binaries::Binaries;
use super::home::{Home, Running, Started};
use super::janitor::{self, Janitor};
use super::server::Server;
use super::surroundings::{self, Surroundings};
use super::watcher::Membership;

/// What a cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One server for all test processes of this user, without `fsync`, gone some seconds after the last.
    Tests,
    /// A durable server of its own, gone with the value or with the process.
    Demo,
}

/// A running Postgres server. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: Address,
    janitor: OnceCell<Janitor>,
    private: Option<Private>,
}

/// A server of our own, as opposed to one that was given.
#[derive(Debug)]
struct Private {
    server: Server,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Shared: it stays while anybody holds a membership.
    Shared { _membership: Membership },
    /// Ours alone, running.
    Up { membership: Membership, processes: Started },
    /// Ours alone, stopped; the watcher still waits for us.
    Down { membership: Membership, watcher: std::process::Child },
    /// Between two states; only ever seen after a failed step.
    Broken,
}

/// The cluster which all tests of this process share, or why there is none.
static OF_THE_TESTS: OnceCell<Result<Cluster, String>> = OnceCell::const_new();

impl Cluster {
    /// Joins or starts the cluster for this purpose; fetches Postgres where there is none.
    pub async fn start_or_join(purpose: Purpose) -> Result<Self> {
        if purpose == Purpose::Demo {
            return Self::dedicated().await;
        }
        let shared =
            OF_THE_TESTS.get_or_init(async || Self::for_tests().await.map_err(|error| format!("{error:#}")));
        shared.await.clone().map_err(|reason| anyhow!(reason))
    }

    /// Starts a durable cluster for this caller alone: one that may be stopped and started again.
    pub async fn dedicated() -> Result<Self> {
        blocking(|| Ok(Self::of_running(home()?.start_alone()?))).await
    }

    /// The address of one database of this server.
    pub fn url(&self, database: &str) -> String {
        self.inner.address.database(database)
    }

    /// Makes sure of a database of this name (lower-case letters, digits, `_`), and gives its address.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        ensure!(name.bytes().all(plain), "a database name has lower-case letters, digits and `_` only");
        let maintenance = janitor::connect(&self.inner.address.maintenance()).await?;
        match maintenance.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await {
            Err(error) if error.code() != Some(&SqlState::DUPLICATE_DATABASE) => {
                Err(error).context("cannot create a database")
            }
            _ => Ok(self.url(name)),
        }
    }

    /// Stops a dedicated server as a crash would (`SIGQUIT`): clients are cut off, nothing is flushed.
    pub async fn stop(&self) -> Result<()> {
        self.step(Private::stop).await
    }

    /// Starts a dedicated server again; returns when it has recovered and accepts connections.
    pub async fn start(&self) -> Result<()> {
        self.step(Private::start).await
    }

    /// Crashes a dedicated server and starts it again.
    pub async fn restart_immediate(&self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    pub(super) fn address(&self) -> &Address {
        &self.inner.address
    }

    /// The one who drops databases of this process on this server.
    pub(super) async fn janitor(&self) -> Result<&Janitor> {
        let maintenance = self.inner.address.maintenance();
        self.inner.janitor.get_or_try_init(async || Janitor::start(maintenance).await).await
    }

    /// Drops a database; does nothing where none was ever made.
    pub(super) fn drop_database(&self, name: &str) {
        if let Some(janitor) = self.inner.janitor.get() {
            janitor.drop_database(name);
        }
    }

    pub(super) fn of_running(running: Running) -> Self {
        let Running { server, membership, started } = running;
        let address = Address::of_socket(&server.folder);
        let state = match started {
            Some(processes) if server.durability == super::server::Durability::Durable => {
                State::Up { membership, processes }
            }
            _ => State::Shared { _membership: membership },
        };
        let private = Some(Private { server, state: Mutex::new(state) });
        Self { inner: Arc::new(Inner { address, janitor: OnceCell::new(), private }) }
    }

    async fn for_tests() -> Result<Self> {
        if let Some(url) = surroundings::server_for_tests() {
            let address = Address::parse(&url)?;
            return Ok(Self { inner: Arc::new(Inner { address, janitor: OnceCell::new(), private: None }) });
        }
        blocking(|| Ok(Self::of_running(home()?.join_or_start()?))).await
    }

    async fn step(&self, step: fn(&Private) -> Result<()>) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            step(inner.private.as_ref().context("this server was given: it is not ours to stop")?)
        })
        .await
    }
}

impl Private {
    fn stop(&self) -> Result<()> {
        self.change(|state| match state {
            State::Up { membership, mut processes } => {
                Server::stop_immediately(&mut processes.postgres)?;
                Ok(State::Down { membership, watcher: processes.watcher })
            }
            State::Down { .. } => Ok(state),
            State::Shared { .. } | State::Broken => bail!("only a dedicated server can be stopped"),
        })
    }

    fn start(&self) -> Result<()> {
        self.change(|state| match state {
            State::Down { membership, watcher } => {
                let postgres = self.server.start()?;
                Ok(State::Up { membership, processes: Started { postgres, watcher } })
            }
            State::Up { .. } => Ok(state),
            State::Shared { .. } | State::Broken => bail!("only a dedicated server can be started"),
        })
    }

    fn change(&self, step: impl FnOnce(State) -> Result<State>) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Shared { .. }) {
            bail!("this server is shared: use Cluster::dedicated for one to stop");
        }
        *state = step(mem::replace(&mut *state, State::Broken))?;
        Ok(())
    }
}

impl Drop for Private {
    /// Leaves; waits for the end of a server that was ours alone, so that nothing of it is left.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        match mem::replace(state, State::Broken) {
            State::Up { membership, mut processes } => {
                drop(membership);
                let _ = processes.postgres.wait();
                let _ = processes.watcher.wait();
            }
            State::Down { membership, mut watcher } => {
                drop(membership);
                let _ = watcher.wait();
            }
            State::Shared { .. } | State::Broken => {}
        }
    }
}

fn home() -> Result<Home> {
    Home::of_this_user(Binaries::find_or_fetch(&Surroundings::of_this_process())?)
}

/// Starting and stopping servers waits for processes, which would hold up the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.context("the work on the server was cut short")?
}
