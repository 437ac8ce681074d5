//! The way in and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_http::auth::session::{self, Transport};
use crisp_http::auth::{Caller, Permission};
use crisp_http::routes::RefusedPage;
use crisp_http::{AppState, Query};
use serde::Deserialize;

use crate::input::Of;
use crate::page::{Shell, page, page_with};

/// Where somebody wanted to go before they were asked to sign in; for a few minutes.
const NEXT: &str = "crisp_next";
/// How long that is remembered, in seconds.
const NEXT_LIVES: u32 = 600;
/// Tells htmx to load the whole page anew.
const REFRESH: HeaderName = HeaderName::from_static("hx-refresh");

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    refused: bool,
    /// There was a session, and it is over.
    ended: bool,
}

#[derive(Template)]
#[template(path = "no_permission.html")]
struct NoPermissionPage {
    shell: Shell,
}

/// What `POST /session` adds to the address when it refuses a token.
#[derive(Debug, Deserialize)]
pub(crate) struct Arrival {
    sign_in: Option<String>,
}

/// The first page: to sign in, or on to where one may go.
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    Of(Query(arrival)): Of<Query<Arrival>>,
) -> Response {
    let caller =
        session::token(&headers).and_then(|token| state.verifier.verify(token, crisp_http::now()).ok());
    match caller {
        Some(caller) => onwards(&caller, &headers),
        None => page(&SignInPage {
            shell: Shell::stranger("Sign in"),
            refused: arrival.sign_in.is_some(),
            ended: arrival.sign_in.is_none() && session::token(&headers).is_some(),
        }),
    }
}

fn onwards(caller: &Caller, headers: &HeaderMap) -> Response {
    if let Some(next) = next(headers) {
        return ([(header::SET_COOKIE, remember("", 0))], Redirect::to(&next)).into_response();
    }
    if caller.may(Permission::ManageIntegrations) {
        Redirect::to("/integrations").into_response()
    } else if caller.may(Permission::ReadConversations) {
        Redirect::to("/contacts").into_response()
    } else {
        page(&NoPermissionPage { shell: Shell::of(caller, crate::page::Section::Nowhere, "No permission") })
    }
}

/// Ends the session of this browser.
pub(crate) async fn sign_out(State(state): State<AppState>) -> Response {
    let mut response = Redirect::to("/").into_response();
    let transport: Transport = state.transport();
    if let Some(cookie) = session::end(transport) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The sign-in page in place of another one, which is remembered.
///
/// A part of a page is no place to sign in: the whole page is loaded anew, and then that one asks.
pub(crate) fn sign_in_first(refused: RefusedPage<'_>) -> Response {
    let headers = refused.headers;
    let ended = session::token(headers).is_some();
    let form = SignInPage { shell: Shell::stranger("Sign in"), refused: false, ended };
    let mut response = page_with(StatusCode::UNAUTHORIZED, &form);
    if is_of_htmx(headers) {
        response.headers_mut().insert(REFRESH, HeaderValue::from_static("true"));
    } else if let Some(path) = page_wanted(&refused) {
        response.headers_mut().insert(header::SET_COOKIE, remember(&path, NEXT_LIVES));
    }
    response
}

fn is_of_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// The page that somebody wanted to see; of a form that was sent, the page that it stands on.
fn page_wanted(refused: &RefusedPage<'_>) -> Option<String> {
    let text = |name: &str| refused.headers.get(name).and_then(|value| value.to_str().ok());
    let navigates = text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
        && text("accept").is_none_or(|accepted| accepted.contains("text/html"));
    if !navigates {
        return None;
    }
    if refused.method == Method::GET {
        return Some(refused.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned());
    }
    let form = text("referer")?.parse::<Uri>().ok()?;
    let is_ours = form.authority().map(axum::http::uri::Authority::as_str) == text("host");
    is_ours.then(|| form.path_and_query().map_or("/", |path| path.as_str()).to_owned())
}

fn remember(path: &str, seconds: u32) -> HeaderValue {
    let value: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let cookie = format!("{NEXT}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}

/// A page of ours, and of nobody else's: `//example.com` is an address elsewhere.
fn next(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NEXT)?;
    let (path, _) = url::form_urlencoded::parse(value.as_bytes()).next()?;
    let pages = ["/integrations", "/contacts", "/companies", "/conversations/", "/syncs/"];
    let is_ours = pages.iter().any(|page| path.starts_with(page)) && !path.contains(['\r', '\n', '\\']);
    is_ours.then(|| path.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(path: &str) -> Option<String> {
        let cookie = remember(path, 1).to_str().unwrap().split(';').next().unwrap().to_owned();
        next(&HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]))
    }

    #[test]
    fn whoever_signs_in_goes_on_to_our_pages_only() {
        assert_eq!(remembered("/contacts?search=a b&x=1"), Some("/contacts?search=a b&x=1".to_owned()));
        for elsewhere in ["//evil.example", "https://evil.example", "/", "/assets/x", ""] {
            assert_eq!(remembered(elsewhere), None, "{elsewhere}");
        }
    }
}
