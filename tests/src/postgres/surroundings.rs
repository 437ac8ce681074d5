//! What the machine and the environment say: the one place of this module that reads environment variables.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Folders where Postgres is installed off the `PATH`; the last component but one may be a version.
const INSTALLED: [&str; 5] =
    ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"];

/// Where to look for Postgres and where to keep a fetched one.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// `PG_BIN_DIR`: the binaries to use, whatever else there is.
    pub(super) bin_dir: Option<PathBuf>,
    /// The folders of `PATH`.
    pub(super) path: Vec<PathBuf>,
    /// Folders holding one folder a version.
    pub(super) installed: Vec<PathBuf>,
    /// Where fetched binaries are kept.
    pub(super) cache: PathBuf,
}

impl Surroundings {
    /// Reads the environment.
    pub(super) fn of_this_process() -> Self {
        Self {
            bin_dir: variable("PG_BIN_DIR").map(PathBuf::from),
            path: variable("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default(),
            installed: INSTALLED.iter().map(PathBuf::from).collect(),
            cache: cache(),
        }
    }
}

/// The server to use instead of a private one: `DATABASE_URL_FOR_TESTS`.
pub(super) fn server_for_tests() -> Option<String> {
    variable("DATABASE_URL_FOR_TESTS").and_then(|url| url.into_string().ok())
}

/// The user's cache; for root one that the account which runs Postgres can read, hence not below `/root`.
fn cache() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/cache/crisp-testkit");
    }
    variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("crisp-testkit")
}

/// An environment variable, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "finding Postgres depends on PATH and on overrides; only this module does"
)]
pub(super) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
