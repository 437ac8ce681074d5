//! The token of a browser: the same token, in a cookie that no script can read.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, header};

use crate::problem::{Code, Problem};

/// The name of the cookie.
pub const COOKIE: &str = "crisp_session";

/// Whether browsers send the cookie over https only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over https only: whenever the public address is https.
    Https,
    /// Over http too: on a developer's machine.
    Http,
}

/// The `Set-Cookie` that begins a session; `None` if the token has characters that no token has.
pub fn begin(token: &str, lifetime: Duration, transport: Transport) -> Option<HeaderValue> {
    let of_a_token = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    token.chars().all(of_a_token).then(|| cookie(token, lifetime.as_secs(), transport))?
}

/// The `Set-Cookie` that ends a session.
pub fn end(transport: Transport) -> Option<HeaderValue> {
    cookie("", 0, transport)
}

/// `SameSite=Lax` and not `Strict`: the browser comes back from Crisp's install page by a link, and is to be known then.
fn cookie(value: &str, seconds: u64, transport: Transport) -> Option<HeaderValue> {
    let secure = match transport {
        Transport::Https => "; Secure",
        Transport::Http => "",
    };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The token in the cookie.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value)
}

/// Refuses what changes something and was sent by a page of another origin: a cookie goes along with such a request,
/// its sender's consent does not.
pub fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || is_same_origin(headers) {
        return Ok(());
    }
    Err(Problem::new(
        Code::CrossOrigin,
        "This was sent by a page of another site; do it from the console itself.",
    ))
}

/// Browsers say where a request comes from, in `Sec-Fetch-Site` or at least `Origin`; what says neither is no browser.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin_host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin_host.is_some() && origin_host == text("host")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let parsed = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), HeaderValue::from_static(value))
        };
        pairs.iter().map(parsed).collect()
    }

    #[test]
    fn a_cookie_that_was_set_is_found_again() {
        let set = begin("a.b-c_d", Duration::from_mins(1), Transport::Https).unwrap();
        assert_eq!(set, "crisp_session=a.b-c_d; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(token(&headers(&[("cookie", "theme=dark; crisp_session=a.b-c_d")])), Some("a.b-c_d"));
        assert_eq!(token(&headers(&[("cookie", "xcrisp_session=a; crisp_session=")])), None);
    }

    #[test]
    fn a_token_cannot_smuggle_attributes_into_the_cookie() {
        assert_eq!(begin("a; Domain=evil.example", Duration::from_mins(1), Transport::Http), None);
        assert_eq!(begin("a\r\nb", Duration::from_mins(1), Transport::Http), None);
        assert_eq!(
            end(Transport::Http).unwrap(),
            "crisp_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        let host = ("host", "crisp.example");
        for (sent, good) in [
            (headers(&[host]), true),
            (headers(&[host, ("sec-fetch-site", "same-origin")]), true),
            (headers(&[host, ("sec-fetch-site", "same-site")]), false),
            (headers(&[host, ("sec-fetch-site", "cross-site")]), false),
            (headers(&[host, ("origin", "https://crisp.example")]), true),
            (headers(&[host, ("origin", "https://evil.example")]), false),
            (headers(&[host, ("origin", "null")]), false),
        ] {
            assert_eq!(check_origin(&Method::POST, &sent).is_ok(), good, "{sent:?}");
            assert!(check_origin(&Method::GET, &sent).is_ok());
        }
    }
}
