//! Who runs Postgres: `initdb` and `postgres` refuse to run as root, so root lends them another account.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, Uid, User, chown, geteuid};

/// The account that runs Postgres and owns its files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    uid: Uid,
    /// Set where we are root and have to become somebody else.
    become_group: Option<Gid>,
}

impl Account {
    /// Ourselves; for root `postgres`, else `nobody`.
    pub(super) fn choose() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { uid: geteuid(), become_group: None });
        }
        let named =
            |name| User::from_name(name).with_context(|| format!("cannot look up the account {name}"));
        let user = match named("postgres")? {
            Some(user) => user,
            None => named("nobody")?
                .context("Postgres refuses to run as root, and there is no account `nobody`")?,
        };
        Ok(Self { uid: user.uid, become_group: Some(user.gid) })
    }

    /// Its number.
    pub(super) fn uid(&self) -> Uid {
        self.uid
    }

    /// A command of this account: no terminal, no part in our process group, its own working folder.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0).current_dir(folder).env("LC_ALL", "C");
        if let Some(group) = self.become_group {
            command.uid(self.uid.as_raw()).gid(group.as_raw());
        }
        command
    }

    /// Makes sure of a folder that only this account can enter (and root).
    pub(super) fn own_folder(&self, path: &Path) -> Result<()> {
        let made = fs::DirBuilder::new().mode(0o700).create(path);
        if made.is_ok() && self.become_group.is_some() {
            chown(path, Some(self.uid), self.become_group)
                .context("cannot give the folder of Postgres away")?;
        }
        let found = fs::symlink_metadata(path).with_context(|| format!("cannot make {}", path.display()))?;
        ensure!(
            found.is_dir() && found.uid() == self.uid.as_raw(),
            "{} belongs to somebody else: remove it, or set TMPDIR",
            path.display()
        );
        Ok(())
    }
}
