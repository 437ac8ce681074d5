use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body as AxumBody;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse as _, Sse, sse};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::*;
use crate::auth::{Caller, Permission, Verifier};
use crate::extract::{Body, RawBody};
use crate::routes::{Access, HOOK_BODY_LIMIT, Lane, LimitOptions, PageProblem, Terms};
use crate::testing::{call, get, request};

const SECRET: &str = "a secret for these tests alone";

fn token(permissions: &[&str]) -> String {
    let claims = json!({"sub": "u", "account_id": uuid::Uuid::nil(), "exp": crate::clock::now().timestamp() + 60,
        "permissions": permissions});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn guards(options: LimitOptions) -> Guards {
    Guards::new(Verifier::hs256(&SECRET.into()), Limits::new(options))
}

fn serve(routes: Routes) -> Router {
    App::new(routes, &guards(LimitOptions::default())).into_router()
}

fn signed_in(path: &str, permissions: &[&str]) -> Request<AxumBody> {
    let authorization = format!("Bearer {}", token(permissions));
    request("GET", path).header("authorization", authorization).body(AxumBody::empty()).unwrap()
}

fn with_session(method: &str, path: &str, permissions: &[&str]) -> axum::http::request::Builder {
    request(method, path).header("cookie", format!("crisp_session={}", token(permissions)))
}

fn of_every_access() -> Router {
    let whose = async |caller: Caller| caller.account.to_string();
    let manage = Permission::ManageIntegrations;
    serve(
        Routes::new()
            .get("/public", Access::Public, async || "public")
            .get("/signed-in", Access::SignedIn, whose)
            .get("/manage", Access::Permission(manage), whose)
            .get("/page", Access::PageSignedIn, whose)
            .post("/page", Access::Page(manage), whose)
            .get("/mistake", Access::Public, whose),
    )
}

fn code(body: &Value) -> &str {
    body["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_access_lets_in_whom_it_names_and_nobody_else() {
    let manage = ["integrations:manage"];
    for (request, status, expected) in [
        (get("/public"), 200, ""),
        (get("/signed-in"), 401, "unauthenticated"),
        (signed_in("/signed-in", &[]), 200, ""),
        (get("/manage"), 401, "unauthenticated"),
        (signed_in("/manage", &["conversations:read"]), 403, "permission_missing"),
        (signed_in("/manage", &manage), 200, ""),
        (signed_in("/page", &manage), 401, "unauthenticated"),
        (with_session("GET", "/page", &[]).body(AxumBody::empty()).unwrap(), 200, ""),
        (with_session("GET", "/manage", &manage).body(AxumBody::empty()).unwrap(), 401, "unauthenticated"),
        (with_session("POST", "/page", &[]).body(AxumBody::empty()).unwrap(), 403, "permission_missing"),
        (with_session("POST", "/page", &manage).body(AxumBody::empty()).unwrap(), 200, ""),
        (signed_in("/mistake", &manage), 401, "unauthenticated"),
    ] {
        let path = request.uri().clone();
        let (got, body) = call(of_every_access(), request).await;
        assert_eq!((got.as_u16(), code(&body)), (status, expected), "{path}");
    }
}

#[tokio::test]
async fn a_session_does_not_serve_pages_of_another_site() {
    let sent = with_session("POST", "/page", &["integrations:manage"]).header("sec-fetch-site", "cross-site");
    let (status, body) = call(of_every_access(), sent.body(AxumBody::empty()).unwrap()).await;
    assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "cross_origin"));
}

#[tokio::test]
async fn a_refused_page_shows_what_the_console_wants_shown() {
    let guards = guards(LimitOptions::default()).with_page_refusal(|page| {
        let who = page.caller.map_or("nobody", |caller| caller.subject.as_str());
        let told = format!("{} {} {who}", page.problem.code().as_str(), page.uri.path());
        (page.problem.status(), told).into_response()
    });
    let routes = Routes::new()
        .get("/page", Access::PageSignedIn, async || "")
        .get("/gone", Access::PageSignedIn, async || PageProblem(Problem::not_found()))
        .get("/open", Terms::from(Access::Public).in_lane(Lane::Pages), async || {
            PageProblem(Problem::not_found())
        });
    let served = App::new(routes, &guards).into_router();
    let html = |request: axum::http::request::Builder| {
        request.header("accept", "text/html,*/*").body(AxumBody::empty()).unwrap()
    };
    for (request, told) in [
        (get("/page"), "unauthenticated /page nobody"),
        (with_session("GET", "/gone", &[]).body(AxumBody::empty()).unwrap(), "not_found /gone u"),
        (get("/open"), "not_found /open nobody"),
        (html(with_session("GET", "/nowhere", &[])), "not_found /nowhere u"),
        (html(with_session("DELETE", "/page", &[])), "method_not_allowed /page u"),
    ] {
        let response = served.clone().oneshot(request).await.unwrap();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, told);
    }
    for program in [get("/nowhere"), html(request("GET", "/v1/nowhere"))] {
        let response = served.clone().oneshot(program).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let (status, body) = call(of_every_access(), get("/nowhere")).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "not_found"));
    let delete = request("DELETE", "/page").body(AxumBody::empty()).unwrap();
    let response = of_every_access().oneshot(delete).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD,POST");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let (status, body) = call(of_every_access(), get("/public?a=%00")).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "malformed_request"));
}

#[tokio::test]
async fn bodies_have_limits_whether_they_tell_their_length_or_not() {
    let hooks = Terms::from(Access::Public).in_lane(Lane::Hooks).with_body_limit(HOOK_BODY_LIMIT);
    let router = serve(
        Routes::new()
            .post("/v1", Access::Public, async |Body(_): Body<Value>| "")
            .post("/hooks", hooks, async |RawBody(bytes): RawBody| bytes.len().to_string())
            .post("/unread", Access::Public, async || ""),
    );
    let mebibyte = 1024 * 1024;
    let post = |path: &str, length: usize| {
        let body = format!("{{{}}}", " ".repeat(length - 2));
        request("POST", path).header("content-type", "application/json").body(AxumBody::from(body)).unwrap()
    };
    let announced = |path: &str, length: usize| {
        let mut request = post(path, length);
        request.headers_mut().insert("content-length", length.into());
        request
    };
    for (request, status) in [
        (post("/v1", 3), 200),
        (post("/v1", mebibyte + 1), 413),
        (announced("/v1", mebibyte + 1), 413),
        (announced("/unread", mebibyte + 1), 413),
        (post("/hooks", 4 * mebibyte), 200),
        (post("/hooks", 4 * mebibyte + 1), 413),
    ] {
        let path = request.uri().clone();
        assert_eq!(call(router.clone(), request).await.0.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_full_lane_sheds_and_the_others_and_health_go_on() {
    let (enter, mut entered) = mpsc::channel(1);
    let wait = async move || {
        enter.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let operations = Terms::from(Access::Public).in_lane(Lane::Operations);
    let routes = Routes::new()
        .get("/wait", Access::Public, wait)
        .get("/v1", Access::Public, async || "")
        .get("/page", Terms::from(Access::Public).in_lane(Lane::Pages), async || "")
        .get("/healthz", operations, async || "");
    let served = App::new(routes, &guards(LimitOptions { api: 1, ..LimitOptions::default() })).into_router();
    tokio::spawn(served.clone().oneshot(get("/wait")));
    entered.recv().await.unwrap();
    let shed = served.clone().oneshot(get("/v1")).await.unwrap();
    assert_eq!(
        (shed.status(), &shed.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    assert_eq!(call(served.clone(), get("/page")).await.0, 200);
    assert_eq!(call(served, get("/healthz")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_given_up_and_its_work_is_not() {
    let (done, mut is_done) = mpsc::channel(1);
    let slow = async move || {
        tokio::time::sleep(Duration::from_mins(1)).await;
        done.send(()).await.unwrap();
    };
    let guards = guards(LimitOptions::default());
    let router = App::new(Routes::new().get("/slow", Access::Public, slow), &guards).into_router();
    let (status, body) = call(router, get("/slow")).await;
    assert_eq!((status, code(&body)), (StatusCode::SERVICE_UNAVAILABLE, "timed_out"));
    is_done.recv().await.unwrap();
    guards.limits().until_idle().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_work_half_way() {
    let (done, mut is_done) = mpsc::channel(1);
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = std::sync::Arc::new(tokio::sync::Mutex::new(Some(wait)));
    let handler = async move || {
        let wait = wait.lock().await.take().unwrap();
        wait.await.unwrap();
        done.send(()).await.unwrap();
    };
    let router = serve(Routes::new().get("/work", Access::Public, handler));
    let mut answer = Box::pin(router.oneshot(get("/work")));
    assert!(futures::poll!(&mut answer).is_pending());
    tokio::task::yield_now().await;
    drop(answer);
    go.send(()).unwrap();
    is_done.recv().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_is_our_own_fault_and_nothing_else() {
    let router =
        serve(Routes::new().get("/panic", Access::Public, async || -> &'static str { panic!("canary") }));
    let (status, body) = call(router, get("/panic")).await;
    assert_eq!((status, code(&body)), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    assert!(!body.to_string().contains("canary"));
}

#[tokio::test]
async fn answers_make_browsers_careful_unless_they_say_otherwise_themselves() {
    let cached = async || ([(header::CACHE_CONTROL, "max-age=60")], "");
    let router = serve(Routes::new().get("/asset", Access::Public, cached));
    let headers = router.oneshot(get("/asset")).await.unwrap().headers().clone();
    assert_eq!(headers[header::CACHE_CONTROL], "max-age=60");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn long_answers_are_compressed_and_events_are_not() {
    let events = async || {
        Sse::new(futures::stream::iter([Ok::<_, Infallible>(sse::Event::default().data("x".repeat(500)))]))
    };
    let router = serve(Routes::new().get("/long", Access::Public, async || "x".repeat(10_000)).get(
        "/events",
        Access::Public,
        events,
    ));
    let sent = |path| request("GET", path).header("accept-encoding", "gzip").body(AxumBody::empty()).unwrap();
    let long = router.clone().oneshot(sent("/long")).await.unwrap();
    assert_eq!(long.headers()[header::CONTENT_ENCODING], "gzip");
    let events = router.oneshot(sent("/events")).await.unwrap();
    assert!(events.headers().get(header::CONTENT_ENCODING).is_none());
    assert!(events.into_body().into_data_stream().next().await.unwrap().unwrap().starts_with(b"data: x"));
}
