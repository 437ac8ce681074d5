//! Every function that writes.

use std::collections::BTreeSet;
use std::time::Duration;

use crisp_client::{PeopleId, WebsiteId};
use crisp_domain::email::EmailKey;
use crisp_domain::ids::{ConversationId, IntegrationId, SyncId, uuid_v7};
use crisp_storage::directory::{CompanyRow, ContactRow};
use crisp_storage::erasure::{ErasureKey, Trace};
use crisp_storage::integrations::IntegrationRow;
use crisp_storage::profiles::ProfileRow;
use crisp_storage::syncs::SyncRow;
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::work::Lane;
use crisp_storage::{
    adoption, audit, claims, conversations, dead_letters, directory, erasure, hooks, integrations, matches,
    messages, operators, profiles, purge, secrets, sightings, syncs, transcripts, unreadable, wanted, work,
};
use secrecy::SecretBox;
use uuid::Uuid;

use super::hearing::call;
use crate::setting::{Setting, message, now};

pub(super) async fn call_all(setting: &Setting, called: &mut BTreeSet<String>) {
    call_integrations(setting, called).await;
    call_passes(setting, called).await;
    call_directory(setting, called).await;
    call_conversations(setting, called).await;
    call_hooks(setting, called).await;
    call_wanted(setting, called).await;
    call_erasure(setting, called).await;
    call_work(setting, called).await;
}

fn draft(setting: &Setting) -> IntegrationRow {
    let id = IntegrationId::new_v7(now());
    IntegrationRow::draft(setting.account, id, "code".to_owned(), serde_json::json!({}), now())
}

async fn call_integrations(setting: &Setting, called: &mut BTreeSet<String>) {
    let integration = setting.integration;
    let website = WebsiteId::new(Uuid::nil());
    let detail = serde_json::json!({});
    let names = [("op1".to_owned(), "Olga".to_owned())];
    call!(setting, called, audit::append, "system", "tested", Some(integration), &detail, now());
    call!(setting, called, integrations::insert, &draft(setting));
    call!(setting, called, integrations::save, &draft(setting));
    call!(setting, called, integrations::add_redactions, integration, 1);
    call!(setting, called, integrations::bring_forward, integration, (Some(now()), None));
    call!(setting, called, integrations::note_forecast, integration, 1, 1);
    call!(setting, called, claims::claim, website, integration, now());
    call!(setting, called, claims::claimed_at, integration);
    call!(setting, called, claims::release, integration);
    call!(setting, called, adoption::adopt_some, integration, integration, 1);
    call!(setting, called, adoption::adopt, integration, integration);
    call!(setting, called, operators::save, integration, &names, now());
}

async fn call_passes(setting: &Setting, called: &mut BTreeSet<String>) {
    use sightings::Kind;
    let integration = setting.integration;
    let id = SyncId::new_v7(now());
    let row = SyncRow::queued((setting.account, integration), id, ("full", "manual"), None, now());
    let odd = [("p1".to_owned(), "odd".to_owned())];
    let some = ["some".to_owned()];
    call!(setting, called, syncs::insert, &row);
    call!(setting, called, syncs::save, &row);
    call!(setting, called, syncs::close, &row);
    call!(setting, called, syncs::forget, now(), 1);
    call!(setting, called, syncs::request_cancel, id);
    let mut session = setting.write().await;
    syncs::insert(&mut session, &row).await.unwrap();
    session.commit().await.unwrap();
    call!(setting, called, syncs::is_cancel_requested, id);
    call!(setting, called, sightings::record, id, Kind::Profile, &some);
    call!(setting, called, sightings::clear, id);
    call!(setting, called, unreadable::save, integration, unreadable::Kind::Profile, &odd, now());
    call!(setting, called, unreadable::clear, integration, unreadable::Kind::Profile, &some);
    call!(setting, called, unreadable::clear_places, integration, unreadable::Kind::Profile);
    call!(setting, called, unreadable::clear_transcripts, integration, &some);
}

async fn call_directory(setting: &Setting, called: &mut BTreeSet<String>) {
    let integration = setting.integration;
    let id = uuid_v7(now());
    let company = CompanyRow { id, external_id: "new".to_owned(), name: None };
    let contact = setting.add_contact("Ben", &[]).await;
    let profile = ProfileRow {
        integration_id: integration.as_uuid(),
        people_id: "p2".to_owned(),
        contact_id: contact,
        email: None,
        email_key: None,
        raw: serde_json::json!({}),
        data: None,
        active_last: None,
        crisp_updated_at: None,
        hooked_at: None,
        hook_stamp: None,
    };
    call!(setting, called, directory::save_contacts, &[ContactRow::new(id, now())], now());
    call!(setting, called, directory::save_companies, &[company], now());
    call!(setting, called, directory::replace_memberships, &[contact], &[]);
    call!(setting, called, directory::delete_unused_contacts, &[contact]);
    call!(setting, called, profiles::save, integration, &[profile], now());
    call!(setting, called, profiles::delete, integration, &["p2".to_owned()]);
}

async fn call_conversations(setting: &Setting, called: &mut BTreeSet<String>) {
    let row = setting.conversation("session_1", 0);
    let (integration, id) = (setting.integration, ConversationId::from(row.id));
    let rows = [row];
    setting.save_conversations(&rows).await;
    let decision = matches::DecisionRow {
        id: uuid_v7(now()),
        conversation_id: id.as_uuid(),
        cause: "import".to_owned(),
        decision: serde_json::json!({}),
    };
    call!(setting, called, transcripts::plan_notes, integration, now());
    call!(setting, called, transcripts::forget_calm, integration, now());
    call!(setting, called, conversations::save, integration, &rows, now());
    call!(setting, called, conversations::link_companies, &[id.as_uuid()]);
    call!(setting, called, matches::record, &[decision], now());
    call!(setting, called, messages::forget_notes, integration, now());
    call!(setting, called, messages::save, &[message(id.as_uuid(), 1, 0)], now());
    call!(setting, called, messages::forget, &[id.as_uuid()]);
}

async fn call_hooks(setting: &Setting, called: &mut BTreeSet<String>) {
    let integration = setting.integration;
    let hook = hooks::NewHook {
        id: uuid_v7(now()),
        integration_id: integration,
        dedupe_key: vec![1],
        event: "message:send".to_owned(),
        session_id: None,
        people_id: None,
        crisp_at: None,
        body: Vec::new(),
    };
    call!(setting, called, hooks::store, integration, std::slice::from_ref(&hook), now());
    call!(setting, called, hooks::note_arrival, integration, Some(1), now());
    call!(setting, called, hooks::mark_applied, &[hook.id], "applied", hooks::Body::Emptied, now());
    call!(setting, called, hooks::delete, &[hook.id]);
    call!(setting, called, hooks::forget_dead_bodies, now(), 1);
    call!(setting, called, hooks::put_off, hook.id, "odd", None, now());
    call!(setting, called, hooks::forget_applied, now(), 1);
    call!(setting, called, dead_letters::retry, dead_letters::Which::All, now());
}

async fn call_wanted(setting: &Setting, called: &mut BTreeSet<String>) {
    let integration = setting.integration;
    let wish = wanted::Wanted {
        kind: "profile".to_owned(),
        external_id: "p1".to_owned(),
        reason: "hook".to_owned(),
        due_at: now(),
        version: 1,
        attempts: 0,
        error: None,
    };
    call!(setting, called, wanted::want, integration, wanted::Kind::Profile, "p1", "hook", now(), now());
    call!(setting, called, wanted::fulfil, integration, &wish);
    call!(setting, called, wanted::put_off, integration, &wish, "odd", None, now());
}

async fn erasure_key(setting: &Setting) -> (KeyRing, ErasureKey) {
    let key = Key { id: "k1".to_owned(), bytes: SecretBox::new(Box::new([1; 32])) };
    let ring = KeyRing::new(vec![key]).unwrap();
    let key = secrets::erasure_key(&setting.database, &ring, now()).await.unwrap();
    (ring, key)
}

async fn call_erasure(setting: &Setting, called: &mut BTreeSet<String>) {
    let (ring, key) = erasure_key(setting).await;
    let email = EmailKey::parse("ana@acme.example").unwrap();
    let hash = key.hash(setting.account, Trace::Email(&email));
    let people = PeopleId::new("p1");
    let other = key.hash(setting.account, Trace::People(&people));
    call!(setting, called, erasure::suppressed, &[hash, other]);
    call!(setting, called, erasure::erase_person, &key, &email, now());
    let met = erasure::Met {
        by: vec![hash],
        sessions: vec!["session_1".to_owned()],
        people: vec!["p1".to_owned()],
        writers: vec!["p2".to_owned()],
    };
    call!(setting, called, erasure::erase_again, &key, &met, now());
    let mut session = setting.write().await;
    erasure::erase_person(&mut session, &key, &email, now()).await.unwrap();
    session.commit().await.unwrap();
    call!(setting, called, erasure::readmit, &[hash]);
    secrets::rotate(&setting.database, &ring, now(), |_| {}).await.unwrap();
    // Each step deletes from the next table that still has something.
    let mut session = setting.write().await;
    while !purge::purge_step(&mut session, setting.integration, 10).await.unwrap().done {}
    called.insert("purge::purge_step".to_owned());
}

async fn call_work(setting: &Setting, called: &mut BTreeSet<String>) {
    let integration = setting.integration;
    setting.database.signal(setting.account, integration, Lane::Sync, now()).await.unwrap();
    let slots = work::Slots { free: 1, each_account: 1 };
    let claimed = setting.database.claim(&[Lane::Sync], "test", Duration::from_mins(1), slots).await.unwrap();
    call!(setting, called, work::signal, integration, Lane::Live, now());
    call!(setting, called, work::fence, &claimed[0]);
}
