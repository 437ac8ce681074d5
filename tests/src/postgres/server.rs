//! One Postgres server in one folder: made, started, killed, started again.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::Account;
use super::binaries::Binaries;

/// How long a server may take to accept connections: cold 1–9 s were measured, crash recovery included.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// Many tests at once, each with pools of its own.
const MAX_CONNECTIONS: &str = "max_connections=300";
/// For tests: nothing has to survive a power cut.
const FORGETFUL: [&str; 5] =
    ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0"];

/// Whether what was committed survives a crash of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Postgres' own settings.
    Durable,
    /// As fast as it gets.
    Forgetful,
}

/// A server in `folder`: its data, its socket and its log.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) folder: PathBuf,
    pub(super) account: Account,
    pub(super) binaries: Binaries,
    pub(super) durability: Durability,
}

impl Server {
    /// Makes the data folder.
    pub(super) fn initialise(&self) -> Result<()> {
        // C.UTF-8 is missing on macOS and on old systems
        self.initdb("C.UTF-8").or_else(|_| {
            let _ = fs::remove_dir_all(self.data());
            self.initdb("C")
        })
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) fn start(&self) -> Result<Child> {
        let log = File::create(self.log()).context("cannot write the log of Postgres")?;
        let mut command = self.account.command(&self.binaries.program("postgres"), &self.folder);
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(["-p", "5432"]);
        let settings = ["listen_addresses=", MAX_CONNECTIONS, "timezone=UTC", "log_timezone=UTC", "jit=off"];
        let forgetful = if self.durability == Durability::Forgetful { &FORGETFUL[..] } else { &[] };
        settings.iter().chain(forgetful).for_each(|setting| {
            command.args(["-c", setting]);
        });
        command.stderr(log.try_clone()?).stdout(Stdio::from(log));
        let mut child = command.spawn().context("cannot start postgres")?;
        self.wait_until_ready(&mut child)?;
        Ok(child)
    }

    /// Stops the server as a crash would: nothing is flushed, clients are cut off.
    pub(super) fn stop_immediately(child: &mut Child) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(child.id()).context("no such process id")?);
        kill(pid, Signal::SIGQUIT).context("cannot stop postgres")?;
        child.wait().context("cannot wait for postgres")?;
        Ok(())
    }

    /// Line 8 of `postmaster.pid` says so, and the socket accepts.
    pub(super) fn is_ready(&self) -> bool {
        let status = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
            && UnixStream::connect(self.folder.join(".s.PGSQL.5432")).is_ok()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    fn initdb(&self, locale: &str) -> Result<()> {
        let mut initdb = self.account.command(&self.binaries.program("initdb"), &self.folder);
        initdb.arg("-D").arg(self.data()).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        let output = initdb.arg(format!("--locale={locale}")).output().context("cannot run initdb")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "initdb failed: {}", said.trim());
        Ok(())
    }

    fn wait_until_ready(&self, child: &mut Child) -> Result<()> {
        let started = Instant::now();
        while !self.is_ready() {
            if let Some(status) = child.try_wait()? {
                bail!("postgres ended with {status}: {}", last_lines(&self.log()));
            }
            if started.elapsed() > START_TIMEOUT {
                let _ = child.kill();
                let _ = child.wait();
                bail!("postgres was not ready in time: {}", last_lines(&self.log()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
