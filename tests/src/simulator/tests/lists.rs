//! Pages, orders, dates, batches.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{NOW, Reader};
use crate::simulator::{Kind, ListEnd, Options, WebsiteOptions};

#[tokio::test]
async fn pages_end_with_200_and_hold_twenty_to_fifty_rows() {
    let reader = Reader::start(Options::of_size(120, 100)).await;
    for (path, status, rows) in [
        ("people/profiles/1", 206, 20),
        ("people/profiles/1?per_page=50", 206, 50),
        ("people/profiles/3?per_page=50", 200, 20),
        ("people/profiles/4?per_page=50", 200, 0),
        ("conversations/2?per_page=50", 200, 50),
        ("conversations/1?per_page=19", 400, 0),
        ("conversations/1?per_page=51", 400, 0),
        ("conversations/0", 400, 0),
        ("people/profiles/x", 400, 0),
    ] {
        let (got, list) = reader.list(&format!("website/{{w}}/{path}")).await;
        assert_eq!((got, list.len()), (status, rows), "{path}");
    }
    let (_, stats) = reader.get("website/{w}/people/stats").await;
    assert_eq!(stats["data"]["total"], json!(120));
}

#[tokio::test]
async fn list_ends_are_as_odd_as_asked_for() {
    let reader = Reader::start(Options::of_size(100, 10)).await;
    let statuses = async |end| {
        reader.crisp.behave(|behaviour| behaviour.people_end = end);
        let mut seen = Vec::new();
        for page in 1..=3 {
            seen.push(reader.list(&format!("website/{{w}}/people/profiles/{page}?per_page=50")).await.0);
        }
        seen
    };
    assert_eq!(statuses(ListEnd::Exact).await, [206, 200, 200]);
    assert_eq!(statuses(ListEnd::EmptyPageEnds).await, [206, 206, 200]);
    assert_eq!(statuses(ListEnd::AlwaysMore).await, [206, 206, 206]);
    assert_eq!(statuses(ListEnd::NeverMore).await, [200, 200, 200]);
}

#[tokio::test]
async fn everybody_and_every_conversation_is_listed_once_and_in_order() {
    let reader = Reader::start(Options::of_size(1_234, 777)).await;
    let truth = reader.crisp.truth(reader.website);
    let people = reader.all("website/{w}/people/profiles", "").await;
    let ids: HashSet<_> = people.iter().map(|person| person["people_id"].clone()).collect();
    assert_eq!((people.len(), ids.len(), truth.people().count()), (1_234, 1_234, 1_234));
    let rows = reader.all("website/{w}/conversations", "order_date_updated=1").await;
    let ids: HashSet<_> = rows.iter().map(|row| row["session_id"].clone()).collect();
    assert_eq!((rows.len(), ids.len(), truth.conversations().count()), (777, 777, 777));
    assert!(falling(&rows, "updated_at"));
    assert!(falling(&reader.all("website/{w}/conversations", "order_date_created=1").await, "created_at"));
    assert!(falling(&reader.all("website/{w}/people/profiles", "sort_field=updated_at").await, "updated_at"));
    let rising = "sort_field=created_at&sort_order=ascending";
    let mut oldest_first = reader.all("website/{w}/people/profiles", rising).await;
    oldest_first.reverse();
    assert!(falling(&oldest_first, "created_at"));
    let spent = reader.crisp.requests();
    assert_eq!((spent.of(Kind::PeoplePage), spent.of(Kind::ConversationsPage)), (3 * 25, 2 * 16));
    reader.crisp.behave(|behaviour| behaviour.people_sort_by_updated_at = false);
    assert!(!falling(
        &reader.all("website/{w}/people/profiles", "sort_field=updated_at").await,
        "updated_at"
    ));
}

fn falling(rows: &[Value], key: &str) -> bool {
    rows.is_sorted_by(|a, b| a[key].as_i64() >= b[key].as_i64())
}

#[tokio::test]
async fn dates_bound_the_lists_inclusively() {
    let reader = Reader::start(Options::of_size(300, 300)).await;
    let rows = reader.all("website/{w}/conversations", "").await;
    let bound = rows[99]["updated_at"].as_i64().unwrap();
    let text = chrono::DateTime::from_timestamp_millis(bound).unwrap().to_rfc3339().replace('+', "%2B");
    let since = reader.all("website/{w}/conversations", &format!("filter_date_start={text}")).await;
    assert_eq!(since, rows[..100]);
    let until = reader.all("website/{w}/conversations", &format!("filter_date_end={text}")).await;
    assert_eq!(until, rows[99..]);
    let day = reader.all("website/{w}/people/profiles", "filter_date_start=2025-12-01").await;
    let expected = reader.crisp.truth(reader.website).people();
    assert_eq!(day.len(), expected.filter(|p| p.created_at >= Some(1_764_547_200_000)).count());
    assert_eq!(reader.get("website/{w}/conversations/1?filter_date_start=yesterday").await.0, 400);
}

#[tokio::test]
async fn threads_come_in_batches_oldest_first() {
    let options = Options::of_size(10, 5).each_website(|website| website.exactly(100));
    let reader = Reader::start(options).await;
    let truth = reader.crisp.truth(reader.website);
    let row = truth.conversations().next().unwrap();
    let thread = reader.thread(&row.session_id).await;
    assert_eq!((thread.len(), reader.crisp.requests().of(Kind::Messages)), (100, 3));
    assert!(thread.is_sorted_by_key(|message| message["timestamp"].as_i64()));
    let told: Vec<i64> = truth.messages(&row.session_id).iter().map(|message| message.fingerprint).collect();
    let read: Vec<i64> = thread.iter().map(|message| message["fingerprint"].as_i64().unwrap()).collect();
    assert_eq!(told, read);
    assert_eq!(read.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(row.preview.unwrap().fingerprint, read[99]);
    assert!(row.updated_at.unwrap() - thread[99]["timestamp"].as_i64().unwrap() < 5_000);

    let messages = format!("website/{{w}}/conversation/{}/messages", row.session_id);
    let at = |place: usize| thread[place]["timestamp"].as_i64().unwrap();
    let (status, after) = reader.list(&format!("{messages}?timestamp_after={}", at(89))).await;
    assert_eq!((status, after.as_slice()), (200, &thread[90..]));
    let (status, before) = reader.list(&format!("{messages}?timestamp_before={}", at(10))).await;
    assert_eq!((status, before.as_slice()), (200, &thread[..10]));
    let (status, around) = reader.list(&format!("{messages}?timestamp_around={}", at(50))).await;
    assert_eq!((status, around.as_slice()), (206, &thread[30..70]));
    reader.crisp.behave(|behaviour| behaviour.timestamp_bounds_inclusive = true);
    let (_, before) = reader.list(&format!("{messages}?timestamp_before={}", at(10))).await;
    assert_eq!(before, thread[..=10]);
    let both = format!("{messages}?timestamp_before=1&timestamp_after=2");
    assert_eq!(reader.get(&both).await.0, 400);
}

#[tokio::test]
async fn empty_conversations_are_listed_on_request_only() {
    let empty = |website| WebsiteOptions { empty_conversations: 7, ..website };
    let reader = Reader::start(Options::of_size(10, 20).each_website(empty)).await;
    assert_eq!(reader.all("website/{w}/conversations", "").await.len(), 20);
    assert_eq!(reader.all("website/{w}/conversations", "include_empty=1").await.len(), 27);
    assert_eq!(reader.crisp.truth(reader.website).conversations().count(), 27);
}

#[tokio::test]
async fn filters_and_searches_look_at_the_rows() {
    let reader = Reader::start(Options::of_size(200, 200)).await;
    let truth = reader.crisp.truth(reader.website);
    let open = reader.all("website/{w}/conversations", "filter_not_resolved=1").await;
    assert!(!open.is_empty() && open.iter().all(|row| row["state"] != "resolved"));
    let person = truth.people().nth(5).unwrap();
    let found =
        reader.all("website/{w}/people/profiles", &format!("search_text={}", person.email.unwrap())).await;
    assert_eq!(found[0]["people_id"], json!(person.people_id));
}

#[tokio::test]
async fn a_million_people_are_a_matter_of_arithmetic() {
    let reader = Reader::start(Options::of_size(1_000_000, 100_000)).await;
    let (status, rows) = reader.list("website/{w}/people/profiles/20000?per_page=50").await;
    assert_eq!((status, rows.len()), (200, 50));
    let (status, rows) = reader.list("website/{w}/conversations/2000?per_page=50").await;
    assert_eq!((status, rows.len()), (200, 50));
    let age = NOW - rows[49]["updated_at"].as_i64().unwrap();
    assert!((600..740).contains(&(age / 86_400_000)), "{age}");
}

#[tokio::test]
async fn the_least_possible_is_what_a_perfect_reader_spends() {
    let reader = Reader::start(Options::of_size(130, 90)).await;
    let truth = reader.crisp.truth(reader.website);
    reader.all("website/{w}/people/profiles", "").await;
    for row in reader.all("website/{w}/conversations", "").await {
        if row.get("people_id").is_some() {
            reader.thread(row["session_id"].as_str().unwrap()).await;
        }
    }
    assert_eq!(reader.crisp.requests().total, truth.least_possible(|row| row.people_id.is_some()));
}
