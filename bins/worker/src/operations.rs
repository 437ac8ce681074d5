//! Health and metrics of the worker, where somebody listens.

use std::sync::Arc;

use anyhow::Context as _;
use crisp_http::App;
use crisp_http::auth::Verifier;
use crisp_http::routes::{Guards, LimitOptions, Limits};
use crisp_http::server::{self, ServerOptions};
use crisp_settings::ListenAddress;
use crisp_settings::metrics::PrometheusHandle;
use crisp_storage::Database;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Monitoring connects here, and nobody else.
const CONNECTIONS: usize = 64;

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop` is cancelled.
pub(crate) async fn serve(
    database: Database,
    metrics: PrometheusHandle,
    address: &ListenAddress,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let render: crisp_http::operations::RenderMetrics = Arc::new(move || metrics.render());
    let routes = crisp_http::operations::routes::<()>(crisp_http::readiness(database), render);
    let app = App::new(routes, &Guards::new(Verifier::nobody(), Limits::new(LimitOptions::default())));
    let listener = TcpListener::bind(address.as_str())
        .await
        .with_context(|| format!("cannot listen on {address}, which WORKER_LISTEN says"))?;
    tracing::info!(listen = %listener.local_addr()?, "health and metrics");
    let options = ServerOptions { max_connections: CONNECTIONS, ..ServerOptions::default() };
    Ok(tokio::spawn(server::serve(app, listener, options, stop)))
}
