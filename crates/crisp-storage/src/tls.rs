//! The address of a Postgres, and how far its certificate is trusted.
//!
//! tokio-postgres knows `sslmode=disable|prefer|require`. The address of an operator may also say `verify-ca`,
//! `verify-full` and `sslrootcert`, with libpq's meaning: these are taken out of the URL and become a TLS
//! configuration. `require` encrypts without asking who answers, unless `sslrootcert` names an authority.

mod trust;

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Error;
use trust::Roots;

/// How long one attempt to connect may take, unless the URL says so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// When an idle connection is asked whether it is still there; the library's two hours are too long for a listener.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// The library's own default, which stands for "the URL does not say".
const LIBRARY_KEEPALIVE_IDLE: Duration = Duration::from_hours(2);
/// After how long without an acknowledgement a connection counts as dead.
const UNANSWERED: Duration = Duration::from_secs(30);

/// A parsed address. Holds the password: `Debug` shows nothing.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Address").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// What a URL may ask for, with libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
enum Mode {
    Disable,
    /// libpq begins without TLS; nobody is worse off when it begins with it.
    #[strum(serialize = "prefer", serialize = "allow")]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Address {
    /// Reads a `postgres://` URL, and the certificates it names.
    pub(crate) fn parse(url: &SecretString) -> Result<Self, Error> {
        let Some(parts) = Parts::split(url.expose_secret()) else {
            return Err(Error::Address("it does not begin with postgres://"));
        };
        let Ok(mut config) = parts.url.parse::<Config>() else {
            return Err(Error::Address("it is malformed, or has an option that is not supported"));
        };
        let mode = match parts.mode.as_deref().map(str::parse) {
            None => Mode::Prefer,
            Some(Ok(mode)) => mode,
            Some(Err(_)) => {
                return Err(Error::Address(
                    "sslmode is none of disable, prefer, require, verify-ca, verify-full",
                ));
            }
        };
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let tls = if local { None } else { client_config(mode, parts.root.as_deref())? };
        config.ssl_mode(match (&tls, mode) {
            (None, _) | (_, Mode::Disable) => SslMode::Disable,
            (_, Mode::Prefer) => SslMode::Prefer,
            (_, Mode::Require | Mode::VerifyCa | Mode::VerifyFull) => SslMode::Require,
        });
        notice_the_dead(&mut config);
        Ok(Self { config, tls: tls.map(MakeRustlsConnect::new) })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// The text of the whole chain: diesel keeps no cause, and tokio-postgres names neither address nor password.
#[expect(clippy::needless_pass_by_value, reason = "it is a `map_err` function")]
fn refused(error: tokio_postgres::Error) -> ConnectionError {
    let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
    ConnectionError::BadConnection(format!("{error}{cause}"))
}

fn notice_the_dead(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_keepalives_idle() == LIBRARY_KEEPALIVE_IDLE {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNANSWERED);
    }
}

/// The TLS configuration of a mode; `None` where nothing is to be encrypted.
fn client_config(mode: Mode, root: Option<&str>) -> Result<Option<ClientConfig>, Error> {
    let config = match (mode, root) {
        (Mode::Disable, _) => return Ok(None),
        (Mode::Prefer, _) | (Mode::Require, None) => trust::anybody(),
        // As libpq does: an authority that is named is asked.
        (Mode::Require, Some(_)) | (Mode::VerifyCa, _) => trust::signed_by(Roots::load(root)?),
        (Mode::VerifyFull, _) => trust::signed_by_for_name(Roots::load(root)?),
    };
    config.map(Some)
}

/// A URL without the options that tokio-postgres does not know, and those options.
struct Parts {
    url: String,
    mode: Option<String>,
    root: Option<String>,
}

impl Parts {
    /// By hand: a Postgres URL may have no host, or many, which no parser of web addresses takes.
    fn split(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return None;
        }
        let (credentials, place) =
            rest.split_once('@').map_or((None, rest), |(credentials, place)| (Some(credentials), place));
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (mut mode, mut root, mut kept) = (None, None, Vec::new());
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", value)) => mode = Some(decoded(value)),
                Some(("sslrootcert", value)) => root = Some(decoded(value)),
                Some(_) | None => kept.push(option),
            }
        }
        let credentials = credentials.map_or_else(String::new, |credentials| format!("{credentials}@"));
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        Some(Self { url: format!("{scheme}://{credentials}{place}{query}"), mode, root })
    }
}

/// Percent-decoding; a plus is a plus in these URLs.
fn decoded(value: &str) -> String {
    let pair = format!("={}", value.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests;
