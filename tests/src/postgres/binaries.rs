//! Finding Postgres on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::fetch;
use super::surroundings::Surroundings;

/// The oldest major version whose SQL we rely on (`CREATE DATABASE … STRATEGY`, `NULLS NOT DISTINCT`, `MERGE`).
const OLDEST_MAJOR: u32 = 15;

/// A folder with `postgres`, `initdb` and `pg_ctl` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// Finds binaries, or fetches them once.
    pub(super) fn find_or_fetch(surroundings: &Surroundings) -> Result<Self> {
        if let Some(folder) = &surroundings.bin_dir {
            let Some(binaries) = Self::at(folder) else {
                bail!("PG_BIN_DIR={} holds no Postgres {OLDEST_MAJOR} or newer", folder.display());
            };
            return Ok(binaries);
        }
        Self::find(surroundings).map_or_else(|| fetch::fetch(surroundings), Ok)
    }

    /// The first that is found: fetched ones, `PATH`, then where systems install them, newest first.
    pub(super) fn find(surroundings: &Surroundings) -> Option<Self> {
        let fetched = fetch::folder(&surroundings.cache);
        let on_path = surroundings.path.iter().filter_map(|folder| real_folder(folder));
        std::iter::once(fetched)
            .chain(on_path)
            .find_map(|folder| Self::at(&folder))
            .or_else(|| Self::newest_installed(&surroundings.installed))
    }

    /// The binaries of this folder, unless incomplete or too old.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let complete = ["postgres", "initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file());
        let version = complete.then(|| version_of(&folder.join("postgres"))).flatten()?;
        let new_enough = major(&version)? >= OLDEST_MAJOR;
        new_enough.then(|| Self { folder: folder.to_owned(), version })
    }

    /// The path of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The version, such as `18.6`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    fn newest_installed(roots: &[PathBuf]) -> Option<Self> {
        roots
            .iter()
            .filter_map(|root| fs::read_dir(root).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_version_folder(path))
            .filter_map(|path| Self::at(&path.join("bin")))
            .max_by_key(|binaries| major(&binaries.version))
    }
}

/// Installs come with symbolic links (`/usr/local/bin/postgres`), but `initdb` looks for files beside itself.
fn real_folder(folder: &Path) -> Option<PathBuf> {
    let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
    postgres.parent().map(Path::to_owned)
}

/// `15` (Debian), `pgsql-15` (Red Hat) or `postgresql@15` (Homebrew).
fn is_version_folder(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("pgsql-") || name.starts_with("postgresql") || name.parse::<u32>().is_ok()
}

/// What it says of itself; `None` where it does not even run.
fn version_of(postgres: &Path) -> Option<String> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// `15.18` from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version_in(said: &str) -> Option<String> {
    let version =
        said.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    Some(version.to_owned())
}

fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that holds links to the Postgres of this machine.
    fn folder_with_postgres(folder: PathBuf) -> PathBuf {
        let real = Binaries::find_or_fetch(&Surroundings::of_this_process()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        for name in ["postgres", "initdb", "pg_ctl"] {
            symlink(real.program(name), folder.join(name)).unwrap();
        }
        folder
    }

    fn nothing_in(cache: &Path) -> Surroundings {
        Surroundings { bin_dir: None, path: Vec::new(), installed: Vec::new(), cache: cache.to_owned() }
    }

    #[test]
    fn a_machine_without_postgres_has_none() {
        let cache = tempfile::tempdir().unwrap();
        assert_eq!(Binaries::find(&nothing_in(cache.path())), None);
    }

    #[test]
    fn what_was_fetched_comes_before_path_and_path_before_what_is_installed() {
        let place = tempfile::tempdir().unwrap();
        let installed = folder_with_postgres(place.path().join("installed/15/bin"));
        let mut around = nothing_in(&place.path().join("cache"));
        around.installed = vec![place.path().join("installed")];
        assert_eq!(Binaries::find(&around).unwrap().folder, installed);
        around.path = vec![folder_with_postgres(place.path().join("path"))];
        // links are followed: initdb looks for its files beside the real one
        let real = real_folder(&place.path().join("path")).unwrap();
        assert_eq!(Binaries::find(&around).unwrap().folder, real);
        let fetched = folder_with_postgres(fetch::folder(&around.cache));
        assert_eq!(Binaries::find(&around).unwrap().folder, fetched);
    }

    #[test]
    fn pg_bin_dir_is_obeyed_or_refused_but_never_ignored() {
        let place = tempfile::tempdir().unwrap();
        let mut around = nothing_in(place.path());
        around.bin_dir = Some(place.path().join("nowhere"));
        assert!(Binaries::find_or_fetch(&around).unwrap_err().to_string().starts_with("PG_BIN_DIR="));
        let chosen = folder_with_postgres(place.path().join("chosen"));
        around.bin_dir = Some(chosen.clone());
        assert_eq!(Binaries::find_or_fetch(&around).unwrap().folder, chosen);
    }

    #[test]
    fn versions_of_all_builds_are_read() {
        let versions =
            ["postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 19beta1"];
        let majors = versions.map(|said| major(&version_in(said).unwrap()));
        assert_eq!(majors, [Some(15), Some(19)]);
        assert_eq!(version_in("not Postgres"), None);
    }
}
