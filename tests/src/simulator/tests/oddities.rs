//! Odd records: the truth is what a forgiving reader gets.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::Value;

use super::Reader;
use crate::simulator::{Options, Side};

#[tokio::test]
async fn odd_records_can_be_read_and_unreadable_ones_cannot() {
    let options = Options::of_size(600, 200).each_website(|website| website.odd(0.5, 0.05));
    let reader = Reader::start(options).await;
    let truth = reader.crisp.truth(reader.website);
    assert!(truth.people().filter(|person| !person.readable).count() > 3);
    assert!(truth.conversations().any(|row| !row.readable));
    let mut kinds = HashSet::new();
    for row in truth.conversations() {
        for message in truth.messages(&row.session_id) {
            kinds.insert(message.kind);
        }
    }
    for kind in
        ["text", "file", "animation", "audio", "picker", "field", "carousel", "note", "event", "hologram"]
    {
        assert!(kinds.contains(kind), "{kind}");
    }
    let mut bodies = String::new();
    for page in 1..=12 {
        let path = format!("website/{{w}}/people/profiles/{page}?per_page=50");
        bodies += &reader.send(Method::GET, &path).await.unwrap().text().await.unwrap();
    }
    for odd in ["\\ud83d ", "\\u0000", "1e999", "[[[[[[[[", "\"person\":[]", "\"email\":\"\""] {
        assert!(bodies.contains(odd) || bodies.contains(odd.trim_end()), "{odd}");
    }
}

#[tokio::test]
async fn what_is_readable_is_told_as_it_is() {
    let options = Options::of_size(400, 150).each_website(|website| website.odd(0.6, 0.0));
    let reader = Reader::start(options).await;
    let truth = reader.crisp.truth(reader.website);
    for page in 1..=8 {
        let path = format!("website/{{w}}/people/profiles/{page}?per_page=50");
        let text = reader.send(Method::GET, &path).await.unwrap().text().await.unwrap();
        let envelope: Value = serde_json::from_str(&text.replace("\\ud83d", "\u{FFFD}")).unwrap();
        for row in envelope["data"].as_array().unwrap() {
            let person = truth.person(row["people_id"].as_str().unwrap()).unwrap();
            let nickname = &row["person"]["nickname"];
            let digits = nickname.as_i64().map(|number| number.to_string());
            assert_eq!(nickname.as_str().or(digits.as_deref()), person.nickname.as_deref());
            assert_eq!(row["email"].as_str().filter(|email| !email.is_empty()), person.email.as_deref());
            assert_eq!(time(&row["updated_at"]), person.updated_at);
        }
    }
    for row in truth.conversations().take(60) {
        let messages = truth.messages(&row.session_id);
        let distinct: HashSet<i64> = messages.iter().map(|message| message.fingerprint).collect();
        assert_eq!(distinct.len(), messages.len());
        assert!(messages.iter().filter_map(|message| message.timestamp).is_sorted());
        assert!(messages.iter().any(|m| m.from == Some(Side::User)) || messages.len() < 3);
    }
}

fn time(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).or_else(|| {
        let text = value.to_string();
        text.strip_suffix(".0")?.parse().ok()
    })
}
