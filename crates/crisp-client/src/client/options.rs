//! What a client is built from.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::Error;

/// Where Crisp's REST API lives.
pub const DEFAULT_BASE_URL: &str = "https://api.crisp.chat/v1";

/// How the client introduces itself unless it is told otherwise.
pub const USER_AGENT: &str = concat!("custify-crisp/", env!("CARGO_PKG_VERSION"));

/// A plugin's token: an identifier and a key, sent as user name and password.
#[derive(Clone)]
pub struct Credentials {
    identifier: String,
    key: SecretString,
}

impl Credentials {
    /// Takes the token; blanks and line breaks around pasted values are dropped, Crisp would answer 401 for them.
    pub fn new(identifier: &str, key: &SecretString) -> Self {
        Self { identifier: identifier.trim().to_owned(), key: key.expose_secret().trim().into() }
    }

    pub(super) fn identifier(&self) -> &str {
        &self.identifier
    }

    pub(super) fn key(&self) -> &str {
        self.key.expose_secret()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What a client is built from; [`ClientOptions::new`] has values for all but two.
#[derive(Clone)]
pub struct ClientOptions {
    /// Where the API lives, version included; usually [`DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// The plugin's token.
    pub credentials: Credentials,
    /// Longest time of one attempt, from connecting to the last byte; 10 s, as Crisp's own clients have it.
    pub request_timeout: Duration,
    /// The `User-Agent`; [`USER_AGENT`].
    pub user_agent: String,
    /// Most attempts of one request, the first included; 4.
    pub max_attempts: u32,
    /// The wait before the second attempt, which doubles from there; half a second.
    pub first_wait: Duration,
    /// Longest answer, unpacked, in bytes; 16 MiB. A page of 50 profiles has some 100 KiB.
    pub max_body_bytes: usize,
}

impl ClientOptions {
    /// Options with the usual values.
    pub fn new(base_url: Url, credentials: Credentials) -> Self {
        Self {
            base_url,
            credentials,
            request_timeout: Duration::from_secs(10),
            user_agent: USER_AGENT.to_owned(),
            max_attempts: 4,
            first_wait: Duration::from_millis(500),
            max_body_bytes: 16 * 1024 * 1024,
        }
    }

    pub(super) fn checked(self) -> Result<Self, Error> {
        let wrong = |what| Err(Error::Setup { what, source: None });
        if !matches!(self.base_url.scheme(), "http" | "https") {
            return wrong("the base address must begin with http:// or https://");
        }
        if !self.base_url.username().is_empty() || self.base_url.password().is_some() {
            return wrong("the base address must not hold a user name or password");
        }
        if self.base_url.query().is_some() || self.base_url.fragment().is_some() {
            return wrong("the base address must end with its path");
        }
        Ok(self)
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the host: an address that was not checked yet may hold a password.
        f.debug_struct("ClientOptions")
            .field("host", &self.base_url.host_str())
            .field("request_timeout", &self.request_timeout)
            .field("max_attempts", &self.max_attempts)
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(base_url: &str) -> ClientOptions {
        ClientOptions::new(base_url.parse().unwrap(), Credentials::new("identifier", &"key".into()))
    }

    #[test]
    fn pasted_blanks_are_dropped() {
        let credentials = Credentials::new(" identifier\n", &"\tkey\r\n".into());
        assert_eq!((credentials.identifier(), credentials.key()), ("identifier", "key"));
    }

    #[test]
    fn only_a_plain_http_address_is_a_base() {
        assert!(options(DEFAULT_BASE_URL).checked().is_ok());
        for bad in
            ["ftp://crisp.example/", "data:x", "https://u:p@crisp.example/", "https://crisp.example/?a=1"]
        {
            assert!(options(bad).checked().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", options("https://user:password@crisp.example/"));
        assert!(
            !shown.contains("password") && !shown.contains("key") && !shown.contains("identifier"),
            "{shown}"
        );
    }
}
