//! The server, from its parts.

use std::sync::Arc;

use crisp_http::auth::Verifier;
use crisp_http::routes::{Guards, LimitOptions, Limits};
use crisp_http::server::{ServerOptions, connections_allowed};
use crisp_http::{App, AppState, Http};
use crisp_settings::metrics::PrometheusHandle;
use crisp_settings::{AuthSettings, Refused};
use crisp_sync::Engine;
use crisp_sync::hooks::HookIntake;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

/// What the server is put together from.
#[derive(Debug)]
pub struct Parts {
    /// The use cases' common ground.
    pub engine: Engine,
    /// Takes web hooks, where their signing secret is known.
    pub hooks: Option<HookIntake>,
    /// Verifies tokens.
    pub verifier: Verifier,
    /// How browsers and Crisp reach the server.
    pub public_url: Url,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// Serves until `stop` is cancelled, and then what is under way, for as long as the contract gives.
pub async fn serve(parts: Parts, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let app = app(parts, stop.clone())?;
    let usual = ServerOptions::default();
    let options = ServerOptions { max_connections: connections_allowed(usual.max_connections), ..usual };
    crisp_http::server::serve(app, listener, options, stop).await;
    Ok(())
}

/// What verifies tokens, by these settings.
pub fn verifier(settings: &AuthSettings) -> Result<Verifier, Refused> {
    match settings {
        AuthSettings::Hs256(secret) => Ok(Verifier::hs256(secret)),
        AuthSettings::JwksFile(path) => {
            Verifier::jwks_file(path).map_err(|error| AuthSettings::refuse_keys(&error))
        }
    }
}

fn app(parts: Parts, shutdown: CancellationToken) -> anyhow::Result<App> {
    let Parts { engine, hooks, verifier, public_url, metrics } = parts;
    let guards = Guards::new(verifier.clone(), Limits::new(LimitOptions::default()));
    let guards = guards.with_page_refusal(crisp_console::page_refusal);
    let state = AppState::new(Http { engine, hooks, verifier, public_url, shutdown });
    let routes = crisp_http::api(&state, Arc::new(move || metrics.render()));
    let routes = routes.merge(crisp_console::routes().with_state(&state));
    Ok(App::new(routes.with_document()?, &guards))
}
