//! Web hooks out of order: whatever comes first, the end is Crisp's own state.

use std::collections::BTreeSet;

use crisp_domain::IntegrationId;
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::{messages, profiles};
use serde_json::{Value, json};
use testkit::simulator::{
    Links, NewConversation, NewMessage, NewPerson, Options, Side, State, WebsiteOptions,
};

use crate::world::{World, now};

/// A hook as it is delivered: event, what it holds, and when Crisp says that it happened.
type Hook = (&'static str, Value, i64);

/// What happens in one conversation, oldest first, and what has to be there in the end.
struct Story {
    session: String,
    edited: i64,
    removed: i64,
    hooks: Vec<Hook>,
}

fn tell(world: &World, person: &str) -> Story {
    let change = world.crisp.change(world.website());
    let session = change.start_conversation(NewConversation::by_people_id(person), "Hello");
    Story { session, edited: 0, removed: 0, hooks: Vec::new() }
}

/// Two messages, of which one is edited and the other removed; resolved, renamed and opened again.
fn go_on(world: &World, story: &mut Story, at_ms: i64) {
    let change = world.crisp.change(world.website());
    let session = story.session.as_str();
    let said = |fingerprint: i64, text: &str, at_ms: i64| {
        json!({"session_id": session, "fingerprint": fingerprint, "type": "text", "from": "user", "origin": "chat",
            "content": text, "timestamp": at_ms, "user": {"user_id": session, "nickname": "Ben"}})
    };
    story.edited = change.send(session, NewMessage::text(Side::User, "first")).unwrap();
    change.edit(session, story.edited, json!("first, edited")).unwrap();
    story.removed = change.send(session, NewMessage::text(Side::User, "second")).unwrap();
    change.remove(session, story.removed).unwrap();
    change.set_state(session, State::Resolved).unwrap();
    change.set_subject(session, "Renamed").unwrap();
    change.set_state(session, State::Unresolved).unwrap();
    let edit = json!({"session_id": session, "fingerprint": story.edited, "content": "first, edited"});
    let removal = json!({"session_id": session, "fingerprint": story.removed});
    story.hooks = vec![
        ("message:send", said(story.edited, "first", at_ms), at_ms),
        ("message:updated", edit, at_ms + 10),
        ("message:send", said(story.removed, "second", at_ms + 20), at_ms + 20),
        ("message:removed", removal, at_ms + 30),
        ("session:set_state", json!({"session_id": session, "state": "resolved"}), at_ms + 40),
        ("session:set_subject", json!({"session_id": session, "subject": "Renamed"}), at_ms + 50),
        ("session:set_state", json!({"session_id": session, "state": "unresolved"}), at_ms + 60),
    ];
}

/// Every order in which four things can come.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for number in 0..256_usize {
        let order = [number / 64 % 4, number / 16 % 4, number / 4 % 4, number % 4];
        if (0..4).all(|thing| order.contains(&thing)) {
            orders.push(order);
        }
    }
    orders
}

async fn stored(world: &World, id: IntegrationId, session: &str) -> ConversationRow {
    let mut reading = world.engine.database().read_primary(world.account).await.unwrap();
    let found = conversations::list_by_session(&mut reading, id, &[session.to_owned()]).await.unwrap();
    found.into_iter().next().unwrap()
}

/// Whether a story ended as Crisp has it.
async fn assert_ended_well(world: &World, id: IntegrationId, story: &Story, how: &str) {
    let row = stored(world, id, &story.session).await;
    assert_eq!((row.status.as_str(), row.subject.as_deref()), ("unresolved", Some("Renamed")), "{how}");
    let mut reading = world.engine.database().read_primary(world.account).await.unwrap();
    let names = BTreeSet::from([(row.id, story.edited), (row.id, story.removed)]);
    let found = messages::list_named(&mut reading, &names).await.unwrap();
    let of = |name: i64| found.iter().find(|message| message.fingerprint == name).unwrap();
    let (edited, removed) = (of(story.edited), of(story.removed));
    assert_eq!((edited.body.as_deref(), edited.removed_at), (Some("first, edited"), None), "{how}");
    assert_eq!((removed.body.as_deref(), removed.removed_at.is_some()), (None, true), "{how}");
    assert_eq!(row.message_count, 2, "the first words and the edited message: {how}");
}

async fn world_with(stories: usize) -> (World, IntegrationId, Vec<Story>) {
    let website = WebsiteOptions::of_size(0, 0).links(Links::none());
    let world = World::of(Options { websites: vec![website], ..Options::default() }).await;
    let change = world.crisp.change(world.website());
    let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let mut stories: Vec<Story> = (0..stories).map(|_| tell(&world, &ben)).collect();
    let id = world.imported().await;
    let at_ms = now().timestamp_millis();
    for story in &mut stories {
        go_on(&world, story, at_ms);
    }
    (world, id, stories)
}

#[tokio::test]
async fn messages_edits_and_removals_end_alike_in_every_order() {
    let orders = orders();
    assert_eq!(orders.len(), 24);
    let (world, id, stories) = world_with(orders.len()).await;
    // A round delivers one hook of every story and waits until it is applied, so that each order crosses batches.
    for round in 0..4 {
        let due = orders.iter().zip(&stories).map(|(order, story)| story.hooks[order[round]].clone());
        world.hear(id, &due.collect::<Vec<_>>()).await;
    }
    for fields in [[6, 5, 4], [4, 6, 5]] {
        let due = stories.iter().flat_map(|story| fields.map(|field| story.hooks[field].clone()));
        world.hear(id, &due.collect::<Vec<_>>()).await;
    }
    for (order, story) in orders.iter().zip(&stories) {
        assert_ended_well(&world, id, story, &format!("{order:?}")).await;
    }
}

#[tokio::test]
async fn all_at_once_backwards_and_twice_is_as_good_as_one_by_one() {
    let (world, id, stories) = world_with(2).await;
    let mut backwards: Vec<Hook> = stories[0].hooks.clone();
    backwards.reverse();
    world.hear(id, &[backwards.clone(), backwards].concat()).await;
    for hook in &stories[1].hooks {
        world.hear(id, std::slice::from_ref(hook)).await;
    }
    assert_ended_well(&world, id, &stories[0], "backwards and twice, in one batch").await;
    assert_ended_well(&world, id, &stories[1], "one by one").await;
}

#[tokio::test]
async fn a_session_bound_before_its_profile_is_told_belongs_to_it() {
    let website = WebsiteOptions::of_size(0, 0).links(Links::none());
    let world = World::of(Options { websites: vec![website], ..Options::default() }).await;
    let change = world.crisp.change(world.website());
    let session = change.start_conversation(NewConversation::default(), "Who am I?");
    let id = world.imported().await;
    assert_eq!(stored(&world, id, &session).await.contact_id, None);
    let ana = change.create_person(NewPerson::named("Ana Example", "ana@northwind.example"));
    change.bind(&session, &ana).unwrap();
    let at_ms = now().timestamp_millis();
    let bound = ("people:bind:session", json!({"people_id": ana, "session_id": session}), at_ms);
    world.hear(id, std::slice::from_ref(&bound)).await;
    let created = json!({"people_id": ana, "email": "ana@northwind.example"});
    world.hear(id, &[("people:profile:created", created, at_ms - 5)]).await;
    let row = stored(&world, id, &session).await;
    assert!(row.contact_id.is_some());
    assert_eq!((row.matched_by.as_deref(), row.message_count), (Some("people_id"), 1));
}

/// Hooks that change people and conversations, in one batch; the conversation's three messages have to survive it.
async fn survives(matched_by: &str, tell: impl Fn(&World, &str, &str, &str) -> Vec<Hook>) {
    let website = WebsiteOptions::of_size(0, 0).links(Links::none());
    let world = World::of(Options { websites: vec![website], ..Options::default() }).await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", "ana@northwind.example"));
    let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let whose = match matched_by {
        "people_id" => NewConversation::by_people_id(&ana),
        _ => NewConversation::by_email("ana@northwind.example"),
    };
    let session = change.start_conversation(whose, "Hello");
    for text in ["first", "second"] {
        change.send(&session, NewMessage::text(Side::User, text)).unwrap();
    }
    let id = world.imported().await;
    let before = stored(&world, id, &session).await;
    assert_eq!((before.matched_by.as_deref(), before.message_count), (Some(matched_by), 3));
    world.hear(id, &tell(&world, &session, &ana, &ben)).await;

    let after = stored(&world, id, &session).await;
    assert!(after.is_shown(), "{matched_by}");
    assert_ne!(after.contact_id, before.contact_id, "{matched_by}: it is Ben's now");
    let mut reading = world.engine.database().read_primary(world.account).await.unwrap();
    let everything = messages::Between { conversation: after.id.into(), after: None, before: None };
    let kept = messages::list_live_between(&mut reading, &[everything]).await.unwrap();
    assert_eq!((kept.len(), after.message_count), (3, 3), "{matched_by}");
}

#[tokio::test]
async fn a_conversation_that_changes_hands_in_the_batch_in_which_its_person_goes_keeps_its_messages() {
    survives("people_id", |world, session, ana, ben| {
        let change = world.crisp.change(world.website());
        change.bind(session, ben).unwrap();
        change.remove_person(ana).unwrap();
        let at_ms = now().timestamp_millis();
        vec![
            ("people:profile:removed", json!({"people_id": ana}), at_ms),
            ("people:bind:session", json!({"people_id": ben, "session_id": session}), at_ms + 1),
        ]
    })
    .await;
    survives("email", |world, session, ana, _| {
        let change = world.crisp.change(world.website());
        let (gone, address) = ("gone@northwind.example", "ben@northwind.example");
        change.set_email(session, address).unwrap();
        let at_ms = now().timestamp_millis();
        vec![
            ("people:profile:updated", json!({"people_id": ana, "update": {"email": gone}}), at_ms),
            ("session:set_email", json!({"session_id": session, "email": address}), at_ms + 1),
        ]
    })
    .await;
}

#[tokio::test]
async fn hooks_that_were_sent_off_before_a_record_was_read_take_nothing_back() {
    let website = WebsiteOptions::of_size(0, 0).links(Links::none());
    let world = World::of(Options { websites: vec![website], ..Options::default() }).await;
    let id = world.imported().await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", "new@northwind.example"));
    let session = change.start_conversation(NewConversation::by_people_id(&ana), "Hello");
    change.set_state(&session, State::Pending).unwrap();
    let at_ms = now().timestamp_millis();
    let state = |state: &str| json!({"session_id": session, "state": state});
    let email = |email: &str| json!({"people_id": ana, "update": {"email": email}});
    let younger = [
        ("people:profile:updated", email("new@northwind.example"), at_ms),
        ("session:set_state", state("pending"), at_ms),
    ];
    world.hear(id, &younger).await;
    let older = [
        ("people:profile:updated", email("old@northwind.example"), at_ms - 300),
        ("session:set_state", state("resolved"), at_ms - 300),
    ];
    world.hear(id, &older).await;
    let row = stored(&world, id, &session).await;
    assert_eq!(row.status, "pending");
    let mut reading = world.engine.database().read_primary(world.account).await.unwrap();
    let profiles = profiles::list_by_people_id(&mut reading, id, &[ana]).await.unwrap();
    assert_eq!(profiles[0].email.as_deref(), Some("new@northwind.example"));
}
