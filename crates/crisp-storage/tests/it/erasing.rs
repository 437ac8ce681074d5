use std::fmt::Write;

use crisp_client::{PeopleId, SessionId};
use crisp_domain::email::EmailKey;
use crisp_domain::ids::{IntegrationId, uuid_v7};
use crisp_storage::conversations::ConversationRow;
use crisp_storage::erasure::{
    Erased, ErasureKey, Met, Receipt, Trace, erase_again, erase_person, readmit, suppressed,
};
use crisp_storage::hooks::NewHook;
use crisp_storage::matches::DecisionRow;
use crisp_storage::profiles::ProfileRow;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{AccountSession, directory, hooks, matches, profiles, secrets, unreadable, wanted};
use secrecy::SecretBox;
use serde_json::json;
use uuid::Uuid;

use crate::setting::{Setting, client, message, now};

/// What must not be found anywhere afterwards.
const TRACES: [&str; 5] =
    ["ana@acme.example", "people-ana", "session_shown", "session_skipped", "session_by_people"];

async fn key(setting: &Setting) -> ErasureKey {
    let ring =
        KeyRing::new(vec![Key { id: "k".to_owned(), bytes: SecretBox::new(Box::new([7; 32])) }]).unwrap();
    secrets::erasure_key(&setting.database, &ring, now()).await.unwrap()
}

fn ana() -> EmailKey {
    EmailKey::parse("Ana@Acme.example").unwrap()
}

fn profile(integration: IntegrationId, people_id: &str, contact_id: Uuid, email: &str) -> ProfileRow {
    ProfileRow {
        integration_id: integration.as_uuid(),
        people_id: people_id.to_owned(),
        contact_id,
        email: Some(email.to_owned()),
        email_key: Some(email.to_lowercase()),
        raw: json!({ "email": email, "people_id": people_id }),
        data: None,
        active_last: None,
        crisp_updated_at: None,
        hooked_at: None,
        hook_stamp: None,
    }
}

fn hook(setting: &Setting, session_id: Option<&str>, people_id: Option<&str>, body: &str) -> NewHook {
    let id = uuid_v7(now());
    NewHook {
        id,
        integration_id: setting.integration,
        dedupe_key: id.as_bytes().to_vec(),
        event: "message:send".to_owned(),
        session_id: session_id.map(str::to_owned),
        people_id: people_id.map(str::to_owned),
        crisp_at: None,
        body: body.as_bytes().to_vec(),
    }
}

/// Ana in every table, and Ben beside her.
async fn plant(setting: &Setting) {
    let company = setting.add_company("Acme").await;
    let (ana, ben) =
        (setting.add_contact("Ana", &[company]).await, setting.add_contact("Ben", &[company]).await);
    let row = |session: &str, change: fn(&mut ConversationRow)| {
        let mut row = setting.conversation(session, 0);
        change(&mut row);
        row
    };
    let mut shown = row("session_shown", |row| row.email_key = None);
    shown.contact_id = Some(ana);
    let skipped = row("session_skipped", |row| {
        row.email = Some("Ana@Acme.example".to_owned());
        row.email_key = Some("ana@acme.example".to_owned());
        row.skip_reason = Some("no_match".to_owned());
    });
    let by_people = row("session_by_people", |row| row.people_id = Some("people-ana".to_owned()));
    let mut of_ben = row("session_of_ben", |row| row.people_id = Some("people-ben".to_owned()));
    of_ben.contact_id = Some(ben);
    let (shown_id, ben_id) = (shown.id, of_ben.id);
    setting.save_conversations(&[shown, skipped, by_people, of_ben]).await;
    setting.save_messages(&[message(shown_id, 1, 1), message(shown_id, 2, 2)]).await;
    setting.save_messages(&[message(ben_id, 3, 3)]).await;

    let mut session = setting.write().await;
    let integration = setting.integration;
    let rows = [
        profile(integration, "people-ana", ana, "Ana@Acme.example"),
        profile(integration, "people-ben", ben, "ben@acme.example"),
    ];
    profiles::save(&mut session, integration, &rows, now()).await.unwrap();
    plant_work(&mut session, setting, shown_id).await;
    session.commit().await.unwrap();
}

async fn plant_work(session: &mut AccountSession, setting: &Setting, conversation_id: Uuid) {
    let integration = setting.integration;
    let hook_rows = [
        hook(setting, Some("session_shown"), None, "{}"),
        hook(setting, None, Some("people-ana"), "{}"),
        hook(setting, Some("session_unknown"), None, r#"{"data":{"email":"ANA\u0040acme.example"}}"#),
        hook(setting, Some("session_of_ben"), Some("people-ben"), r#"{"data":{"email":"ben@acme.example"}}"#),
    ];
    hooks::store(session, integration, &hook_rows, now()).await.unwrap();
    hooks::put_off(session, hook_rows[2].id, "no luck", None, now()).await.unwrap();
    for (kind, id) in [(wanted::Kind::Conversation, "session_shown"), (wanted::Kind::Profile, "people-ana")] {
        wanted::want(session, integration, kind, id, "test", now(), now()).await.unwrap();
    }
    let odd = |id: &str| vec![(id.to_owned(), "odd".to_owned())];
    unreadable::save(session, integration, unreadable::Kind::Profile, &odd("people-ana"), now())
        .await
        .unwrap();
    unreadable::save(session, integration, unreadable::Kind::Message, &odd("session_shown:9"), now())
        .await
        .unwrap();
    unreadable::save(session, integration, unreadable::Kind::Message, &odd("session_of_ben:9"), now())
        .await
        .unwrap();
    let decision =
        DecisionRow { id: uuid_v7(now()), conversation_id, cause: "test".to_owned(), decision: json!({}) };
    matches::record(session, &[decision], now()).await.unwrap();
}

/// Every row of every table as text.
async fn dump(setting: &Setting) -> String {
    let client = client(setting.url()).await;
    let mut text = String::new();
    for table in crate::catalogue::tenant_tables() {
        let columns =
            if table == "hooks" { "session_id, people_id, encode(body, 'escape'), error" } else { "*" };
        let query = format!("select lower(t::text) from (select {columns} from {table}) t");
        for row in client.query(&query, &[]).await.unwrap() {
            writeln!(text, "{table}: {}", row.get::<_, String>(0)).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn a_person_goes_from_every_table_and_nobody_else_does() {
    let setting = Setting::new().await;
    plant(&setting).await;
    let before = dump(&setting).await;
    assert!(TRACES.iter().all(|trace| before.contains(trace)), "{before}");

    let mut session = setting.write().await;
    let Erased { receipt, enriched } =
        erase_person(&mut session, &key(&setting).await, &ana(), now()).await.unwrap();
    session.commit().await.unwrap();
    let expected = Receipt { contacts: 1, profiles: 1, conversations: 1, messages: 2, skipped: 1, hooks: 3 };
    assert_eq!((receipt, enriched), (expected, Vec::new()));

    let after = dump(&setting).await;
    for trace in TRACES {
        assert!(!after.contains(trace), "{trace} is still in\n{after}");
    }
    assert!(!after.contains("ana\\\\u0040"), "{after}");
    for bens in ["ben@acme.example", "people-ben", "session_of_ben", "message 3", "session_of_ben:9"] {
        assert!(after.contains(bens), "{bens} is gone");
    }
    assert!(!after.contains("match_decisions"), "a decision outlived its conversation");
}

#[tokio::test]
async fn erasing_somebody_unknown_changes_nothing_and_is_remembered() {
    let setting = Setting::new().await;
    let key = key(&setting).await;
    let mut session = setting.write().await;
    for _twice in 0..2 {
        assert_eq!(erase_person(&mut session, &key, &ana(), now()).await.unwrap(), Erased::default());
    }
    let email = key.hash(setting.account, Trace::Email(&ana()));
    assert!(suppressed(&mut session, &[email]).await.unwrap().contains(&email));
}

#[tokio::test]
async fn erased_people_stay_away_until_the_directory_adds_them_again() {
    let setting = Setting::new().await;
    let key = key(&setting).await;
    plant(&setting).await;
    let mut session = setting.write().await;
    erase_person(&mut session, &key, &ana(), now()).await.unwrap();

    let (people, ben) = (PeopleId::new("people-ana"), PeopleId::new("people-ben"));
    let shown = SessionId::new("session_shown");
    let ben = key.hash(setting.account, Trace::People(&ben));
    let email = key.hash(setting.account, Trace::Email(&ana()));
    let hers = [
        email,
        key.hash(setting.account, Trace::People(&people)),
        key.hash(setting.account, Trace::Session(&shown)),
    ];
    let asked = [hers.as_slice(), &[ben]].concat();
    assert_eq!(suppressed(&mut session, &asked).await.unwrap(), hers.into());

    assert_eq!(readmit(&mut session, &[ben]).await.unwrap(), 0);
    assert_eq!(readmit(&mut session, &[email]).await.unwrap(), 1);
    assert!(suppressed(&mut session, &asked).await.unwrap().is_empty());
}

/// An old conversation under Ana's address may be linked to a profile that is Ben's by now.
#[tokio::test]
async fn a_profile_of_somebody_else_is_not_taken_along() {
    let setting = Setting::new().await;
    plant(&setting).await;
    let mut row = setting.conversation("session_mixed", 0);
    row.email_key = Some("ana@acme.example".to_owned());
    row.people_id = Some("people-ben".to_owned());
    setting.save_conversations(&[row]).await;
    let mut session = setting.write().await;
    let Erased { receipt, enriched } =
        erase_person(&mut session, &key(&setting).await, &ana(), now()).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!((receipt.conversations, receipt.profiles, enriched.len()), (1, 1, 0));
    let after = dump(&setting).await;
    assert!(after.contains("people-ben") && !after.contains("session_mixed"));
}

/// What it holds of Crisp's is taken back by whoever knows the mappings.
#[tokio::test]
async fn a_contact_under_another_address_stays_and_is_told() {
    let setting = Setting::new().await;
    let contact = setting.add_contact("Moved", &[]).await;
    let mut session = setting.write().await;
    let mut row = directory::list_contacts(&mut session, &[contact]).await.unwrap().remove(0);
    row.external_id = Some("moved".to_owned());
    directory::save_contacts(&mut session, &[row], now()).await.unwrap();
    let old = profile(setting.integration, "people-ana", contact, "Ana@Acme.example");
    profiles::save(&mut session, setting.integration, &[old], now()).await.unwrap();
    let Erased { receipt, enriched } =
        erase_person(&mut session, &key(&setting).await, &ana(), now()).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!((receipt.contacts, receipt.profiles, enriched), (0, 1, vec![contact]));
    let after = dump(&setting).await;
    assert!(after.contains("moved@acme.example") && !after.contains("ana@acme.example"), "{after}");
}

/// Nothing but a hook ties the first chat to Ana, nothing but that hook's sibling and a wish tell of it, and her second
/// address is known from her profile alone.
#[tokio::test]
async fn every_trace_is_followed_to_its_end() {
    let setting = Setting::new().await;
    let key = key(&setting).await;
    let contact = setting.add_contact("Ana", &[]).await;
    let mut private = setting.conversation("session_private", 0);
    private.email_key = Some("ana@home.example".to_owned());
    setting.save_conversations(&[private]).await;
    let mut session = setting.write().await;
    let integration = setting.integration;
    let other = profile(integration, "people-ana", contact, "ana@home.example");
    profiles::save(&mut session, integration, &[other], now()).await.unwrap();
    let told = r#"{"website_id":"00000000-0000-0000-0000-000000000001","event":"session:set_email",
        "data":{"session_id":"session_heard","email":"ana@acme.example"}}"#;
    let rows = [
        hook(&setting, Some("session_heard"), None, told),
        hook(&setting, Some("session_heard"), None, "{\"text\":\"sibling\"}"),
        hook(&setting, Some("session_of_ben"), None, "{\"text\":\"write to ana@acme.example\"}"),
        hook(&setting, Some("session_of_ben"), None, "{\"text\":\"hello\"}"),
    ];
    hooks::store(&mut session, integration, &rows, now()).await.unwrap();
    wanted::want(
        &mut session,
        integration,
        wanted::Kind::Conversation,
        "session_heard",
        "hook",
        now(),
        now(),
    )
    .await
    .unwrap();
    let Erased { receipt, .. } = erase_person(&mut session, &key, &ana(), now()).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!((receipt.hooks, receipt.profiles, receipt.contacts), (3, 1, 1));
    let after = dump(&setting).await;
    for trace in ["ana@", "session_heard", "session_private", "people-ana", "sibling"] {
        assert!(!after.contains(trace), "{trace} is still in\n{after}");
    }
    assert!(after.contains("session_of_ben"), "Ben's other hook is Ben's");

    let home = key.hash(setting.account, Trace::Email(&EmailKey::parse("ana@home.example").unwrap()));
    let heard = key.hash(setting.account, Trace::Session(&SessionId::new("session_heard")));
    let mut session = setting.write().await;
    assert_eq!(suppressed(&mut session, &[home, heard]).await.unwrap().len(), 2);
    assert_eq!(readmit(&mut session, &[home]).await.unwrap(), 1, "by any of her addresses");
    assert!(suppressed(&mut session, &[home, heard]).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_met_again_goes_again_and_is_recognised_by_more_from_then_on() {
    let setting = Setting::new().await;
    let key = key(&setting).await;
    let mut session = setting.write().await;
    erase_person(&mut session, &key, &ana(), now()).await.unwrap();
    session.commit().await.unwrap();
    plant(&setting).await;
    let email = key.hash(setting.account, Trace::Email(&ana()));
    let met = Met {
        by: vec![email],
        sessions: vec!["session_shown".to_owned()],
        people: Vec::new(),
        writers: vec!["people-ben".to_owned(), "people-new".to_owned()],
    };
    let mut session = setting.write().await;
    assert!(erase_again(&mut session, &key, &met, now()).await.unwrap().is_empty());
    let shown = key.hash(setting.account, Trace::Session(&SessionId::new("session_shown")));
    let new = key.hash(setting.account, Trace::People(&PeopleId::new("people-new")));
    let ben = key.hash(setting.account, Trace::People(&PeopleId::new("people-ben")));
    assert_eq!(suppressed(&mut session, &[shown, new, ben]).await.unwrap(), [shown, new].into());
    session.commit().await.unwrap();
    let after = dump(&setting).await;
    assert!(!after.contains("session_shown") && !after.contains("message 1"), "{after}");
    assert!(after.contains("people-ben") && after.contains("session_of_ben"));
}
