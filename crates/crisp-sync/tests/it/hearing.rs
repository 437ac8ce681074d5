//! Web hooks, applied: what they may and may not do.

use crisp_domain::IntegrationId;
use crisp_sync::connect::{self, Imported};
use crisp_sync::settings;
use crisp_sync::syncs::SyncKind;
use serde_json::{Value, json};
use testkit::simulator::{Links, NewConversation, NewMessage, NewPerson, Options, Side, WebsiteOptions};

use crate::world::{ACTOR, World, now};

const ANA: &str = "ana@northwind.example";

async fn empty_world() -> World {
    let website = WebsiteOptions::of_size(0, 0).links(Links::none());
    World::of(Options { websites: vec![website], ..Options::default() }).await
}

fn ms() -> i64 {
    now().timestamp_millis()
}

fn uninstalled(world: &World, at_ms: i64) -> (&'static str, Value, i64) {
    let data = json!({"plugin_id": world.crisp.plugin().id, "bound": false, "target": "plugin"});
    ("plugin:subscription:updated", data, at_ms)
}

async fn put_settings(world: &World, id: IntegrationId, changes: Value) {
    let mut all = serde_json::to_value(crisp_domain::ImportSettings::default()).unwrap();
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    settings::put(&world.engine, world.account, id, ACTOR, all).await.unwrap();
}

/// The visitor was nobody until the hook; the erased person's profile is bound by another.
#[tokio::test]
async fn an_anonymous_chat_goes_once_a_hook_makes_it_an_erased_persons() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", ANA));
    let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let bens = change.start_conversation(NewConversation::by_people_id(&ben), "Ben asks");
    let id = world.imported().await;
    crisp_sync::erase::person(&world.engine, world.account, ACTOR, ANA).await.unwrap();

    let named = change.start_conversation(NewConversation::default(), "Who am I?");
    let bound = change.start_conversation(NewConversation::default(), "Who am I, too?");
    let unseen = change.start_conversation(NewConversation::default(), "Nobody has read this");
    world.sync(id, SyncKind::Full).await;
    let before = world.dump().await;
    assert!(before.contains(&named) && before.contains(&bound), "stored as nobody's");

    change.set_email(&named, ANA).unwrap();
    change.set_email(&unseen, ANA).unwrap();
    change.bind(&bound, &ana).unwrap();
    world
        .hear(
            id,
            &[
                ("session:set_nickname", json!({"session_id": named, "nickname": "Ana Example"}), ms()),
                ("session:set_email", json!({"session_id": named, "email": " ANA@Northwind.example"}), ms()),
                ("session:set_email", json!({"session_id": unseen, "email": ANA}), ms()),
                ("people:bind:session", json!({"people_id": ana, "session_id": bound}), ms()),
                ("session:set_subject", json!({"session_id": bens, "subject": format!("of {ANA}")}), ms()),
            ],
        )
        .await;
    world.sync(id, SyncKind::Full).await;
    let after = world.dump().await;
    for trace in [named.as_str(), &bound, &unseen, &ana, "ana example"] {
        assert!(!after.contains(&trace.to_lowercase()), "{trace} is in\n{after}");
    }
    assert!(after.contains(&bens), "what Ben says about Ana is Ben's");
    let raw: Vec<&str> =
        after.lines().filter(|line| line.starts_with("hooks:") && line.contains(ANA)).collect();
    assert!(raw.is_empty(), "a hook that names her is not kept: {raw:?}");
}

#[tokio::test]
async fn an_uninstall_is_heard_before_the_first_import_and_while_something_else_is_wrong() {
    let world = empty_world().await;
    let id = world.connected().await;
    world.hear(id, &[uninstalled(&world, ms())]).await;
    let row = world.integration(id).await;
    assert_eq!(
        (row.state.as_str(), row.problem_code.as_deref()),
        ("needs_attention", Some("plugin_uninstalled"))
    );
    assert_eq!(world.engine.database().find_claim(world.website().into()).await.unwrap(), None);

    let world = empty_world().await;
    let id = world.imported().await;
    let right = world.crisp.plugin().key;
    world.crisp.set_plugin(|plugin| plugin.key = "b4".repeat(32));
    world.sync(id, SyncKind::Incremental).await;
    assert_eq!(world.integration(id).await.problem_code.as_deref(), Some("credential_rejected"));
    world.hear(id, &[uninstalled(&world, ms())]).await;
    assert_eq!(world.integration(id).await.problem_code.as_deref(), Some("plugin_uninstalled"));
    world.crisp.set_plugin(|plugin| plugin.key = right);
    assert_eq!(world.engine.database().find_claim(world.website().into()).await.unwrap(), None);
}

#[tokio::test]
async fn an_uninstall_that_is_told_late_does_not_undo_a_newer_installation() {
    let world = empty_world().await;
    let id = world.imported().await;
    let connected_at = ms();
    world.hear(id, &[uninstalled(&world, connected_at - 60 * 60 * 1000)]).await;
    let row = world.integration(id).await;
    assert_eq!((row.state.as_str(), row.problem_code), ("active", None));
    assert!(row.next_incremental_at.is_some_and(|at| at <= now()), "Crisp is asked instead");
    world.hear(id, &[uninstalled(&world, ms())]).await;
    assert_eq!(world.integration(id).await.problem_code.as_deref(), Some("plugin_uninstalled"));
}

#[tokio::test]
async fn with_redaction_an_edit_that_comes_before_its_message_leaves_nothing_unredacted() {
    const CARD: &str = "4111 1111 1111 1111";
    for (settings, kind) in [(json!({"redact": true}), "text"), (json!({"include_notes": false}), "note")] {
        let world = empty_world().await;
        let change = world.crisp.change(world.website());
        let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
        let session = change.start_conversation(NewConversation::by_people_id(&ben), "Hello");
        let id = world.connected().await;
        put_settings(&world, id, settings).await;
        world.sync(id, SyncKind::Full).await;
        world.crisp.forget_requests();
        let edit = json!({"session_id": session, "fingerprint": 77, "content": format!("my {kind} {CARD}")});
        world.hear(id, &[("message:updated", edit, ms())]).await;
        let after = world.dump().await;
        let messages: Vec<&str> =
            after.lines().filter(|line| line.starts_with("messages:") && line.contains(CARD)).collect();
        assert!(messages.is_empty(), "{messages:?}");
        assert!(world.crisp.requests().total > 0, "the transcript is read instead");
        if kind == "text" {
            assert!(!after.contains(CARD), "with redaction the applied hook is emptied, too");
        }
    }
}

/// Lists, hooks and edits; bodies, structured content and subjects; shown and skipped.
#[tokio::test]
async fn with_redaction_nothing_is_stored_unredacted_through_whichever_door_it_came() {
    const CARD: &str = "5555 5555 5555 4444";
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let said = |text: &str| format!("{text} {CARD}");
    let new = NewConversation {
        people_id: Some(ben),
        subject: Some(said("listed subject")),
        ..NewConversation::default()
    };
    let session = change.start_conversation(new, &said("listed"));
    let file = json!({"name": said("file"), "url": "https://files.example/1", "type": "text/plain"});
    change.send(&session, NewMessage::of_kind("file", Side::User, file)).unwrap();
    change.send(&session, NewMessage::note(&said("note"))).unwrap();
    let skipped = NewConversation {
        email: Some("nobody@northwind.example".to_owned()),
        subject: Some(said("skipped subject")),
        ..NewConversation::default()
    };
    change.start_conversation(skipped, &said("skipped"));
    let id = world.connected().await;
    put_settings(&world, id, json!({"redact": true})).await;
    world.sync(id, SyncKind::Full).await;
    let listed = world.dump().await;
    assert!(listed.contains("listed subject [card removed]") && listed.contains("note [card removed]"));
    assert!(listed.contains("skipped subject [card removed]") && !listed.contains(CARD), "{listed}");

    let message = |fingerprint: u64, text: &str| {
        json!({"session_id": session, "fingerprint": fingerprint, "type": "text", "from": "user", "origin": "chat",
            "content": said(text), "timestamp": ms()})
    };
    let edit = json!({"session_id": session, "fingerprint": 88, "content": said("edited")});
    let subject = json!({"session_id": session, "subject": said("hooked subject")});
    let hooks = [
        ("message:send", message(88, "hooked"), ms()),
        ("message:updated", edit, ms() + 1),
        ("message:received", message(89, "answered"), ms()),
        ("session:set_subject", subject, ms()),
    ];
    world.hear(id, &hooks).await;
    let heard = world.dump().await;
    assert!(
        heard.contains("hooked subject [card removed]") && heard.contains("edited [card removed]"),
        "{heard}"
    );
    assert!(heard.contains("answered [card removed]") && !heard.contains(CARD), "{heard}");
}

#[tokio::test]
async fn what_is_redacted_is_counted_once() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    let ben = change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let session = change.start_conversation(NewConversation::by_people_id(&ben), "4111111111111111");
    let id = world.connected().await;
    put_settings(&world, id, json!({"redact": true})).await;
    let counted = async || {
        let mut session = world.engine.database().read_primary(world.account).await.unwrap();
        crisp_storage::integrations::hook_channel(&mut session, id).await.unwrap().redactions
    };
    world.sync(id, SyncKind::Full).await;
    assert_eq!(counted().await, 1);
    let again = crisp_sync::syncs::Messages::All;
    let sync = crisp_sync::syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, again)
        .await
        .unwrap()
        .sync_id();
    world
        .work_until(async || {
            !crisp_sync::syncs::get(&world.engine, world.account, sync).await.unwrap().is_under_way()
        })
        .await;
    assert_eq!(counted().await, 1, "reading again redacts nothing more");
    let said = json!({"session_id": session, "fingerprint": 88, "type": "text", "from": "user", "origin": "chat",
        "content": "5555555555554444", "timestamp": ms()});
    world.hear(id, &[("message:send", said.clone(), ms()), ("message:send", said, ms() + 1)]).await;
    assert_eq!(counted().await, 2, "a message that is delivered twice is redacted once");
}

#[tokio::test]
async fn a_website_that_was_let_go_of_takes_no_more_hooks() {
    let world = empty_world().await;
    let id = world.imported().await;
    connect::disconnect(&world.engine, world.account, id, ACTOR, Imported::Purge).await.unwrap();
    let mut session = world.engine.database().append(world.account).await.unwrap();
    let heard = crisp_storage::hooks::note_arrival(&mut session, id, None, now()).await.unwrap();
    let hook = crisp_storage::hooks::NewHook {
        id: crisp_domain::ids::uuid_v7(now()),
        integration_id: id,
        dedupe_key: vec![1],
        event: "message:send".to_owned(),
        session_id: None,
        people_id: None,
        crisp_at: None,
        body: b"{}".to_vec(),
    };
    let stored = crisp_storage::hooks::store(&mut session, id, &[hook], now()).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!((heard, stored), (false, 0));
}
