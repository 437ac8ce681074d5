//! Where Crisp sends the browser after an installation.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_sync::connect::{self, Visitor};
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::{Caller, session};
use crate::clock;
use crate::extract::Query;
use crate::problem::{Code, Problem};
use crate::routes::PageProblem;
use crate::state::AppState;

/// What Crisp adds to the callback address.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Installed {
    /// The payload of the install link, as it was.
    payload: String,
    /// The website that the plugin was installed on.
    website_id: String,
    /// What only an installer gets from Crisp.
    #[param(value_type = String)]
    token: SecretString,
}

/// Completes an installation and sends the browser on to the settings page of the integration.
#[utoipa::path(
    get, path = "/crisp/callback", tag = "Crisp", params(Installed),
    responses(
        (status = 303, description = "Connected: on to the settings page."),
        (status = 400, description = "Something is missing in the address.", body = String, content_type = "text/html"),
        (status = 403, description = "The link was used or has expired, or the token is not that of the website.", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such integration.", body = String, content_type = "text/html"),
        (status = 409, description = "The website cannot be connected to this integration.", body = String, content_type = "text/html"),
        (status = 422, description = "That is no website id.", body = String, content_type = "text/html"),
        (status = 429, description = "The account has asked Crisp for as much as one account may for now.", body = String, content_type = "text/html"),
        (status = 503, description = "Crisp or our database is away.", body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn complete(
    State(state): State<AppState>,
    method: Method,
    headers: HeaderMap,
    installed: Result<Query<Installed>, Problem>,
) -> Response {
    if method == Method::HEAD {
        // Whoever only looks where a link leads must not use it up.
        return StatusCode::OK.into_response();
    }
    let Ok(Query(installed)) = installed else {
        let incomplete =
            "Something is missing in this address: go back to the integration, and install from there.";
        return PageProblem(Problem::new(Code::MalformedRequest, incomplete)).into_response();
    };
    match connected(&state, &headers, &installed).await {
        Ok(settings_page) => Redirect::to(&settings_page).into_response(),
        Err(problem) => PageProblem(problem).into_response(),
    }
}

async fn connected(state: &AppState, headers: &HeaderMap, installed: &Installed) -> Result<String, Problem> {
    let session = session(state, headers);
    let visitor = session.as_ref().map(|caller| Visitor { account: caller.account, user: &caller.subject });
    let Installed { payload, website_id, token } = installed;
    let row = connect::callback(&state.engine, payload, website_id, token, visitor).await?;
    Ok(format!("{}/integrations/{}", state.public_url.as_str().trim_end_matches('/'), row.id))
}

/// Who sits at the browser, where a session tells.
fn session(state: &AppState, headers: &HeaderMap) -> Option<Caller> {
    state.verifier.verify(session::token(headers)?, clock::now()).ok()
}
