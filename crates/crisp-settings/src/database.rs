//! Where everything is kept.

use std::num::NonZeroU32;

use crisp_storage::Database;
use secrecy::{ExposeSecret as _, SecretString};

use crate::refused::{Found, Refusal, Refused};
use crate::value;

const URL: &str = "DATABASE_URL";
const READ_URL: &str = "DATABASE_READ_URL";
const MAX_CONNECTIONS: &str = "DATABASE_MAX_CONNECTIONS";
const DEFAULT_MAX_CONNECTIONS: &str = "10";
const EXAMPLE: &str = "postgres://user:password@host:5432/name?sslmode=require";

/// The flags and variables of the database.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the flags are named after the fields, and the contract names the flags"
)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The Postgres that everything is kept in, for example
    /// `postgres://user:password@host:5432/name?sslmode=require`. Required.
    #[arg(long, global = true, env = URL, hide_env_values = true, value_name = "URL")]
    database_url: Option<SecretString>,
    /// A file that holds `DATABASE_URL`.
    #[arg(long, global = true, env = "DATABASE_URL_FILE", value_name = "PATH")]
    database_url_file: Option<String>,
    /// A replica for the read views. Without it they read from `DATABASE_URL`.
    #[arg(long, global = true, env = READ_URL, hide_env_values = true, value_name = "URL")]
    database_read_url: Option<SecretString>,
    /// A file that holds `DATABASE_READ_URL`.
    #[arg(long, global = true, env = "DATABASE_READ_URL_FILE", value_name = "PATH")]
    database_read_url_file: Option<String>,
    /// How many connections this process opens at most.
    #[arg(long, global = true, env = MAX_CONNECTIONS, default_value = DEFAULT_MAX_CONNECTIONS, value_name = "COUNT", allow_negative_numbers = true)]
    database_max_connections: String,
}

/// The database, checked.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The Postgres that everything is kept in. A secret: it may hold a password.
    pub url: SecretString,
    /// Where the read views read from: a replica, or the same as `url`.
    pub read_url: SecretString,
    /// The size of this process's pool.
    pub max_connections: NonZeroU32,
}

impl DatabaseArgs {
    /// The settings of a command that cannot do without a database.
    pub fn resolve(&self) -> Result<DatabaseSettings, Refused> {
        let missing =
            || Refusal::new(URL, "is not set", format!("Set it to your Postgres, as in {EXAMPLE}."));
        self.resolve_if_set()?.ok_or_else(|| missing().into())
    }

    /// The settings, or `None` where no database is named: the demo then brings its own.
    pub fn resolve_if_set(&self) -> Result<Option<DatabaseSettings>, Refused> {
        let mut found = Found::default();
        let url = found.read(postgres(URL, self.database_url.as_ref(), self.database_url_file.as_deref()));
        let read_url = found.read(postgres(
            READ_URL,
            self.database_read_url.as_ref(),
            self.database_read_url_file.as_deref(),
        ));
        let max_connections = found.read(max_connections(&self.database_max_connections));
        let settings = url.zip(read_url).zip(max_connections).map(|((url, read_url), max_connections)| {
            url.map(|url| DatabaseSettings {
                read_url: read_url.unwrap_or_else(|| url.clone()),
                url,
                max_connections,
            })
        });
        found.finish(settings)
    }
}

fn postgres(
    name: &'static str,
    given: Option<&SecretString>,
    file: Option<&str>,
) -> Result<Option<SecretString>, Refusal> {
    let Some(url) = value::secret(name, given, file)? else { return Ok(None) };
    let refuse = |wrong: &str| Refusal::new(name, wrong, format!("Give it as in {EXAMPLE}."));
    let scheme = url.expose_secret().split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(refuse("does not begin with postgres://"));
    }
    match Database::check_address(&url) {
        Ok(()) => Ok(Some(url)),
        Err(error) => Err(refuse(&format!("cannot be used: {}", why(&error)))),
    }
}

/// What is wrong with an address, without the address.
fn why(error: &crisp_storage::Error) -> String {
    if let crisp_storage::Error::Address(why) = error { (*why).to_owned() } else { error.to_string() }
}

fn max_connections(given: &str) -> Result<NonZeroU32, Refusal> {
    value::number(MAX_CONNECTIONS, given, DEFAULT_MAX_CONNECTIONS, NonZeroU32::MIN..=LARGEST_POOL)
}

/// More connections than any Postgres is configured for.
const LARGEST_POOL: NonZeroU32 = match NonZeroU32::new(10_000) {
    Some(size) => size,
    None => NonZeroU32::MAX,
};
