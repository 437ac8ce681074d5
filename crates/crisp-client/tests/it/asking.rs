use std::error::Error as _;
use std::sync::atomic::Ordering;

use chrono::DateTime;
use crisp_client::conversations::Order;
use crisp_client::messages::Selector;
use crisp_client::people::{Direction, PeopleSort};
use crisp_client::{Client, ClientOptions, ConversationsQuery, Error, PeopleQuery, SessionId};
use wiremock::matchers::{any, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::setting::{IDENTIFIER, KEY, answering, client, json, keeping_alive, options, website};

async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// Path and query of the one request, without the website's part.
async fn asked(server: &MockServer) -> String {
    let url = only_request(server).await.url;
    let path = url.path().replace(&format!("/v1/website/{}", website()), "");
    url.query().map_or(path.clone(), |query| format!("{path}?{query}"))
}

async fn empty_list() -> (MockServer, Client) {
    let server = answering(json(200, r#"{"data":[]}"#)).await;
    let client = client(&format!("{}/v1/", server.uri()));
    (server, client)
}

#[tokio::test]
async fn headers_say_who_asks_in_which_tier() {
    let (server, client) = empty_list().await;
    client.people_page(website(), &PeopleQuery::default()).await.unwrap();
    let request = only_request(&server).await;
    let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(request.method.as_str(), "GET");
    assert_eq!(header("x-crisp-tier").as_deref(), Some("plugin"));
    assert_eq!(header("user-agent"), Some(format!("custify-crisp/{}", env!("CARGO_PKG_VERSION"))));
    assert_eq!(header("accept").as_deref(), Some("application/json"));
    assert_eq!(header("accept-encoding").as_deref(), Some("gzip"));
    assert!(header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(header("referer"), None);
}

#[tokio::test]
async fn lists_are_asked_for_with_their_whole_query() {
    let start = DateTime::from_timestamp_millis(1_767_225_604_990);
    let (server, client) = empty_list().await;
    let sort = Some((PeopleSort::UpdatedAt, Direction::Descending));
    let query = PeopleQuery { page: 3, per_page: 255, sort, created_from: start, ..PeopleQuery::default() };
    client.people_page(website(), &query).await.unwrap();
    assert_eq!(
        asked(&server).await,
        "/people/profiles/3?per_page=50&sort_field=updated_at&sort_order=descending&filter_date_start=2026-01-01T00%3A00%3A04.990Z"
    );

    let (server, client) = empty_list().await;
    let query = ConversationsQuery { page: 2, per_page: 0, date_end: start, ..ConversationsQuery::default() };
    client.conversations_page(website(), &query).await.unwrap();
    assert_eq!(
        asked(&server).await,
        "/conversations/2?per_page=20&order_date_updated=1&filter_date_end=2026-01-01T00%3A00%3A04.990Z&filter_inbox_id=all"
    );

    let (server, client) = empty_list().await;
    let query =
        ConversationsQuery { order: Order::Waiting, include_empty: true, ..ConversationsQuery::default() };
    client.conversations_page(website(), &query).await.unwrap();
    assert_eq!(
        asked(&server).await,
        "/conversations/1?per_page=50&order_date_waiting=1&include_empty=1&filter_inbox_id=all"
    );
}

#[tokio::test]
async fn messages_are_asked_for_with_one_selector() {
    for (selector, query) in [
        (Selector::Latest, ""),
        (Selector::Before(31), "?timestamp_before=31"),
        (Selector::After(-1), "?timestamp_after=-1"),
    ] {
        let (server, client) = empty_list().await;
        client.messages(website(), &SessionId::new("session_1"), selector).await.unwrap();
        assert_eq!(asked(&server).await, format!("/conversation/session_1/messages{query}"));
    }
}

#[tokio::test]
async fn an_email_in_the_path_is_encoded() {
    let server = answering(json(200, r#"{"data":{"people_id":"P"}}"#)).await;
    let client = client(&format!("{}/v1", server.uri()));
    client.profile(website(), "ana+crisp/x@northwind.example").await.unwrap();
    assert_eq!(asked(&server).await, "/people/profile/ana%2Bcrisp%2Fx%40northwind.example");
}

#[tokio::test]
async fn an_id_that_cannot_be_in_a_path_costs_no_request() {
    let (server, client) = empty_list().await;
    assert!(matches!(client.profile(website(), "..").await, Err(Error::NotFound)));
    assert!(matches!(client.conversation(website(), &SessionId::new("")).await, Err(Error::NotFound)));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn inboxes_that_crisp_does_not_know_cost_one_request_once() {
    let server = MockServer::start().await;
    let refusal = json(400, r#"{"error":true,"reason":"invalid_data","data":{}}"#);
    Mock::given(query_param("filter_inbox_id", "all")).respond_with(refusal).mount(&server).await;
    let list = json(200, r#"{"data":[{"session_id":"S"}]}"#);
    Mock::given(query_param_is_missing("filter_inbox_id")).respond_with(list).mount(&server).await;
    let client = client(&server.uri());
    let clone = client.clone();
    for reader in [&client, &clone, &client] {
        let page = reader.conversations_page(website(), &ConversationsQuery::default()).await.unwrap();
        assert_eq!(page.records.len(), 1);
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
    let another = "5f0c7c1e-2d9b-4a61-9f0e-8f1f7d3b2a10".parse().unwrap();
    client.conversations_page(another, &ConversationsQuery::default()).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 6, "another website is asked with its inboxes first");
}

#[tokio::test]
async fn a_request_that_is_wrong_anyhow_does_not_blame_the_inboxes() {
    let server = answering(json(400, "{}")).await;
    let client = client(&server.uri());
    for _ in 0..2 {
        let refused = client.conversations_page(website(), &ConversationsQuery::default()).await;
        assert!(matches!(refused, Err(Error::Rejected { status: 400, .. })));
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}";
    let (base_url, connections) = keeping_alive(answer).await;
    let client = client(&base_url);
    for _ in 0..5 {
        client.people_page(website(), &PeopleQuery::default()).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn neither_credentials_nor_people_show_in_debug_or_errors() {
    let secrets = [KEY, IDENTIFIER, "N2MzZWYyMWMt", "ana"];
    let email = "ana@northwind.example";
    let hostile = format!(r#"{{"error":true,"reason":"no {email}","data":{{"message":"{email}"}}}}"#);
    let mut shown =
        vec![format!("{:?}", client("http://127.0.0.1:1")), format!("{:#?}", options("http://127.0.0.1:1"))];
    let mut errors = vec![client("http://127.0.0.1:1").profile(website(), email).await.unwrap_err()];
    for status in [200, 400, 401, 403, 404, 422, 429, 500] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(hostile.clone());
        Mock::given(any()).respond_with(answer).mount(&server).await;
        errors.push(client(&server.uri()).profile(website(), email).await.unwrap_err());
    }
    for error in &errors {
        shown.push(format!("{error:?}"));
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            shown.push(error.to_string());
            cause = error.source();
        }
    }
    assert!(errors[0].source().is_some());
    for text in shown {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[test]
fn a_base_address_that_could_leak_is_refused() {
    let error = Client::new(ClientOptions { ..options("https://user:password@crisp.example/") }).unwrap_err();
    assert!(matches!(error, Error::Setup { .. }));
    assert!(!format!("{error:?}").contains("password@"));
}
