//! A website comes back through another integration of the account.

use serde_json::{Value, json};
use testkit::simulator::{Options, PersonUpdate};

use crate::world::World;

/// What people see: contacts with their people ids, a company's conversations with their messages, its support.
async fn seen(world: &World) -> Value {
    let mut contacts = world.walk("/v1/contacts", 200).await;
    let mut conversations = world.walk("/v1/companies/northwind/conversations", 200).await;
    let support = world.get("/v1/companies/northwind/support").await.json;
    for row in contacts.iter_mut().chain(&mut conversations) {
        // Which integration brought it, and as of when it is true, are what changes.
        for changing in ["integration_id", "synced_at"] {
            row.as_object_mut().unwrap().remove(changing);
        }
    }
    json!({"contacts": contacts, "conversations": conversations, "support": support})
}

async fn everybody_belongs_to_northwind(world: &World) {
    let company = json!([{"external_id": "northwind", "name": "Northwind"}]);
    let addresses = world.crisp.truth(world.website()).people().filter_map(|person| person.email);
    let contact = |(number, email)| json!({"external_id": format!("k-{number}"), "email": email, "companies": ["northwind"]});
    let contacts: Vec<Value> = addresses.enumerate().map(contact).collect();
    let batch = json!({"companies": company, "contacts": contacts});
    assert_eq!(world.post("/v1/directory/batch", batch).await.status, 200);
}

/// Connects the first website through a new integration, by its connection code.
async fn connect_anew(world: &World) -> String {
    let path = world.connected().await;
    assert_eq!(world.get(&path).await.json["website_id"], json!(world.website()));
    path
}

async fn import(world: &World, path: &str, kind: &str) {
    let ask = async || world.post(&format!("{path}/syncs"), json!({"kind": kind})).await;
    let mut sync = ask().await;
    if sync.status == 409 {
        // The pass that the import of a new integration owes has begun by itself.
        let under_way = format!("/v1/syncs/{}", sync.json["sync_id"].as_str().unwrap());
        world.work_until(async || !world.get(&under_way).await.json["finished_at"].is_null()).await;
        sync = ask().await;
    }
    assert_eq!(sync.status, 202, "{sync:?}");
    let sync = format!("/v1/syncs/{}", sync.json["id"].as_str().unwrap());
    world.work_until(async || !world.get(&sync).await.json["finished_at"].is_null()).await;
    assert_eq!(world.get(&sync).await.json["state"], "succeeded");
}

#[tokio::test]
async fn a_kept_import_is_handed_over_and_never_seen_twice() {
    let world = World::of(Options::of_size(12, 30)).await;
    let old = world.imported().await;
    everybody_belongs_to_northwind(&world).await;
    let before = seen(&world).await;
    assert!(before["conversations"].as_array().unwrap().len() > 10);
    assert_eq!(world.delete(&format!("{old}?imported=keep")).await.status, 204);

    let new = connect_anew(&world).await;
    assert_eq!(seen(&world).await, before, "at once, before anything was imported");
    import(&world, &new, "full").await;
    assert_eq!(seen(&world).await, before, "and after the import");
    assert_eq!(world.get(&new).await.json["state"], "active");
    let emptied = world.get(&old).await.json;
    assert_eq!((&emptied["state"], &emptied["website_id"]), (&json!("disconnected"), &Value::Null));

    // The contact follows Crisp through the new integration, and nothing holds it back.
    let someone = world.crisp.truth(world.website()).people().find(|person| person.email.is_some()).unwrap();
    let renamed = PersonUpdate { nickname: Some("Renamed Meanwhile".to_owned()), ..PersonUpdate::default() };
    world.crisp.change(world.website()).update_person(&someone.people_id, renamed).unwrap();
    import(&world, &new, "incremental").await;
    let contact = world.get(&format!("/v1/contacts?crisp_people_id={}", someone.people_id)).await;
    assert_eq!(contact.items().len(), 1);
    assert_eq!(contact.items()[0]["name"], "Renamed Meanwhile");

    // A purge of the new integration purges it all; the old one has nothing any more.
    assert_eq!(world.delete(&format!("{old}?imported=purge")).await.status, 204);
    assert_eq!(world.walk("/v1/contacts?source=crisp", 200).await.len(), 12);
    assert_eq!(world.delete(&format!("{new}?imported=purge")).await.status, 204);
    world.work_until(async || world.get("/v1/contacts?source=crisp").await.items().is_empty()).await;
}

/// One transaction would hold the account's write turn for as long as it takes.
#[tokio::test]
async fn a_large_import_is_handed_over_in_parts_and_whole() {
    let world = World::of(Options::of_size(1_300, 0)).await;
    let old = world.imported().await;
    assert_eq!(world.delete(&format!("{old}?imported=keep")).await.status, 204);
    let new = connect_anew(&world).await;
    let id = new.rsplit('/').next().unwrap();
    let moved = world.number(&format!("select count(*) from profiles where integration_id = '{id}'")).await;
    let parts = world.number("select count(distinct xmin::text) from profiles").await;
    assert_eq!((moved, parts), (1_300, 2));
    assert_eq!(world.get(&old).await.json["website_id"], Value::Null);
}

#[tokio::test]
async fn what_vanished_while_nobody_looked_is_found_after_the_import_of_the_new_integration() {
    let world = World::of(Options::of_size(6, 10)).await;
    let old = world.imported().await;
    world.crisp.change(world.website()).uninstall();
    let sync = world.post(&format!("{old}/syncs"), json!({"kind": "incremental"})).await.json;
    let sync = format!("/v1/syncs/{}", sync["id"].as_str().unwrap());
    world.work_until(async || !world.get(&sync).await.json["finished_at"].is_null()).await;
    assert_eq!(world.get(&old).await.json["problem"]["code"], "plugin_uninstalled");

    world.crisp.change(world.website()).install();
    let gone = world.crisp.truth(world.website()).people().next().unwrap().people_id;
    world.crisp.change(world.website()).remove_person(&gone).unwrap();
    let new = connect_anew(&world).await;
    assert_eq!(world.get(&old).await.json["problem"], Value::Null);
    import(&world, &new, "full").await;
    let found = format!("/v1/contacts?crisp_people_id={gone}");
    world.work_until(async || world.get(&found).await.items().is_empty()).await;
    assert_eq!(world.walk("/v1/contacts?source=crisp", 200).await.len(), 5);
}

#[tokio::test]
async fn what_is_handed_over_is_mapped_by_the_new_integrations_settings() {
    let world = World::of(Options::of_size(6, 3)).await;
    let old = world.imported().await;
    assert_eq!(world.delete(&format!("{old}?imported=keep")).await.status, 204);
    let draft = world.draft().await;
    let path = format!("/v1/integrations/{}", draft["id"].as_str().unwrap());
    let mut settings = draft["settings"].clone();
    let row = json!({"from": "person.nickname", "to": "attributes.called", "policy": "overwrite"});
    settings["mapping"].as_array_mut().unwrap().push(row);
    assert_eq!(world.put(&format!("{path}/settings"), settings).await.status, 200);
    let code = json!({"custify_connection_code": draft["connection_code"]});
    world.crisp.change(world.website()).set_settings(&code);
    let connected = world.put(&format!("{path}/website"), json!({"website_id": world.website()})).await;
    assert_eq!(connected.status, 200, "{connected:?}");
    world
        .work_until(async || {
            let contacts = world.walk("/v1/contacts?source=crisp", 200).await;
            contacts.iter().all(|contact| contact["attributes"]["called"] == contact["name"])
        })
        .await;
    assert_eq!(world.get(&path).await.json["remap"], Value::Null);
}
