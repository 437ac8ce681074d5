//! The settings as a stranger meets them: names, flags, files, refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use secrecy::ExposeSecret as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Everything {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    crisp: CrispArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    sync: SyncArgs,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    logging: LoggingArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve,
}

/// Parses as if no variable were set, whatever the machine that runs the tests has set.
fn given(flags: &[&str]) -> Everything {
    let no_variable = |arg: clap::Arg| arg.env(None::<&'static str>);
    let line = std::iter::once(&"api").chain(flags);
    let matches = Everything::command().mut_args(no_variable).try_get_matches_from(line).unwrap();
    Everything::from_arg_matches(&matches).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Refused>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_command_line_is_consistent() {
    Everything::command().debug_assert();
}

#[test]
fn every_setting_of_the_contract_is_a_variable_and_a_flag_of_the_same_name() {
    let variables: BTreeMap<String, String> = Everything::command()
        .get_arguments()
        .filter_map(|arg| Some((arg.get_env()?.to_str()?.to_owned(), arg.get_long()?.to_owned())))
        .collect();
    for (variable, flag) in &variables {
        assert_eq!(variable.to_lowercase().replace('_', "-"), *flag);
    }
    let names: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
    let contract = "DATABASE_URL DATABASE_MAX_CONNECTIONS DATABASE_READ_URL HOOKS_RETENTION_DAYS API_LISTEN \
        API_PUBLIC_URL CRISP_API_URL CRISP_APP_URL CRISP_PLUGIN_ID CRISP_PLUGIN_IDENTIFIER CRISP_PLUGIN_KEY \
        CRISP_HOOKS_SECRET CRISP_DAILY_QUOTA CRISP_QUOTA_WINDOW_SECONDS CRISP_REQUEST_TIMEOUT_SECONDS ENCRYPTION_KEYS \
        AUTH_JWT_HS256_SECRET AUTH_JWKS_FILE SYNC_INCREMENTAL_INTERVAL_SECONDS SYNC_RECONCILE_INTERVAL_SECONDS \
        WORKER_CONCURRENCY WORKER_LISTEN WORKER_LEASE_SECONDS LOG LOG_FORMAT";
    for name in contract.split_whitespace() {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn every_secret_is_hidden_from_help_and_can_be_given_as_a_file() {
    let command = Everything::command();
    let hidden: BTreeSet<&str> = command
        .get_arguments()
        .filter(|arg| arg.is_hide_env_values_set())
        .filter_map(|arg| arg.get_env()?.to_str())
        .collect();
    let in_a_file: BTreeSet<&str> = command
        .get_arguments()
        .filter_map(|arg| arg.get_env()?.to_str()?.strip_suffix("_FILE"))
        .filter(|name| *name != "AUTH_JWKS")
        .collect();
    assert_eq!(hidden, in_a_file);
    assert_eq!(hidden.len(), 7);
}

#[test]
fn every_flag_works_after_a_subcommand_too() {
    let line = given(&["serve", "--api-listen", "0.0.0.0:1"]);
    assert!(matches!(line.command, Some(Command::Serve)));
    assert_eq!(line.api.resolve().unwrap().listen.as_str(), "0.0.0.0:1");
    let line = given(&["--api-listen", "0.0.0.0:1", "serve"]);
    assert_eq!(line.api.resolve().unwrap().listen.as_str(), "0.0.0.0:1");
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let line = given(&[
        "--database-url",
        "postgres://h/d",
        "--crisp-plugin-id",
        "8c842203-7ed8-4e29-a608-7cf78a7d2fcc",
    ]);
    let database = line.database.resolve().unwrap();
    assert_eq!(database.read_url.expose_secret(), "postgres://h/d");
    assert_eq!(database.max_connections.get(), 10);
    let crisp = line.crisp.resolve().unwrap();
    assert_eq!(crisp.api_url.as_str(), "https://api.crisp.chat/v1");
    assert_eq!(crisp.app_url.as_str(), "https://app.crisp.chat/");
    assert_eq!(crisp.daily_quota.unwrap().get(), 5000);
    assert_eq!(crisp.quota_window, Duration::from_hours(24));
    assert_eq!(crisp.request_timeout, Duration::from_secs(10));
    assert!(crisp.credentials.is_none() && crisp.hooks_secret.is_none());
    let api = line.api.resolve().unwrap();
    assert_eq!(api.public_url.as_str(), "http://127.0.0.1:8080/");
    let worker = line.worker.resolve().unwrap();
    assert_eq!((worker.concurrency.get(), worker.listen), (4, None));
    let sync = line.sync.resolve().unwrap();
    assert_eq!(sync.incremental_interval, Duration::from_mins(15));
    assert_eq!((sync.reconcile_interval, sync.hooks_retention_days), (Duration::from_hours(24), 7));
    assert_eq!(line.logging.resolve().unwrap().format, LogFormat::Text);
}

#[test]
fn nothing_set_says_what_to_set() {
    let line = given(&[]);
    assert!(line.database.resolve_if_set().unwrap().is_none());
    assert!(
        refusal(line.database.resolve())
            .contains("DATABASE_URL is not set. Set it to your Postgres, as in postgres://")
    );
    assert!(refusal(line.crisp.resolve()).contains("CRISP_PLUGIN_ID is not set"));
    assert!(refusal(line.encryption.resolve()).contains("openssl rand -base64 32"));
    assert!(refusal(line.auth.resolve()).contains("AUTH_JWKS_FILE"));
}

#[test]
fn a_blank_value_is_an_absent_one() {
    let line = given(&[
        "--database-url=",
        "--database-max-connections= ",
        "--worker-listen=",
        "--log=",
        "--api-listen=",
    ]);
    assert!(line.database.resolve_if_set().unwrap().is_none());
    assert_eq!(line.worker.resolve().unwrap().listen, None);
    assert_eq!(line.api.resolve().unwrap().listen.as_str(), "127.0.0.1:8080");
    assert!(line.logging.resolve().is_ok());
}

#[test]
fn a_pasted_secret_loses_the_blanks_around_it_and_a_file_its_last_line_end() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "  the key  ").unwrap();
    let path = file.path().to_str().unwrap();
    let id = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc";
    let line = given(&[
        "--crisp-plugin-id",
        id,
        "--crisp-plugin-identifier",
        "\tme\n",
        "--crisp-plugin-key-file",
        path,
    ]);
    let credentials = line.crisp.resolve().unwrap().credentials.unwrap();
    assert_eq!(credentials.identifier.expose_secret(), "me");
    assert_eq!(credentials.key.expose_secret(), "the key");
}

#[test]
fn a_secret_given_twice_or_by_half_is_refused() {
    let twice = given(&["--database-url", "postgres://h/d", "--database-url-file", "/x"]);
    assert!(refusal(twice.database.resolve()).starts_with("DATABASE_URL is set twice"));
    let half = given(&["--crisp-plugin-key", "k"]);
    assert!(
        refusal(half.crisp.resolve()).contains("CRISP_PLUGIN_IDENTIFIER is not set, but CRISP_PLUGIN_KEY is")
    );
}

#[test]
fn refusals_and_debug_forms_show_no_secret_even_where_it_stands_in_the_wrong_place() {
    let canary = "c4nary-secret";
    let flags: Vec<String> = [
        "--database-url=C",
        "--database-read-url=mysql://u:C@h/d",
        "--crisp-plugin-identifier=a:C",
        "--crisp-plugin-key=C",
        "--crisp-hooks-secret-file=C",
        "--encryption-keys=k1:C",
        "--auth-jwks-file=C",
        "--crisp-api-url=https://u:C@h/",
        "--crisp-plugin-id=C",
    ]
    .iter()
    .map(|flag| flag.replace('C', canary))
    .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let line = given(&flags);
    let crisp = line.crisp.resolve().unwrap_err();
    assert_eq!(crisp.refusals().len(), 4, "{crisp}");
    let all = together(
        together(Err::<(), _>(crisp), line.database.resolve()),
        together(line.encryption.resolve(), line.auth.resolve()),
    );
    let said = refusal(all);
    assert_eq!(said.lines().count(), 8, "{said}");
    assert!(!said.contains(canary), "{said}");
    let secrets = given(&[flags[0], flags[1], flags[2], flags[3], flags[5]]);
    assert!(!format!("{secrets:?}").contains(canary));
}

#[test]
fn addresses_are_http_without_credentials_or_query() {
    for (bad, wrong) in [
        ("ftp://crisp.example", "neither an http nor an https"),
        ("file:///etc/passwd", "neither an http nor an https"),
        ("crisp.example", "is no address"),
        ("https://user@crisp.example", "user name or password"),
        ("https://crisp.example/?a=b", "query or fragment"),
    ] {
        let said = refusal(given(&["--api-public-url", bad]).api.resolve());
        assert!(said.starts_with("API_PUBLIC_URL") && said.contains(wrong), "{said}");
    }
    let line = given(&[
        "--crisp-plugin-id",
        "8c842203-7ed8-4e29-a608-7cf78a7d2fcc",
        "--crisp-api-url",
        "http://[::1]:9/v1/",
    ]);
    assert_eq!(line.crisp.resolve().unwrap().api_url.as_str(), "http://[::1]:9/v1");
}

#[test]
fn numbers_are_whole_and_within_bounds() {
    for flag in [
        "--sync-incremental-interval-seconds=0",
        "--sync-incremental-interval-seconds=-1",
        "--hooks-retention-days=x",
    ] {
        assert!(refusal(given(&[flag]).sync.resolve()).contains("not a whole number from"));
    }
    let apart = given(&["--sync-incremental-interval-seconds", "-1"]);
    assert!(refusal(apart.sync.resolve()).contains("not a whole number from"));
    assert!(refusal(given(&["--worker-concurrency=0"]).worker.resolve()).contains("from 1 to 1000"));
    let id = "--crisp-plugin-id=8c842203-7ed8-4e29-a608-7cf78a7d2fcc";
    assert_eq!(given(&[id, "--crisp-daily-quota=0"]).crisp.resolve().unwrap().daily_quota, None);
}

#[test]
fn a_short_signing_secret_is_taken_with_a_warning() {
    let auth = given(&["--auth-jwt-hs256-secret", "short"]).auth.resolve().unwrap();
    assert!(auth.warning().is_some_and(|warning| !warning.contains("short secret")));
    let long = "0123456789abcdef0123456789abcdef";
    assert!(given(&["--auth-jwt-hs256-secret", long]).auth.resolve().unwrap().warning().is_none());
}

#[test]
fn a_log_filter_or_format_that_means_nothing_is_refused() {
    let said = refusal(given(&["--log", "crisp=loud", "--log-format", "xml"]).logging.resolve());
    assert!(said.contains("LOG is no filter") && said.contains("LOG_FORMAT is \"xml\""), "{said}");
}

#[test]
fn variables_and_files_named_by_variables_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "postgres://from-a-file/d\n").unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::what_a_process_with_variables_sees", "--ignored"])
        .env("DATABASE_URL_FILE", file.path())
        .env("WORKER_CONCURRENCY", "7")
        .env("AUTH_JWT_HS256_SECRET", " from the environment ")
        .env_remove("DATABASE_URL")
        .env_remove("AUTH_JWKS_FILE")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}

#[test]
#[ignore = "run by variables_and_files_named_by_variables_are_read, with its environment"]
fn what_a_process_with_variables_sees() {
    let matches = Everything::command().try_get_matches_from(["worker"]).unwrap();
    let line = Everything::from_arg_matches(&matches).unwrap();
    assert_eq!(line.database.resolve().unwrap().url.expose_secret(), "postgres://from-a-file/d");
    assert_eq!(line.worker.resolve().unwrap().concurrency.get(), 7);
    let AuthSettings::Hs256(secret) = line.auth.resolve().unwrap() else { panic!("no secret") };
    assert_eq!(secret.expose_secret(), "from the environment");
}
