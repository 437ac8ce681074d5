//! The HTTP side: accepts, lets each request through the gates in Crisp's order, answers, logs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use base64::Engine;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::answers::{Answer, Asked};
use super::behaviour::Behaviour;
use super::faults::Fault;
use super::install;
use super::log::Logged;
use super::plugin::Plugin;
use super::route::{Kind, Route};
use super::shared::Shared;

mod faulty;

/// Marks an answer that is never sent: the connection closes instead.
#[derive(Debug, Clone, Copy)]
struct Unsent;

/// Accepts until the token is cancelled.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let router = install::routes().fallback(api).with_state(shared).layer(faulty::compression());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(stop.clone().run_until_cancelled_owned(connection(stream, router.clone())));
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move { sent(router.oneshot(request).await) }
    });
    // A client that goes away in the middle is none of Crisp's business.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn sent(answered: Result<Response, std::convert::Infallible>) -> io::Result<Response> {
    let Ok(response) = answered;
    if response.extensions().get::<Unsent>().is_some() {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    Ok(response)
}

async fn api(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let behaviour = shared.behaviour();
    let path = request.uri().path().strip_prefix("/v1/").unwrap_or_default();
    let mut route = Route::parse(path, request.uri().query().unwrap_or_default());
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        route.kind = Kind::Write;
    }
    route.query.retain(|name, _| !behaviour.ignored_params.contains(name));
    let gated = gate(&shared, &behaviour, &route, request.headers());
    let (answer, fault) = match gated {
        Ok(fault) => (ask(&shared, &behaviour, &route), fault),
        Err(refusal) => (refusal, None),
    };
    shared.log.record(logged(&shared, route, &answer, fault.as_ref()));
    let latency = shared.latency(&behaviour);
    if latency > Duration::ZERO {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(fault) => faulty::response(&shared, answer, fault).await,
        None => faulty::squeezed(response(&answer), behaviour.gzip),
    }
}

/// Refuses, or lets the request through, perhaps into a fault.
fn gate(
    shared: &Shared,
    behaviour: &Behaviour,
    route: &Route,
    headers: &HeaderMap,
) -> Result<Option<Fault>, Answer> {
    if route.kind == Kind::Write {
        return Err(Answer::refused(405, "method_not_allowed"));
    }
    if !authentic(&shared.plugin(), headers) {
        return Err(Answer::refused(401, "invalid_session"));
    }
    if let Some(quota) = &behaviour.quota
        && !shared.admits(quota)
    {
        return Err(faulty::limited(shared, quota.status, quota.retry_after));
    }
    let fault = shared.fault(behaviour, route);
    match route.kind.scope() {
        Some(scope) if fault.is_none() && behaviour.missing_scopes.contains(scope) => {
            Err(Answer::refused(403, "not_allowed"))
        }
        _ => Ok(fault),
    }
}

fn authentic(plugin: &Plugin, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let pair = format!("{}:{}", plugin.identifier, plugin.key);
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    text("authorization") == Some(expected.as_str()) && text("x-crisp-tier") == Some("plugin")
}

fn ask(shared: &Shared, behaviour: &Behaviour, route: &Route) -> Answer {
    let plugin = shared.plugin();
    let now = shared.clock.now_ms();
    Asked { route, websites: &shared.websites, plugin: &plugin, behaviour, now }.answer()
}

fn logged(shared: &Shared, route: Route, answer: &Answer, fault: Option<&Fault>) -> Logged {
    Logged {
        at_ms: shared.clock.elapsed_ms(),
        kind: route.kind,
        website: route.website_id(),
        object: route.object,
        detail: route.detail,
        status: fault.map_or(answer.status, |fault| faulty::status(fault, answer)),
        faulty: fault.is_some(),
    }
}

fn response(answer: &Answer) -> Response {
    let mut response = Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header("Bloom-Status", "MISS");
    if let Some(retry_after) = &answer.retry_after {
        response = response.header(header::RETRY_AFTER, retry_after);
    }
    response.body(Body::from(answer.body())).unwrap_or_default()
}
