//! What is asked for: a path and a query. There is no verb, since everything is a GET.

use std::fmt::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use url::Url;

use crate::error::Error;

/// One request, before it has an address.
pub(super) struct Request<'path> {
    /// The route's name for logs: its path without any id.
    pub(super) route: &'static str,
    segments: Vec<&'path str>,
    query: Vec<(&'static str, String)>,
}

impl<'path> Request<'path> {
    pub(super) fn new<const LENGTH: usize>(route: &'static str, segments: [&'path str; LENGTH]) -> Self {
        Self { route, segments: segments.to_vec(), query: Vec::new() }
    }

    /// Adds a query parameter, if there is a value.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Option<String>>) -> Self {
        self.query.extend(value.into().map(|value| (name, value)));
        self
    }

    /// The address. An id that cannot stand in a path cannot exist in Crisp, so nothing needs to be asked.
    pub(super) fn url(&self, base: &Url) -> Result<Url, Error> {
        let mut address = base.as_str().trim_end_matches('/').to_owned();
        for segment in &self.segments {
            if matches!(*segment, "" | "." | "..") {
                return Err(Error::NotFound);
            }
            address.push('/');
            push_encoded(&mut address, segment);
        }
        let Ok(mut url) = Url::parse(&address) else {
            return Err(Error::Setup { what: "the base address cannot be extended", source: None });
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A segment may be an email address.
        f.debug_struct("Request").field("route", &self.route).finish_non_exhaustive()
    }
}

/// ISO 8601 with milliseconds, as the date filters want it.
pub(super) fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Percent-encodes everything but RFC 3986's unreserved characters: Crisp wants `@` and `+` of an email encoded too.
fn push_encoded(address: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(segments: [&str; 2]) -> Result<String, Error> {
        let request = Request::new("test", segments).with("a", "x y:+".to_owned()).with("b", None);
        request.url(&"https://crisp.example/v1/".parse().unwrap()).map(String::from)
    }

    #[test]
    fn segments_are_encoded_as_a_whole() {
        assert_eq!(
            url(["profile", "ana+test/x?@northwind.example"]).unwrap(),
            "https://crisp.example/v1/profile/ana%2Btest%2Fx%3F%40northwind.example?a=x+y%3A%2B"
        );
        assert!(url(["%2e%2e", "é"]).unwrap().starts_with("https://crisp.example/v1/%252e%252e/%C3%A9?"));
    }

    #[test]
    fn an_id_that_cannot_stand_in_a_path_is_not_found() {
        for id in ["", ".", ".."] {
            assert!(matches!(url(["profile", id]), Err(Error::NotFound)), "{id}");
        }
    }

    #[test]
    fn dates_have_milliseconds() {
        let time = DateTime::from_timestamp_millis(1_767_225_604_990).unwrap();
        assert_eq!(iso(time), "2026-01-01T00:00:04.990Z");
    }
}
