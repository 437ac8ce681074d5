use std::io::Write;
use std::time::{Duration, Instant};

use crisp_client::messages::Selector;
use crisp_client::{Client, ClientOptions, Error, Outage, PeopleQuery, Profile, Record, Remedy, SessionId};
use flate2::Compression;
use flate2::write::GzEncoder;
use wiremock::ResponseTemplate;

use crate::setting::{answering, client, json, options, people, website, writing};

fn ids(records: &[Record<Profile>]) -> Vec<&str> {
    records.iter().flatten().map(|profile| profile.people_id.as_str()).collect()
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn odd_fields_and_odd_records_leave_the_page_whole() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let body = format!(
        r#"{{"error":false,"reason":7,"data":[{{"people_id":"A","email":{{}},"active":3}},{{"people_id":"B","x":1e400}},
           {{"people_id":"C","x":{deep}}},null,{{"people_id":"D","person":{{"nickname":"\ud83d!"}}}}]}}"#
    );
    let page = people(json(206, body)).await.unwrap();
    assert!(page.more);
    assert_eq!(ids(&page.records), ["A", "B", "C", "D"]);
    assert_eq!(page.records[4].as_ref().unwrap().nickname.as_deref(), Some("\u{fffd}!"));
    let lost: Vec<_> = page.damaged.iter().map(|odd| odd.identity.as_deref()).collect();
    assert_eq!(lost, [Some("B"), Some("C")]);
    assert_eq!(page.damaged[0].to_string(), "a record could not be read at x: a number out of range");
    assert_eq!(page.records[3].as_ref().unwrap_err().identity, None);
}

#[tokio::test]
async fn invalid_utf_8_is_replaced() {
    let body = b"{\"data\":[{\"people_id\":\"A\",\"person\":{\"nickname\":\"An\xff\"}}]}";
    let page = people(json(200, body.as_slice())).await.unwrap();
    assert!(!page.more);
    assert_eq!(page.records[0].as_ref().unwrap().nickname.as_deref(), Some("An\u{fffd}"));
}

#[tokio::test]
async fn a_list_that_is_none_is_never_an_empty_page() {
    for body in [r#"{"data":{}}"#, r#"{"data":null}"#, r#"{"error":false}"#, "null", "<html>hello</html>"] {
        let error = people(json(200, body)).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{body}: {error:?}");
        assert_eq!(error.remedy(), Remedy::Report);
    }
}

#[tokio::test]
async fn a_single_object_loses_what_cannot_be_held_and_nothing_else() {
    let body = r#"{"data":{"session_id":"S","state":"resolved","meta":{"data":{"n":1e400}}}}"#;
    let server = answering(json(200, body)).await;
    let read = client(&server.uri()).conversation(website(), &SessionId::new("S")).await.unwrap();
    assert_eq!(read.state, Some(crisp_client::State::Resolved));
    let server = answering(json(200, r#"{"data":{"session_id":[]}}"#)).await;
    let error = client(&server.uri()).conversation(website(), &SessionId::new("S")).await.unwrap_err();
    assert_eq!(error.to_string(), "Crisp's answer cannot be read at data.session_id: missing or not an id");
}

#[tokio::test]
async fn every_class_of_status_has_its_error() {
    for (status, remedy) in [
        (204, Remedy::Report),
        (304, Remedy::Report),
        (400, Remedy::Report),
        (401, Remedy::ReplaceCredential),
        (402, Remedy::GrantAccess),
        (403, Remedy::GrantAccess),
        (404, Remedy::TreatAsAbsent),
        (405, Remedy::Report),
        (420, Remedy::WaitForQuota(None)),
        (422, Remedy::WaitForQuota(None)),
        (429, Remedy::WaitForQuota(None)),
        (500, Remedy::TryLater(None)),
        (503, Remedy::TryLater(None)),
    ] {
        let error = people(ResponseTemplate::new(status)).await.unwrap_err();
        assert_eq!(error.remedy(), remedy, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn not_subscribed_and_rejected_keep_crisps_word() {
    let not_subscribed = r#"{"error":true,"reason":"not_subscribed","data":{}}"#;
    assert!(matches!(people(json(404, not_subscribed)).await, Err(Error::NotSubscribed)));
    let invalid = r#"{"error":true,"reason":"invalid_data","data":{"message":"per_page out of range"}}"#;
    let Err(Error::Rejected { status: 400, reason }) = people(json(400, invalid)).await else { panic!() };
    assert_eq!(reason.as_deref(), Some("invalid_data"));
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let answer = ResponseTemplate::new(429).insert_header("retry-after", "120");
    let error = people(answer).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::WaitForQuota(Some(Duration::from_mins(2))));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(json(200, r#"{"data":[]}"#)).await;
    let answer = ResponseTemplate::new(302).insert_header("location", elsewhere.uri().as_str());
    assert!(matches!(people(answer).await, Err(Error::Rejected { status: 302, .. })));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let server = answering(json(200, r#"{"data":[]}"#).set_delay(Duration::from_secs(30))).await;
    let options = ClientOptions { request_timeout: Duration::from_millis(50), ..options(&server.uri()) };
    let started = Instant::now();
    let error = Client::new(options).unwrap().connect_account().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { cause: Outage::TimedOut, .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_outage() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":[{\"peop".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"dat",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\":[{\"peop",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
        b"HTTP/1.1 20",
        b"",
    ] {
        let base_url = writing(bytes).await;
        let error = client(&base_url).people_page(website(), &PeopleQuery::default()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_refusal_whose_words_break_off_is_still_a_refusal() {
    for (bytes, remedy) in [
        (
            b"HTTP/1.1 429 Slow\r\nretry-after: 9\r\ncontent-length: 500\r\n\r\n{\"err".as_slice(),
            Remedy::WaitForQuota(Some(Duration::from_secs(9))),
        ),
        (b"HTTP/1.1 401 No\r\ncontent-length: 500\r\n\r\n{", Remedy::ReplaceCredential),
        (b"HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", Remedy::GrantAccess),
        (b"HTTP/1.1 404 No\r\ncontent-length: 500\r\n\r\n", Remedy::TreatAsAbsent),
        (
            b"HTTP/1.1 503 No\r\nretry-after: 3600\r\ncontent-length: 500\r\n\r\n",
            Remedy::TryLater(Some(Duration::from_hours(1))),
        ),
    ] {
        let error = client(&writing(bytes).await).connect_account().await.unwrap_err();
        assert_eq!(error.remedy(), remedy, "{error:?}");
    }
}

#[tokio::test]
async fn a_subscription_that_is_none_is_malformed_and_never_active() {
    for body in [r#"{"data":null}"#, r#"{"data":[]}"#] {
        let server = answering(json(200, body)).await;
        let plugin = "00c3a3c3-7c9c-4c5c-8f6e-4a5b6c7d8e9f".parse().unwrap();
        let answer = client(&server.uri()).subscription(website(), plugin).await;
        assert!(matches!(answer, Err(Error::Malformed { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_an_outage() {
    let error = client("http://127.0.0.1:1").connect_account().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { cause: Outage::Network(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let answer =
        json(200, packed(br#"{"data":[{"people_id":"A"}]}"#)).insert_header("content-encoding", "gzip");
    assert_eq!(ids(&people(answer).await.unwrap().records), ["A"]);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_taken_in_packed_or_not() {
    let body = format!(r#"{{"data":"{}"}}"#, " ".repeat(5_000_000));
    let bomb = packed(body.as_bytes());
    assert!(bomb.len() < 20_000);
    for answer in [json(200, body), json(200, bomb).insert_header("content-encoding", "gzip")] {
        let server = answering(answer).await;
        let options = ClientOptions { max_body_bytes: 100_000, ..options(&server.uri()) };
        let error = Client::new(options).unwrap().website(website()).await.unwrap_err();
        assert!(
            matches!(error, Error::Unavailable { cause: Outage::TooLarge { limit: 100_000 }, .. }),
            "{error:?}"
        );
        assert_eq!(error.remedy(), Remedy::Report, "it would be too long the next time, too");
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "repeating would not make it shorter");
    }
}

#[tokio::test]
async fn every_read_of_a_plugin_is_understood() {
    let session = SessionId::new("S");
    let answer = |data: &str| json(200, format!(r#"{{"error":false,"reason":"resolved","data":{data}}}"#));
    let plugin = r#"{"plugin_id":"00c3a3c3-7c9c-4c5c-8f6e-4a5b6c7d8e9f"}"#;
    let plugin_id = client(&answering(answer(plugin)).await.uri()).connect_account().await.unwrap();

    let server = answering(answer(r#"{"active":false,"since":"2026-01-01"}"#)).await;
    assert!(!client(&server.uri()).subscription(website(), plugin_id).await.unwrap().active);

    let server = answering(answer(r#"{"token":"t","settings":{"a":1}}"#)).await;
    let settings = client(&server.uri()).subscription_settings(website(), plugin_id).await.unwrap();
    assert_eq!((settings.token.is_some(), settings.settings["a"].as_i64()), (true, Some(1)));

    let server = answering(answer(r#"{"name":"Northwind","domain":7}"#)).await;
    let named = client(&server.uri()).website(website()).await.unwrap();
    assert_eq!(
        (named.website_id, named.name.as_deref(), named.domain),
        (website(), Some("Northwind"), Some("7".to_owned()))
    );

    let operators = r#"[{"type":"operator","details":{"user_id":"OP","first_name":"Ole"}},{"type":"invite","details":{}},
        {"type":"sandbox","details":{"user_id":"OP2"}},{"type":"operator","details":{}}]"#;
    let server = answering(answer(operators)).await;
    let team = client(&server.uri()).operators(website()).await.unwrap();
    assert_eq!(team.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);

    let server = answering(answer(r#"{"total":"2000"}"#)).await;
    assert_eq!(client(&server.uri()).people_stats(website()).await.unwrap(), 2000);

    let server = answering(answer(r#"{"data":{"plan":"pro"}}"#)).await;
    let data = client(&server.uri()).people_data(website(), &"P".parse().unwrap()).await.unwrap();
    assert_eq!(data.unwrap()["plan"], "pro");
    for odd in ["{}", r#"{"data":null}"#, r#"{"data":[]}"#, "[]", "null"] {
        let server = answering(answer(odd)).await;
        let data = client(&server.uri()).people_data(website(), &"P".parse().unwrap()).await.unwrap();
        assert_eq!(data, None, "{odd}: what was not told must not read as empty");
    }

    let server =
        answering(answer(r#"[{"fingerprint":1,"type":"text","content":"Hi"},{"type":"text"}]"#)).await;
    let batch = client(&server.uri()).messages(website(), &session, Selector::Latest).await.unwrap();
    assert_eq!(batch.records.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}
