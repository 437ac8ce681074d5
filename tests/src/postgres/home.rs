//! The folder where a user's clusters live, and who may start, join and sweep them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::geteuid;
use uuid::Uuid;

use super::account::Account;
use super::binaries::Binaries;
use super::server::{Durability, Server};
use super::watcher::{Membership, is_watched};

/// How long the shared cluster outlives its last user: the pause between two test binaries.
const LINGER: Duration = Duration::from_secs(10);
/// The longest path of a Unix socket is 107 bytes on Linux and 103 on macOS; ours adds about 50 to this.
const LONGEST_TEMPORARY_PATH: usize = 50;

/// Where clusters live, what runs them and as whom.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) base: PathBuf,
    pub(super) account: Account,
    pub(super) binaries: Binaries,
    pub(super) linger: Duration,
}

/// A running cluster that we use.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) server: Server,
    pub(super) membership: Membership,
    /// Where we started it: the processes.
    pub(super) started: Option<Started>,
}

/// The processes of a cluster that we started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) postgres: Child,
    pub(super) watcher: Child,
}

impl Home {
    /// The home of this user's clusters on this machine.
    pub(super) fn of_this_user(binaries: Binaries) -> Result<Self> {
        let temporary = std::env::temp_dir();
        let short = temporary.as_os_str().len() <= LONGEST_TEMPORARY_PATH;
        let parent = if short { temporary } else { PathBuf::from("/tmp") };
        let account = Account::choose()?;
        let base = parent.join(format!("crisp-testkit-{}-{}", geteuid(), account.uid()));
        Ok(Self { base, account, binaries, linger: LINGER })
    }

    /// Joins the shared cluster, or starts it. One process at a time does this.
    pub(super) fn join_or_start(&self) -> Result<Running> {
        let _lock = self.lock()?;
        let prefix = format!("tests-{}-", self.binaries.version());
        for folder in self.folders(&prefix)? {
            if let Some(running) = self.join(folder)? {
                return Ok(running);
            }
        }
        self.sweep()?;
        let found = self.found(&prefix, Durability::Forgetful, self.linger)?;
        launch(found)
    }

    /// Starts a durable cluster that nobody else uses.
    pub(super) fn start_alone(&self) -> Result<Running> {
        let lock = self.lock()?;
        self.sweep()?;
        let prefix = format!("alone-{}-", self.binaries.version());
        let found = self.found(&prefix, Durability::Durable, Duration::ZERO)?;
        drop(lock);
        launch(found)
    }

    /// Joins the cluster in this folder, unless it is gone, going or broken.
    fn join(&self, folder: PathBuf) -> Result<Option<Running>> {
        let membership = Membership::join(&folder)?;
        let server = self.server(folder, Durability::Forgetful);
        let ready = membership.filter(|_| server.is_ready());
        Ok(ready.map(|membership| Running { server, membership, started: None }))
    }

    /// Removes what is left of clusters whose watcher was killed.
    fn sweep(&self) -> Result<()> {
        for folder in self.folders("")?.into_iter().filter(|folder| !is_watched(folder)) {
            let mut stop = self.account.command(&self.binaries.program("pg_ctl"), &self.base);
            stop.args(["stop", "-m", "immediate", "-w", "-t", "30", "-D"]).arg(folder.join("data"));
            quietly(&mut stop);
            let _ = fs::remove_dir_all(folder);
        }
        Ok(())
    }

    fn lock(&self) -> Result<File> {
        self.account.own_folder(&self.base)?;
        let lock = File::create(self.base.join("lock")).context("cannot lock the folder of Postgres")?;
        lock.lock().context("cannot lock the folder of Postgres")?;
        Ok(lock)
    }

    /// The folders of clusters whose names begin so.
    fn folders(&self, prefix: &str) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.base).context("cannot list the clusters")?;
        let entries = entries.collect::<Result<Vec<_>, _>>().context("cannot list the clusters")?;
        let matching = entries.into_iter().filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(prefix)
                && entry.file_type().is_ok_and(|kind| kind.is_dir())
        });
        Ok(matching.map(|entry| entry.path()).collect())
    }

    /// Makes the folder of a new cluster, watched from its first moment.
    fn found(&self, prefix: &str, durability: Durability, linger: Duration) -> Result<Found> {
        let random: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let folder = self.base.join(format!("{prefix}{random}"));
        self.account.own_folder(&folder)?;
        self.account.own_folder(&folder.join("joined"))?;
        let pg_ctl = self.binaries.program("pg_ctl");
        let (membership, watcher) = Membership::found(&folder, self.account, &pg_ctl, linger)?;
        Ok(Found { server: self.server(folder, durability), membership, watcher })
    }

    fn server(&self, folder: PathBuf, durability: Durability) -> Server {
        Server { folder, account: self.account, binaries: self.binaries.clone(), durability }
    }
}

/// A cluster that is watched but does not run yet.
struct Found {
    server: Server,
    membership: Membership,
    watcher: Child,
}

fn launch(found: Found) -> Result<Running> {
    let Found { server, membership, watcher } = found;
    server.initialise()?;
    let postgres = server.start()?;
    Ok(Running { server, membership, started: Some(Started { postgres, watcher }) })
}

/// Runs a command whose failure means that there was nothing to do.
fn quietly(command: &mut Command) {
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}
