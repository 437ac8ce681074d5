//! Why a conversation is whose.

use crisp_domain::AccountId;
use crisp_matching::Rule;
use crisp_sync::directory::{self, ContactChange, Field};
use crisp_sync::explain::{self, Answer};
use crisp_sync::{Refusal, settings};
use serde_json::json;
use testkit::simulator::{Links, NewConversation, NewPerson, Options, WebsiteOptions};

use crate::world::{ACTOR, World, now};

#[tokio::test]
async fn a_conversation_says_which_rule_matched_and_what_it_was_before() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    let world = World::of(options).await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", "ana@northwind.example"));
    let by_id = change.start_conversation(NewConversation::by_people_id(&ana), "Hello");
    let by_email = change.start_conversation(NewConversation::by_email("ben@northwind.example"), "Hello");
    let id = world.imported().await;

    let explained = explain::session(&world.engine, world.account, id, &by_id).await.unwrap();
    assert_eq!((explained.latest.decision, explained.latest.rule), (Answer::Matched, Some(Rule::PeopleId)));
    assert_eq!(explained.latest.candidates.len(), 1);
    let skipped = explain::session(&world.engine, world.account, id, &by_email).await.unwrap();
    assert_eq!(
        (skipped.latest.decision, skipped.latest.rule, skipped.history.len()),
        (Answer::NoMatch, None, 1)
    );

    let email = Field::Set("ben@northwind.example".to_owned());
    let ben = ContactChange { external_id: "k1".to_owned(), email, ..ContactChange::default() };
    let ben = directory::put_contact(&world.engine, world.account, ACTOR, ben).await.unwrap();
    let found = explain::session(&world.engine, world.account, id, &by_email).await.unwrap();
    assert_eq!((found.latest.decision, found.latest.cause.as_str()), (Answer::Matched, "directory"));
    assert_eq!(found.latest.contact_id.map(|id| id.as_uuid()), Some(ben.id));
    assert_eq!(
        found.history.iter().map(|one| one.decision).collect::<Vec<_>>(),
        [Answer::Matched, Answer::NoMatch]
    );

    // The contract's form.
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["decision"], &json["rule"]), (&json!("matched"), &json!("email")));
    assert_eq!(json["evidence"][1]["code"], "email_held");
    assert!(json["evidence"][1]["detail"].as_str().unwrap().contains(&ben.id.to_string()));
    assert_eq!(json["candidates"][0]["standing"], "chosen");
    assert!(json["decided_at"].is_string() && json["history"].is_array());

    let unknown = explain::session(&world.engine, world.account, id, "session_none").await;
    assert!(matches!(unknown, Err(Refusal::NotFound)));
    let foreign = explain::session(&world.engine, AccountId::new_v7(now()), id, &by_id).await;
    assert!(matches!(foreign, Err(Refusal::NotFound)));
}

#[tokio::test]
async fn what_lies_before_the_backfill_window_and_what_cannot_be_read_say_so() {
    let website = WebsiteOptions::of_size(200, 100).links(Links::all_by_people_id()).odd(0.0, 0.1);
    let world = World::of(Options { websites: vec![website], ..Options::default() }).await;
    let id = world.connected().await;
    settings::put(&world.engine, world.account, id, ACTOR, json!({"backfill_days": 100})).await.unwrap();
    let sync = world.sync(id, crisp_sync::syncs::SyncKind::Full).await;
    assert_eq!(sync.state, "partial");
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let filter = crisp_storage::views::skipped::Filter::default();
    let skipped = crisp_storage::views::skipped::list(&mut session, id, &filter, None, 200).await.unwrap();
    session.commit().await.unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for one in skipped {
        let explained = explain::session(&world.engine, world.account, id, &one.external_id).await.unwrap();
        assert!(!explained.latest.evidence.is_empty(), "{explained:?}");
        answers.insert(serde_json::to_value(explained.latest.decision).unwrap().as_str().unwrap().to_owned());
    }
    assert!(answers.contains("unreadable"), "{answers:?}");
}
