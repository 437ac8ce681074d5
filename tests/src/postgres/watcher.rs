//! The watcher: a `sh` process that ends a cluster when its last user is gone, and being such a user.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use uuid::Uuid;

use super::account::Account;

/// How long a watcher may take to count us in; it looks twice a second, on however busy a machine.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Being a user of a cluster: it lives at least as long as this value, or as this process.
#[derive(Debug)]
pub(super) struct Membership {
    _fifo: File,
}

impl Membership {
    /// Becomes the first user of a new cluster in `folder`, and starts the watcher that will end it.
    pub(super) fn found(
        folder: &Path,
        account: Account,
        pg_ctl: &Path,
        linger: Duration,
    ) -> Result<(Self, Child)> {
        let path = folder.join("users");
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).context("cannot make the FIFO of the users")?;
        // reader first, without blocking: then the writer finds one
        let reader =
            open(OpenOptions::new().read(true), &path).context("cannot read the FIFO of the users")?;
        let fifo =
            open(OpenOptions::new().write(true), &path).context("cannot write the FIFO of the users")?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::empty())).context("cannot let the watcher wait")?;
        let log = File::create(folder.join("watcher.log"))?;
        let mut watcher = account.command(Path::new("/bin/sh"), folder);
        watcher.args(["-c", include_str!("watcher.sh"), "postgres-watcher"]).arg(folder).arg(pg_ctl);
        watcher.arg(half_seconds(linger).to_string());
        watcher.stdin(reader).stderr(log.try_clone()?).stdout(Stdio::from(log));
        let child = watcher.spawn().context("cannot start the watcher of Postgres")?;
        Ok((Self { _fifo: fifo }, child))
    }

    /// Joins the users of a running cluster; `None` where it is gone or going.
    pub(super) fn join(folder: &Path) -> Result<Option<Self>> {
        let Some(mut fifo) = writer(folder) else { return Ok(None) };
        let name = Uuid::new_v4().simple().to_string();
        if fifo.write_all(format!("{name}\n").as_bytes()).is_err() {
            return Ok(None);
        }
        let counted = folder.join("joined").join(name);
        let started = Instant::now();
        while !counted.exists() {
            if started.elapsed() > JOIN_TIMEOUT || !folder.exists() {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
        fs::remove_file(counted).context("cannot tidy up after joining")?;
        Ok(Some(Self { _fifo: fifo }))
    }
}

/// Does somebody still watch over the cluster in this folder?
pub(super) fn is_watched(folder: &Path) -> bool {
    writer(folder).is_some()
}

/// The FIFO, open for writing; this fails where nobody reads.
fn writer(folder: &Path) -> Option<File> {
    open(OpenOptions::new().write(true), &folder.join("users")).ok()
}

fn open(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    options.custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

fn half_seconds(duration: Duration) -> u128 {
    duration.as_millis() / 500
}
