use crisp_domain::ids::{IntegrationId, SyncId, uuid_v7};
use crisp_storage::directory::{self, ContactRow};
use crisp_storage::hooks::NewHook;
use crisp_storage::syncs::SyncRow;
use crisp_storage::{audit, hooks, integrations, operators, purge, sightings, syncs, unreadable, wanted};
use serde_json::json;
use uuid::Uuid;

use crate::setting::{Setting, client, message, now};

/// Rows by table, of the integration where a table has one.
async fn rows(setting: &Setting) -> Vec<(&'static str, i64)> {
    let client = client(setting.url()).await;
    let mut counted = Vec::new();
    for table in crate::catalogue::tenant_tables() {
        let count = client.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
        if count > 0 {
            counted.push((table, count));
        }
    }
    counted
}

async fn add_crisp_contact(setting: &Setting) -> Uuid {
    let row = ContactRow::new(uuid_v7(now()), now());
    let mut session = setting.write().await;
    directory::save_contacts(&mut session, std::slice::from_ref(&row), now()).await.unwrap();
    session.commit().await.unwrap();
    row.id
}

/// A contact that only Crisp brought, one of the directory, conversations of both, and work of every kind.
async fn import(setting: &Setting, prefix: &str) {
    let company = setting.add_company(prefix).await;
    let (brought, own) = (add_crisp_contact(setting).await, setting.add_contact(prefix, &[company]).await);
    let mut session = setting.write().await;
    let rows = [ContactRow {
        external_id: Some(prefix.to_owned()),
        ..directory::list_contacts(&mut session, &[own]).await.unwrap().remove(0)
    }];
    directory::save_contacts(&mut session, &rows, now()).await.unwrap();
    session.commit().await.unwrap();
    setting.add_profile(&format!("{prefix}-brought"), brought).await;
    setting.add_profile(&format!("{prefix}-own"), own).await;
    for (number, contact) in [(0, Some(brought)), (1, Some(own)), (2, None)] {
        let mut row = setting.conversation(&format!("session_{prefix}_{number}"), 0);
        row.contact_id = contact;
        row.skip_reason = contact.is_none().then(|| "no_match".to_owned());
        let id = row.id;
        setting.save_conversations(&[row]).await;
        setting.save_messages(&[message(id, 1, 1), message(id, 2, 2), message(id, 3, 3)]).await;
    }
    work(setting, prefix).await;
}

async fn work(setting: &Setting, prefix: &str) {
    let (integration, id) = (setting.integration, uuid_v7(now()));
    let mut session = setting.write().await;
    let hook = NewHook {
        id,
        integration_id: integration,
        dedupe_key: id.as_bytes().to_vec(),
        event: "message:send".to_owned(),
        session_id: None,
        people_id: None,
        crisp_at: None,
        body: b"{}".to_vec(),
    };
    hooks::store(&mut session, integration, &[hook], now()).await.unwrap();
    wanted::want(&mut session, integration, wanted::Kind::Profile, prefix, "test", now(), now())
        .await
        .unwrap();
    let odd = [(prefix.to_owned(), "odd".to_owned())];
    unreadable::save(&mut session, integration, unreadable::Kind::Profile, &odd, now()).await.unwrap();
    operators::save(&mut session, integration, &[(prefix.to_owned(), "Ola".to_owned())], now())
        .await
        .unwrap();
    let run = SyncRow::queued(
        (setting.account, integration),
        SyncId::new_v7(now()),
        ("full", "manual"),
        None,
        now(),
    );
    syncs::insert(&mut session, &run).await.unwrap();
    sightings::record(&mut session, run.sync_id(), sightings::Kind::Profile, &[prefix.to_owned()])
        .await
        .unwrap();
    session.commit().await.unwrap();
}

#[tokio::test]
async fn purging_piece_by_piece_leaves_the_directory_the_log_and_other_integrations() {
    let mut setting = Setting::new().await;
    let first = setting.integration;
    let mut session = setting.write().await;
    let mut row = integrations::get(&mut session, first).await.unwrap();
    row.website_token = Some(vec![1]);
    integrations::save(&mut session, &row).await.unwrap();
    audit::append(&mut session, "somebody", "integration.connected", Some(first), &json!({}), now())
        .await
        .unwrap();
    session.commit().await.unwrap();

    setting.integration = IntegrationId::new_v7(now());
    setting.add_integration(setting.account, setting.integration).await;
    import(&setting, "kept").await;
    let expected = rows(&setting).await;
    setting.integration = first;
    import(&setting, "gone").await;

    let mut steps = 0;
    loop {
        let mut session = setting.write().await;
        let done = purge::purge_step(&mut session, first, 2).await.unwrap().done;
        session.commit().await.unwrap();
        steps += 1;
        if done {
            break;
        }
    }
    assert!(steps > 10, "{steps} steps for 3 · 3 messages and more, two at a time");
    let mut expected = expected;
    // The directory's own contact, its company and membership stay.
    for (table, count) in &mut expected {
        *count += i64::from(matches!(*table, "companies" | "contact_companies" | "contacts"));
    }
    assert_eq!(rows(&setting).await, expected);
    let row = integrations::get(&mut setting.read().await, first).await.unwrap();
    assert_eq!(row.website_token, None);
}

#[tokio::test]
async fn a_contact_that_another_integration_knows_stays() {
    let mut setting = Setting::new().await;
    let (first, brought) = (setting.integration, add_crisp_contact(&setting).await);
    setting.add_profile("here", brought).await;
    setting.integration = IntegrationId::new_v7(now());
    setting.add_integration(setting.account, setting.integration).await;
    setting.add_profile("there", brought).await;
    for (integration, left) in [(first, 1), (setting.integration, 0)] {
        let mut session = setting.write().await;
        while !purge::purge_step(&mut session, integration, 50).await.unwrap().done {}
        session.commit().await.unwrap();
        assert_eq!(
            directory::list_contacts(&mut setting.read().await, &[brought]).await.unwrap().len(),
            left
        );
    }
}
