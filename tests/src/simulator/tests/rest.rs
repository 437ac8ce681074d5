//! Routes, refusals, the install page.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{NOW, Reader};
use crate::simulator::{Kind, Options, WebsiteOptions};

#[tokio::test]
async fn whoever_lacks_the_token_or_the_tier_has_an_invalid_session() {
    let reader = Reader::start(Options::of_size(10, 10)).await;
    let (status, envelope) = reader.get("plugin/connect/account").await;
    assert_eq!((status, &envelope["data"]["plugin_id"]), (200, &json!(reader.crisp.plugin().id)));
    reader.crisp.set_plugin(|plugin| plugin.key = "rolled".to_owned());
    let url = format!("{}/plugin/connect/account", reader.crisp.api_url());
    for request in [reader.http.get(&url), reader.http.get(&url).header("X-Crisp-Tier", "plugin")] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let envelope: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(envelope, json!({"error": true, "reason": "invalid_session", "data": {}}));
    }
}

#[tokio::test]
async fn a_website_without_the_plugin_is_not_subscribed() {
    let options = Options::of_size(10, 10).each_website(WebsiteOptions::not_installed);
    let reader = Reader::start(options).await;
    for path in
        ["website/{w}", "website/{w}/people/profiles/1", "website/{w}/conversation/session_x/messages"]
    {
        let (status, envelope) = reader.get(path).await;
        assert_eq!((status, &envelope["reason"]), (404, &json!("not_subscribed")), "{path}");
    }
    assert_eq!(reader.get("website/not-an-id").await.0, 400);
    assert!(reader.list("plugin/connect/websites/all/1").await.1.is_empty());
}

#[tokio::test]
async fn the_install_page_sends_the_browser_back_with_proof() {
    let options = Options::of_size(10, 10).each_website(WebsiteOptions::not_installed);
    let reader = Reader::start(options).await;
    reader
        .crisp
        .set_plugin(|plugin| plugin.callback_url = Some("http://127.0.0.1:9/crisp/callback".to_owned()));
    let plugin = reader.crisp.plugin().id;
    let link = format!("{}/initiate/plugin/{plugin}/?payload=p%26q", reader.crisp.app_url());
    let page = reader.http.get(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("name=\"payload\" value=\"p&amp;q\""), "{page}");

    let form = format!("payload=p%26q&website_id={}", reader.website);
    let answer = reader.http.post(&link).body(form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let token = reader.crisp.truth(reader.website).token();
    let expected = format!(
        "http://127.0.0.1:9/crisp/callback?payload=p%26q&website_id={}&token={token}",
        reader.website
    );
    assert_eq!(answer.headers()["location"], expected.as_str());

    let settings = format!("plugins/subscription/{{w}}/{plugin}/settings");
    let (status, envelope) = reader.get(&settings).await;
    assert_eq!((status, &envelope["data"]["token"]), (200, &json!(token)));
    let (_, subscription) = reader.get(&format!("plugins/subscription/{{w}}/{plugin}")).await;
    assert_eq!(subscription["data"]["active"], json!(true));
    assert_eq!(reader.list("plugin/connect/websites/all/1").await.1[0]["token"], json!(token));
}

#[tokio::test]
async fn anything_that_would_write_is_refused_and_remembered() {
    let reader = Reader::start(Options::of_size(10, 10)).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = reader.send(method, "website/{w}/people/profile/x").await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let head = reader.send(Method::HEAD, "website/{w}/people/stats").await.unwrap();
    assert_eq!((head.status(), head.bytes().await.unwrap().len()), (StatusCode::OK, 0));
    let requests = reader.crisp.requests();
    assert_eq!((requests.write_attempts, requests.of(Kind::PeopleStats), requests.total), (4, 1, 5));
}

#[tokio::test]
async fn single_records_are_the_truth() {
    let reader = Reader::start(Options::of_size(300, 60)).await;
    let truth = reader.crisp.truth(reader.website);
    let person = truth.people().nth(77).unwrap();
    let by_id = reader.get(&format!("website/{{w}}/people/profile/{}", person.people_id)).await;
    let email = person.email.clone().unwrap().replace('@', "%40");
    assert_eq!(by_id, reader.get(&format!("website/{{w}}/people/profile/{email}")).await);
    assert_eq!(by_id.1["data"]["person"]["nickname"], json!(person.nickname));
    let data = reader.get(&format!("website/{{w}}/people/data/{}", person.people_id)).await.1;
    assert_eq!(data["data"]["data"], json!(person.data));

    let row = truth.conversations().find(|row| row.people_id.is_some()).unwrap();
    let path = format!("website/{{w}}/conversation/{}", row.session_id);
    let (_, whole) = reader.get(&path).await;
    assert_eq!(whole["data"]["meta"], reader.get(&format!("{path}/meta")).await.1["data"]);
    assert_eq!(reader.get(&format!("{path}/state")).await.1["data"], json!({"state": row.state}));
    let message = truth.messages(&row.session_id).pop().unwrap();
    let (status, one) = reader.get(&format!("{path}/message/{}", message.fingerprint)).await;
    assert_eq!((status, &one["data"]["content"]), (200, &message.content));
    assert_eq!(reader.get("website/{w}/conversation/session_nobody").await.1["reason"], json!("not_found"));

    let list = format!("website/{{w}}/people/conversations/{}/list/1", row.people_id.clone().unwrap());
    assert!(reader.list(&list).await.1.contains(&json!(row.session_id)));
}

#[tokio::test]
async fn the_same_seed_is_the_same_crisp() {
    let options = Options::of_size(50, 20).seed(5);
    let first = Reader::start(options.clone()).await;
    let second = Reader::start(options).await;
    for path in ["website/{w}/people/profiles/1", "website/{w}/conversations/1", "website/{w}/operators/list"]
    {
        assert_eq!(first.get(path).await, second.get(path).await);
    }
    assert!(first.crisp.now_ms() >= NOW);
}
