//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// A host and a port to listen on, such as `127.0.0.1:8080`, `[::]:8080` or `localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// The address as `host:port`, which is what `TcpListener::bind` takes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for ListenAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if text.parse::<SocketAddr>().is_ok() || is_name_and_port(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAddress)
        }
    }
}

/// The text is not `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAddress;

fn is_name_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let named = host.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-'));
    named && !host.is_empty() && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_and_names_with_a_port_and_nothing_else() {
        for good in ["127.0.0.1:8080", "[::]:80", "localhost:0", "api.internal:65535"] {
            assert_eq!(good.parse::<ListenAddress>().unwrap().as_str(), good);
        }
        for bad in ["", ":8080", "8080", "localhost", "localhost:65536", "http://localhost:80", "::1:80"] {
            assert_eq!(bad.parse::<ListenAddress>(), Err(NotAnAddress), "{bad}");
        }
    }
}
