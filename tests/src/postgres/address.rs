//! Connection addresses: one server, many databases.

use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

/// A server's address, ready for any database name. The `url` crate refuses the form without a host.
#[derive(Clone)]
pub(super) struct Address {
    before: String,
    database: String,
    query: String,
}

impl Address {
    /// A server listening on a Unix socket in `folder`: `postgres://postgres@/db?host=%2Fpath`.
    pub(super) fn of_socket(folder: &Path) -> Self {
        let host = percent_encoded(&folder.to_string_lossy());
        Self {
            before: "postgres://postgres@".to_owned(),
            database: "postgres".to_owned(),
            query: format!("?host={host}"),
        }
    }

    /// Takes a given URL apart.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) =
            url.split_once("://").context("DATABASE_URL_FOR_TESTS has to be of the form postgres://…")?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (rest, String::new()),
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { "postgres" } else { database };
        Ok(Self { before: format!("{scheme}://{authority}"), database: database.to_owned(), query })
    }

    /// The URL of one database.
    pub(super) fn database(&self, name: &str) -> String {
        format!("{}/{name}{}", self.before, self.query)
    }

    /// The URL of the database from which others are created and dropped.
    pub(super) fn maintenance(&self) -> String {
        self.database(&self.database)
    }
}

impl fmt::Debug for Address {
    /// Leaves out everything: an address may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Address").finish_non_exhaustive()
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn a_socket_folder_of_any_name_is_understood() {
        let url = Address::of_socket(Path::new("/tmp/a b/ü")).database("people");
        assert_eq!(url, "postgres://postgres@/people?host=%2Ftmp%2Fa%20b%2F%C3%BC");
        let understood = tokio_postgres::Config::from_str(&url).unwrap();
        let folder = tokio_postgres::config::Host::Unix("/tmp/a b/ü".into());
        assert_eq!(understood.get_hosts(), [folder]);
        assert_eq!(understood.get_dbname(), Some("people"));
    }

    #[test]
    fn a_given_address_keeps_everything_but_the_database() {
        let given = Address::parse("postgresql://me:secret@db.test:5433/mine?sslmode=disable").unwrap();
        assert_eq!(given.database("other"), "postgresql://me:secret@db.test:5433/other?sslmode=disable");
        assert_eq!(given.maintenance(), "postgresql://me:secret@db.test:5433/mine?sslmode=disable");
        let short = Address::parse("postgres://me@db.test").unwrap();
        assert_eq!(short.maintenance(), "postgres://me@db.test/postgres");
        assert!(Address::parse("host=db.test").is_err());
    }

    #[test]
    fn an_address_shows_no_password() {
        let given = Address::parse("postgres://me:secret@db.test/mine").unwrap();
        assert!(!format!("{given:?}").contains("secret"));
    }
}
