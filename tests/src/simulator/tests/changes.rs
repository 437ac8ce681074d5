//! Changes, and how lists and times follow them.

use std::time::Duration;

use serde_json::json;

use super::Reader;
use crate::simulator::{
    Conversation, NewConversation, NewMessage, NewPerson, NoSuch, Options, PersonUpdate, Side, State,
    StormOptions,
};

async fn reader() -> Reader {
    Reader::start(Options::of_size(100, 100)).await
}

fn nth(reader: &Reader, place: usize) -> Conversation {
    reader.crisp.truth(reader.website).conversations().nth(place).unwrap()
}

#[tokio::test]
async fn a_message_moves_its_conversation_to_the_top() {
    let reader = reader().await;
    let change = reader.crisp.change(reader.website);
    let row = nth(&reader, 70);
    let fingerprint = change.send(&row.session_id, NewMessage::text(Side::User, "Still there?")).unwrap();
    let rows = reader.all("website/{w}/conversations", "order_date_updated=1").await;
    assert_eq!((rows.len(), &rows[0]["session_id"]), (100, &json!(row.session_id)));
    assert_eq!(rows[0]["preview_message"]["fingerprint"], json!(fingerprint));
    assert!(rows[0]["updated_at"].as_i64() > row.updated_at);
    let thread = reader.thread(&row.session_id).await;
    assert_eq!(thread.len(), usize::try_from(row.messages).unwrap() + 1);
    assert_eq!(thread.last().unwrap()["content"], json!("Still there?"));
}

#[tokio::test]
async fn nothing_but_messages_moves_updated_at() {
    let reader = reader().await;
    let change = reader.crisp.change(reader.website);
    let row = nth(&reader, 50);
    let session = row.session_id.as_str();
    let truth = reader.crisp.truth(reader.website);
    let oldest = truth.messages(session)[0].fingerprint;
    change.set_state(session, State::Pending).unwrap();
    change.assign(session, Some("op")).unwrap();
    change.set_subject(session, "New subject").unwrap();
    change.set_email(session, "new@address.example").unwrap();
    change.bind(session, "somebody").unwrap();
    change.edit(session, oldest, json!("edited")).unwrap();
    let now = truth.conversation(session).unwrap();
    assert_eq!((now.updated_at, now.assigned.as_deref()), (row.updated_at, Some("op")));
    assert_eq!((now.state, now.subject.as_deref()), (State::Pending, Some("New subject")));
    let listed = reader.all("website/{w}/conversations", "").await;
    assert_eq!(listed[50]["meta"]["email"], json!("new@address.example"));
    assert_eq!(truth.messages(session)[0].content, json!("edited"));
    change.remove(session, oldest).unwrap();
    assert_eq!(change.remove(session, oldest), Err(NoSuch));
    assert_eq!(truth.conversation(session).unwrap().messages, row.messages - 1);
}

#[tokio::test]
async fn a_visitor_reopens_what_was_resolved() {
    let reader = reader().await;
    let change = reader.crisp.change(reader.website);
    let row = nth(&reader, 3);
    change.set_state(&row.session_id, State::Resolved).unwrap();
    change.send(&row.session_id, NewMessage::note("done")).unwrap();
    let truth = reader.crisp.truth(reader.website);
    assert_eq!(truth.conversation(&row.session_id).unwrap().state, State::Resolved);
    change.send(&row.session_id, NewMessage::text(Side::User, "no")).unwrap();
    let now = truth.conversation(&row.session_id).unwrap();
    assert_eq!((now.state, now.waiting_since), (State::Unresolved, now.updated_at));
}

#[tokio::test]
async fn what_comes_and_goes_is_listed_and_not() {
    let reader = reader().await;
    let change = reader.crisp.change(reader.website);
    let id = change.create_person(NewPerson::named("Nora New", "nora@new.example"));
    let people = reader.all("website/{w}/people/profiles", "").await;
    assert_eq!((people.len(), &people[0]["people_id"]), (101, &json!(id)));
    assert_eq!(reader.get("website/{w}/people/profile/nora%40new.example").await.0, 200);
    change
        .update_person(&id, PersonUpdate { email: Some("n@new.example".to_owned()), ..Default::default() })
        .unwrap();
    assert_eq!(reader.get("website/{w}/people/profile/nora%40new.example").await.0, 404);
    let gone = reader.crisp.truth(reader.website).people().nth(40).unwrap();
    change.remove_person(&gone.people_id).unwrap();
    assert_eq!(reader.get(&format!("website/{{w}}/people/profile/{}", gone.people_id)).await.0, 404);
    assert_eq!(reader.all("website/{w}/people/profiles", "sort_field=updated_at").await.len(), 100);

    let session = change.start_conversation(NewConversation::by_people_id(&id), "Hello!");
    assert_eq!(reader.all("website/{w}/conversations", "").await[0]["people_id"], json!(id));
    assert_eq!(reader.thread(&session).await.len(), 1);
    change.remove_conversation(&session).unwrap();
    assert_eq!(reader.get(&format!("website/{{w}}/conversation/{session}/messages")).await.0, 404);
    assert_eq!(reader.all("website/{w}/conversations", "").await.len(), 100);
}

#[tokio::test]
async fn lists_lag_behind_and_single_records_do_not() {
    let reader = reader().await;
    reader.crisp.behave(|behaviour| behaviour.list_lag_ms = 60_000);
    let change = reader.crisp.change(reader.website);
    let session = change.start_conversation(NewConversation::by_email("a@b.example"), "Hi");
    assert_eq!(reader.all("website/{w}/conversations", "").await.len(), 100);
    assert_eq!(reader.get(&format!("website/{{w}}/conversation/{session}")).await.0, 200);
    reader.crisp.advance(Duration::from_secs(61));
    assert_eq!(reader.all("website/{w}/conversations", "").await.len(), 101);
}

#[tokio::test]
async fn after_a_storm_lists_and_truth_agree() {
    let options = Options::of_size(200, 150).each_website(|website| website.odd(0.3, 0.0));
    let reader = Reader::start(options).await;
    reader.odd_lists().await;
    let storm = StormOptions { operations: 3_000, ..StormOptions::default() };
    let report = reader.crisp.storm(reader.website, storm).await;
    assert_eq!((report.done.len(), report.missed < 900), (20, true), "{report:?}");
    let truth = reader.crisp.truth(reader.website);
    assert_eq!(reader.odd_lists().await, (truth.people().count(), truth.conversations().count()));
    for row in truth.conversations() {
        let messages = truth.messages(&row.session_id);
        assert_eq!(u32::try_from(messages.len()).unwrap(), row.messages);
        let newest = messages.last().unwrap();
        let preview = row.preview.map(|preview| preview.fingerprint);
        assert!(preview.is_none() || preview == Some(newest.fingerprint));
    }
}

#[tokio::test]
async fn a_change_left_out_of_a_storm_leaves_the_others_as_they_were() {
    let storm = StormOptions { operations: 60, ..StormOptions::default() };
    let full = reader().await;
    let full_report = full.crisp.storm(full.website, storm.clone()).await;
    let skipped = reader().await;
    let skip = (0..60).filter(|number| number % 2 == 0).collect();
    let half_report = skipped.crisp.storm(skipped.website, StormOptions { skip, ..storm }).await;
    let count = |report: &crate::simulator::StormReport| report.done.values().sum::<u64>() + report.missed;
    assert_eq!((count(&full_report), count(&half_report)), (60, 30));
}
