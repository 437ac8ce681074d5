use crisp_client::{ConversationsQuery, PeopleQuery, SessionId};
use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::setting::{client, website};

/// A Crisp whose answer depends on the page number at the end of the path.
async fn paged(answer: impl Fn(usize) -> (u16, Vec<Value>) + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        let page = request.url.path_segments().unwrap().next_back().unwrap().parse().unwrap();
        let (status, data) = answer(page);
        ResponseTemplate::new(status).set_body_json(json!({ "data": data }))
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

fn rows(key: &str, count: usize) -> Vec<Value> {
    (0..count).map(|row| json!({ key: format!("{row}") })).collect()
}

#[tokio::test]
async fn the_last_of_full_pages_costs_no_further_request() {
    let server = paged(|page| (if page < 3 { 206 } else { 200 }, rows("people_id", 50))).await;
    let pages: Vec<_> =
        client(&server.uri()).people(website(), PeopleQuery::default()).try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).sum::<usize>(), 150);
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_crisp_that_never_says_206_is_read_to_its_end() {
    let server = paged(|page| (200, rows("session_id", if page < 3 { 50 } else { 0 }))).await;
    let query = ConversationsQuery { page: 2, ..ConversationsQuery::default() };
    let pages: Vec<_> = client(&server.uri()).conversations(website(), query).try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [50, 0]);
}

#[tokio::test]
async fn a_crisp_that_gives_twenty_rows_and_never_says_206_is_read_to_its_end() {
    for (last, requests) in [(7, 3), (0, 3)] {
        let server = paged(move |page| (200, rows("people_id", if page < 3 { 20 } else { last }))).await;
        let stream = client(&server.uri()).people(website(), PeopleQuery::default());
        let pages: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(pages.iter().map(|page| page.records.len()).sum::<usize>(), 40 + last);
        assert_eq!(server.received_requests().await.unwrap().len(), requests);
    }
}

#[tokio::test]
async fn a_walk_ends_with_the_first_error() {
    let server = paged(|page| if page < 2 { (206, rows("people_id", 50)) } else { (403, Vec::new()) }).await;
    let stream = client(&server.uri()).people(website(), PeopleQuery::default());
    assert!(stream.try_collect::<Vec<_>>().await.is_err());
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

/// Whether a bound takes in the moment it names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Exclusive,
    Inclusive,
}

/// Messages 0..count of which three each share a millisecond, in batches of so many.
async fn conversation_of(count: i64, batch: usize, bound: Bound) -> MockServer {
    const NOON: i64 = 1_767_225_600_000;
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        let before = request.url.query_pairs().find(|(name, _)| name == "timestamp_before");
        let before: i64 = before.map_or(i64::MAX, |(_, value)| value.parse().unwrap());
        let time = |number: i64| NOON + number / 3;
        let within =
            |number: &i64| time(*number) < before || bound == Bound::Inclusive && time(*number) == before;
        let older: Vec<i64> = (0..count).filter(within).collect();
        let listed = older.iter().skip(older.len().saturating_sub(batch));
        let data: Vec<_> =
            listed.map(|number| json!({"fingerprint": number, "timestamp": time(*number)})).collect();
        ResponseTemplate::new(if older.len() > batch { 206 } else { 200 })
            .set_body_json(json!({ "data": data }))
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

#[tokio::test]
async fn no_message_is_lost_where_several_share_a_millisecond() {
    for (batch, bound) in
        [(4, Bound::Exclusive), (4, Bound::Inclusive), (3, Bound::Inclusive), (3, Bound::Exclusive)]
    {
        for count in [0, 1, 3, 4, 5, 11, 30] {
            let server = conversation_of(count, batch, bound).await;
            let stream = client(&server.uri()).messages_backwards(website(), SessionId::new("S"));
            let batches: Vec<_> = stream.try_collect().await.unwrap();
            let messages = batches.iter().flat_map(|batch| batch.records.iter().flatten());
            let mut seen: Vec<i64> = messages.map(|message| message.fingerprint.get()).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{count} in batches of {batch}, {bound:?}");
        }
    }
}

#[tokio::test]
async fn a_walk_that_gets_no_further_ends_and_does_not_say_that_it_is_whole() {
    let server = MockServer::start().await;
    let stuck = json!({"data": [{"fingerprint": 1, "timestamp": 1_767_225_600_000_i64}]});
    Mock::given(any()).respond_with(ResponseTemplate::new(206).set_body_json(stuck)).mount(&server).await;
    let stream = client(&server.uri()).messages_backwards(website(), SessionId::new("S"));
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(batches.len(), 4);
    assert!(batches.last().unwrap().more);
}
