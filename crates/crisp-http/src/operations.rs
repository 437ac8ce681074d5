//! What keeps a process running: health, readiness, metrics.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;

use crate::problem::{Code, Problem};
use crate::routes::{Access, Lane, Routes, Terms};

/// Tells whether a process can do its work, and in a sentence why not.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;
/// Writes the metrics of a process in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// `GET /healthz`, `GET /readyz` and `GET /metrics`, for any process. They are answered however busy it is.
///
/// ```
/// use std::sync::Arc;
/// use crisp_http::operations;
///
/// let ready: operations::Readiness = Arc::new(|| Box::pin(async { Err("the database is away".to_owned()) }));
/// let metrics: operations::RenderMetrics = Arc::new(|| String::new());
/// let routes = operations::routes::<()>(ready, metrics);
/// assert_eq!(routes.table().len(), 3);
/// ```
pub fn routes<S: Clone + Send + Sync + 'static>(ready: Readiness, metrics: RenderMetrics) -> Routes<S> {
    let terms = Terms::from(Access::Public).in_lane(Lane::Operations);
    Routes::new()
        .get("/healthz", terms, async || "alive")
        .get("/readyz", terms, move || readyz(Arc::clone(&ready)))
        .get("/metrics", terms, async move || render(&metrics))
}

async fn readyz(ready: Readiness) -> Response {
    match ready().await {
        Ok(()) => "ready".into_response(),
        Err(why) => Problem::new(Code::Unavailable, why).into_response(),
    }
}

fn render(metrics: &RenderMetrics) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::auth::Verifier;
    use crate::routes::{Guards, LimitOptions, Limits};
    use crate::testing::{call, get};

    #[tokio::test]
    async fn a_process_tells_how_it_is_and_why_it_is_not_ready() {
        let ready: Readiness = Arc::new(|| Box::pin(async { Err("the database is away".to_owned()) }));
        let routes = routes(ready, Arc::new(|| "http_connections 1".to_owned())).with_document().unwrap();
        let guards = Guards::new(Verifier::nobody(), Limits::new(LimitOptions::default()));
        let served = App::new(routes, &guards).into_router();
        assert_eq!(call(served.clone(), get("/healthz")).await.0, 200);
        assert_eq!(call(served.clone(), get("/metrics")).await.0, 200);
        let (status, body) = call(served.clone(), get("/readyz")).await;
        assert_eq!((status.as_u16(), body["detail"].as_str()), (503, Some("the database is away")));
        let (status, document) = call(served, get("/openapi.json")).await;
        assert_eq!((status.as_u16(), document["openapi"].as_str()), (200, Some("3.1.0")));
    }
}
