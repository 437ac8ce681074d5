//! A program under test, as a process of its own: started, frozen, killed, asked to end, and always reaped.
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::process::Process;
//!
//! # async fn example() -> anyhow::Result<()> {
//! let mut sleep = Process::start("/bin/sleep", ["60"], [("LC_ALL", "C")])?;
//! sleep.freeze()?;
//! sleep.thaw()?;
//! sleep.ask_to_end()?;
//! assert!(!sleep.ended(Duration::from_secs(5)).await?.success());
//! # Ok(())
//! # }
//! ```

use std::ffi::OsStr;
use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

/// How often a process is looked at that should end.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long a process may take to stand still.
const FREEZES_WITHIN: Duration = Duration::from_secs(5);
/// How much of a log is shown when a test fails.
const LAST_LINES: usize = 40;

/// A running program; killed and reaped with the value. What it writes goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: NamedTempFile,
}

impl Process {
    /// Starts a program with these arguments and this environment, and nothing else of ours.
    pub fn start<A, N, V>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self>
    where
        A: AsRef<OsStr>,
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let log = NamedTempFile::new().context("cannot make a file for the log of a process")?;
        let mut command = Command::new(&program);
        command.args(arguments).env_clear().envs(environment).stdin(Stdio::null());
        command.stdout(log.reopen()?).stderr(log.reopen()?);
        let program = program.as_ref().to_string_lossy();
        let child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        Ok(Self { child, log })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("cannot look at a process")?.is_none())
    }

    /// Ends it as a crash would (`SIGKILL`), frozen or not.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("cannot kill a process")?;
        self.child.wait().context("cannot wait for a process")
    }

    /// Stops it where it is (`SIGSTOP`), as a machine does that is suspended or swaps. Returns when it stands still: of
    /// two signals that wait, the kernel would deliver the one of the lower number first.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        let begun = Instant::now();
        while !self.stands_still()? {
            ensure!(begun.elapsed() < FREEZES_WITHIN, "the process does not stand still");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets it go on (`SIGCONT`).
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Asks it to end in good order (`SIGTERM`).
    pub fn ask_to_end(&self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self, patience: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("cannot look at a process")? {
                return Ok(status);
            }
            if begun.elapsed() > patience {
                bail!("the process did not end within {patience:?}; the end of its log:\n{}", self.log_end());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        fs::read(self.log.path())
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The most memory it has ever held, in bytes (Linux: `VmHWM`).
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))
            .context("cannot read how much memory a process holds")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM there")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmHWM is no number")?;
        Ok(kibibytes * 1024)
    }

    fn stands_still(&self) -> Result<bool> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))
            .context("cannot read how a process is")?;
        Ok(status.lines().any(|line| line.starts_with("State:\tT")))
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let skipped = log.lines().count().saturating_sub(LAST_LINES);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.id()).context("no such process id")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot send {signal} to a process"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the end of the log of process {}\n{}", self.id(), self.log_end());
        }
    }
}

/// The status and body of a `GET`, where somebody answers.
pub async fn get(url: &str) -> Result<(u16, String)> {
    let response = reqwest::get(url).await.context("nobody answers")?;
    Ok((response.status().as_u16(), response.text().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [(&str, &str); 0] = [];

    #[tokio::test]
    async fn a_process_is_frozen_thawed_and_reaped() {
        let mut process = Process::start("/bin/sh", ["-c", "echo begun; exec sleep 60"], NOTHING).unwrap();
        while process.log().is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        assert_eq!(process.log(), "begun\n");
        process.freeze().unwrap();
        process.ask_to_end().unwrap();
        assert!(process.ended(Duration::from_millis(100)).await.is_err(), "frozen, it hears nothing");
        process.thaw().unwrap();
        assert!(!process.ended(Duration::from_secs(10)).await.unwrap().success());
        assert!(!process.is_running().unwrap());
    }

    #[tokio::test]
    async fn a_process_is_killed_with_its_value() {
        let process = Process::start("/bin/sleep", ["60"], NOTHING).unwrap();
        assert!(process.peak_memory().unwrap() > 0);
        let path = format!("/proc/{}", process.id());
        drop(process);
        assert!(!std::path::Path::new(&path).exists());
    }
}
