//! Serving an [`App`] on a socket, for as long as it is wanted and whoever connects.
//!
//! HTTP/1.1 only: the service stands behind a proxy that speaks the rest, and every protocol that is not spoken
//! cannot be abused.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::app::App;

mod door;
mod leftover;
mod stall;

pub use door::connections_allowed;
use door::{Door, Seat};
use leftover::Leftover;
use stall::StallGuard;

/// Headers a request may have. Browsers send about twenty.
const MOST_HEADERS: usize = 64;
/// All headers together, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;
/// How often the number of connections is told, also where none comes or goes.
const REPORT_EVERY: Duration = Duration::from_secs(15);
/// After a failure to accept: time for others to close what they hold.
const AFTER_ACCEPT_FAILED: Duration = Duration::from_millis(100);

/// How connections are served.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Connections that are served at a time. A few more are accepted, for health checks alone.
    pub max_connections: usize,
    /// How long a connection may take to send the head of its next request, while there is room enough. Longer than
    /// the minute after which proxies drop a connection that they don't need.
    pub head_within: Duration,
    /// How long a client may take to read the next piece of an answer.
    pub stalled_after: Duration,
    /// How long answers may go on after the process was asked to stop (contract: it ends within 10 s).
    pub grace: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            head_within: Duration::from_secs(75),
            stalled_after: Duration::from_secs(30),
            grace: Duration::from_secs(8),
        }
    }
}

/// Marks requests of connections beyond the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowded;

/// Serves the app until `shutdown`, then lets answers that are under way finish, for as long as the grace allows.
pub async fn serve(app: App, listener: TcpListener, options: ServerOptions, shutdown: CancellationToken) {
    let limits = app.limits().clone();
    let connections = Connections::new(app, options);
    connections.accept_until(&shutdown, listener).await;
    let cut = connections.cut.clone();
    let finished = async {
        connections.graceful.shutdown().await;
        limits.until_idle().await;
    };
    if tokio::time::timeout(options.grace, finished).await.is_err() {
        tracing::warn!("some answers did not finish in time and were cut off");
    }
    cut.cancel();
}

struct Connections {
    router: Router,
    http: http1::Builder,
    options: ServerOptions,
    door: Arc<Door>,
    graceful: GracefulShutdown,
    /// Ends every connection at once.
    cut: CancellationToken,
}

impl Connections {
    fn new(app: App, options: ServerOptions) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_headers(MOST_HEADERS).max_buf_size(LONGEST_HEAD);
        Self {
            router: app.into_router(),
            http,
            options,
            door: Arc::new(Door::new(options)),
            graceful: GracefulShutdown::new(),
            cut: CancellationToken::new(),
        }
    }

    async fn accept_until(&self, shutdown: &CancellationToken, listener: TcpListener) {
        let mut report = tokio::time::interval(REPORT_EVERY);
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
                _ = report.tick() => {
                    self.door.report();
                    continue;
                }
            };
            match accepted {
                Ok((stream, _peer)) => self.begin(stream),
                Err(error) => wait_after(&error).await,
            }
        }
    }

    /// Serves the connection in a task of its own, or drops it when not even a health check has room.
    fn begin(&self, stream: TcpStream) {
        let Some(seat) = Arc::clone(&self.door).enter() else { return };
        // It only adds a delay where it cannot be set.
        let _ = stream.set_nodelay(true);
        let mut http = self.http.clone();
        http.header_read_timeout(seat.patience()).keep_alive(!seat.is_beyond_the_limit());
        let connection = Connection { stream, seat, router: self.router.clone(), http };
        let (watcher, cut, stalled_after) =
            (self.graceful.watcher(), self.cut.clone(), self.options.stalled_after);
        tokio::spawn(cut.run_until_cancelled_owned(connection.serve(watcher, stalled_after)));
    }
}

struct Connection {
    stream: TcpStream,
    seat: Seat,
    router: Router,
    http: http1::Builder,
}

impl Connection {
    async fn serve(self, watcher: Watcher, stalled_after: Duration) {
        let Self { stream, seat, router, http } = self;
        let crowded = seat.is_beyond_the_limit();
        let service = service_fn(move |request| answer(router.clone(), request, crowded));
        let io = TokioIo::new(StallGuard::new(stream, stalled_after));
        if let Err(error) = watcher.watch(http.serve_connection(io, service)).await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(seat);
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    crowded: bool,
) -> Result<axum::response::Response, Infallible> {
    let (head, body) = request.into_parts();
    let body = Body::new(Leftover::new(&head.headers, body));
    let mut request = Request::from_parts(head, body);
    if crowded {
        request.extensions_mut().insert(Crowded);
    }
    router.oneshot(request).await
}

/// Out of file descriptors, most likely. What is open goes on, and closing gives room again.
async fn wait_after(error: &io::Error) {
    let of_that_connection =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !of_that_connection {
        tracing::warn!(%error, "cannot accept connections for the moment");
        tokio::time::sleep(AFTER_ACCEPT_FAILED).await;
    }
}

#[cfg(test)]
mod tests;
