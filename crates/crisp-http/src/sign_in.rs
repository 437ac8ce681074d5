//! A session in a browser: Custify's token, put into a cookie that no script can read.

use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::auth::{Unverified, bearer_token, session};
use crate::clock;
use crate::extract::RawBody;
use crate::problem::{Code, Problem};
use crate::routes::{Access, Lane, Routes, Terms};
use crate::state::AppState;

/// The longest session, whatever the token says; the token's own end, which is checked each time, comes earlier.
const LONGEST_SESSION: Duration = Duration::from_hours(12);
/// How long the form may take to arrive: it needs no token to hold a place.
const FORM_ARRIVES_WITHIN: Duration = Duration::from_secs(5);
/// The largest form in bytes: a token, in whatever spelling.
const FORM_LIMIT: usize = 64 * 1024;
/// Where a browser goes whose form held a token that is not accepted: the console says so there.
const REFUSED: &str = "/?sign_in=refused";

pub(crate) fn routes() -> Routes<AppState> {
    let terms = Terms::from(Access::Public).in_lane(Lane::Pages).with_body_limit(FORM_LIMIT);
    Routes::new().documented(terms, routes!(begin, end))
}

/// What the sign-in form of the console sends.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignInForm {
    /// Custify's token.
    token: String,
}

/// Begins a session: sets the cookie of the console for the bearer token, or for the `token` of a form.
#[utoipa::path(
    post, path = "/session", tag = "Session",
    request_body(content = Option<SignInForm>, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 204, description = "The cookie is set."),
        (status = 303, description = "A form was sent: the cookie is set and the browser goes to the console; or it is not, and the console says so."),
        (status = 401, description = "The bearer token is missing or not accepted."),
        (status = 403, description = "Sent by a page of another site."),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn begin(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    session::check_origin(request.method(), request.headers())?;
    if !is_form(request.headers()) {
        let token = bearer_token(request.headers()).ok_or(Unverified::Missing)?;
        return Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&state, token)?)]).into_response());
    }
    let (parts, body) = request.into_parts();
    let arriving = Request::from_parts(parts.clone(), body);
    let RawBody(body) = RawBody::within(FORM_ARRIVES_WITHIN, arriving, &state).await?;
    let form = Form::<SignInForm>::from_request(Request::from_parts(parts, body.into()), &()).await;
    let set = form.ok().and_then(|Form(form)| cookie(&state, form.token.trim()).ok());
    Ok(match set {
        Some(set) => ([(header::SET_COOKIE, set)], Redirect::to("/")).into_response(),
        None => Redirect::to(REFUSED).into_response(),
    })
}

/// Ends the session of this browser.
#[utoipa::path(
    delete, path = "/session", tag = "Session",
    responses(
        (status = 204, description = "The cookie is gone."),
        (status = 403, description = "Sent by a page of another site."),
    ),
)]
pub(crate) async fn end(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    session::check_origin(&Method::DELETE, &headers)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = session::end(state.transport()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

fn cookie(state: &AppState, token: &str) -> Result<HeaderValue, Problem> {
    state.verifier.verify(token, clock::now())?;
    session::begin(token, LONGEST_SESSION, state.transport())
        .ok_or_else(|| Problem::new(Code::MalformedRequest, "The token has characters that no token has."))
}
