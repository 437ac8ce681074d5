//! Saved whole, tried out before, applied to what is there.

use std::time::Duration;

use crisp_domain::{ImportSettings, mapping::Target};
use crisp_storage::views::contacts::{self, Filter};
use crisp_sync::{Refusal, settings};
use serde_json::{Value, json};
use testkit::simulator::{Kind, Options};

use crate::world::{ACTOR, World};

fn with_mapping(rows: Value) -> Value {
    let mut settings = serde_json::to_value(ImportSettings::default()).unwrap();
    settings["mapping"] = rows;
    settings
}

#[tokio::test]
async fn settings_are_saved_whole_or_not_at_all() {
    let world = World::of(Options::of_size(1, 1)).await;
    let id = world.connected().await;
    let shown = settings::get(&world.engine, world.account, id).await.unwrap();
    assert_eq!(shown.incremental_interval_seconds, Some(900), "the process's schedule");
    let wrong = json!({"import_people": 1, "backfill_days": 0});
    let refused = settings::put(&world.engine, world.account, id, ACTOR, wrong).await;
    assert!(matches!(refused, Err(Refusal::Invalid(errors)) if errors.len() == 2));
    // What was shown, sent back: nothing changed, and the schedule still follows the process.
    let sent = serde_json::to_value(&shown).unwrap();
    assert_eq!(settings::put(&world.engine, world.account, id, ACTOR, sent).await.unwrap(), shown);
    assert!(world.integration(id).await.settings["incremental_interval_seconds"].is_null());
    assert!(!world.actions().await.contains(&"settings.changed".to_owned()));

    let changed = json!({"redact": true, "incremental_interval_seconds": 60});
    settings::put(&world.engine, world.account, id, ACTOR, changed).await.unwrap();
    let entry = world.log().await.pop().unwrap();
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), (ACTOR, "settings.changed"));
    assert_eq!(
        entry.detail["changed"],
        json!({"redact": [false, true], "incremental_interval_seconds": [null, 60]})
    );
    let row = world.integration(id).await;
    assert_eq!((row.settings_revision, row.next_incremental_at), (1, None), "not active yet");

    // What is left out stays; null takes back.
    let kept =
        settings::put(&world.engine, world.account, id, ACTOR, json!({"backfill_days": 30})).await.unwrap();
    assert_eq!((kept.redact, kept.incremental_interval_seconds), (true, Some(60)));
    let taken_back = json!({"incremental_interval_seconds": null, "backfill_days": null});
    let kept = settings::put(&world.engine, world.account, id, ACTOR, taken_back).await.unwrap();
    assert_eq!((kept.incremental_interval_seconds, kept.backfill_days), (Some(900), None));
}

#[tokio::test]
async fn a_changed_schedule_holds_at_once() {
    let world = World::of(Options::of_size(5, 5)).await;
    let id = world.imported().await;
    let before = world.integration(id).await.next_incremental_at.unwrap();
    let sooner = json!({"incremental_interval_seconds": 60});
    settings::put(&world.engine, world.account, id, ACTOR, sooner).await.unwrap();
    assert!(world.integration(id).await.next_incremental_at.unwrap() < before);
}

#[tokio::test]
async fn a_changed_mapping_is_applied_to_everybody_without_a_request() {
    let world = World::of(Options::of_size(120, 5)).await;
    let id = world.imported().await;
    world.crisp.forget_requests();
    let rows = json!([
        {"from": "email", "to": "email", "policy": "overwrite"},
        {"from": "people_id", "to": "attributes.crisp_id", "policy": "overwrite"},
    ]);
    settings::put(&world.engine, world.account, id, ACTOR, with_mapping(rows)).await.unwrap();
    assert_eq!(world.integration(id).await.settings_revision, 2);
    world.work_until(async || world.integration(id).await.applied_revision == 2).await;
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let people = contacts::list(&mut session, &Filter::default(), None, 200).await.unwrap();
    assert_eq!(people.len(), 120);
    for person in people {
        assert_eq!(person.attributes["crisp_id"], person.crisp_people_ids[0].as_str());
        assert_eq!(person.name, None, "what no row fills any more goes");
    }
    assert_eq!(world.crisp.requests().total, 0);
}

#[tokio::test]
async fn a_preview_shows_real_profiles_before_and_after_the_import() {
    let world = World::of(Options::of_size(60, 5)).await;
    let id = world.connected().await;
    world.crisp.forget_requests();
    let preview = settings::preview(&world.engine, world.account, id, json!({})).await.unwrap();
    assert_eq!(preview.len(), 5);
    assert_eq!(world.crisp.requests().total, 1, "one page of people");
    let truth = world.crisp.truth(world.website());
    for one in &preview {
        let person = truth.person(one.people_id.as_str()).unwrap();
        assert_eq!((one.contact, &one.after.email, &one.after.name), (None, &person.email, &person.nickname));
    }
    assert_eq!(crisp_count(&world, id).await, 0, "nothing is saved");

    world.sync(id, crisp_sync::syncs::SyncKind::Full).await;
    world.crisp.forget_requests();
    let renamed = json!([{"from": "email", "to": "name", "policy": "overwrite"}]);
    let preview = settings::preview(&world.engine, world.account, id, with_mapping(renamed)).await.unwrap();
    assert_eq!(world.crisp.requests().total, 0, "stored profiles cost nothing");
    for one in &preview {
        assert!(one.contact.is_some());
        assert_eq!(one.after.get(&Target::Name), one.before.get(&Target::Email));
        assert_eq!(one.after.email, None, "what Crisp put there goes with its row");
    }
    let wrong = settings::preview(&world.engine, world.account, id, json!({"x": 1})).await;
    assert!(matches!(wrong, Err(Refusal::Invalid(_))));
}

async fn crisp_count(world: &World, id: crisp_domain::IntegrationId) -> i64 {
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    crisp_storage::profiles::count(&mut session, id).await.unwrap()
}

#[tokio::test]
async fn a_preview_of_custom_data_reads_it_for_those_it_shows() {
    let world = World::of(Options::of_size(60, 5)).await;
    let id = world.imported().await;
    let fields = settings::source_fields(&world.engine, world.account, id).await.unwrap();
    let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    for expected in ["email", "person.nickname", "person.geolocation.country", "active.last"] {
        assert!(paths.contains(&expected), "{paths:?}");
    }
    let key = paths
        .iter()
        .find(|path| path.starts_with("data."))
        .expect("keys of custom data")
        .to_owned()
        .to_owned();
    world.crisp.forget_requests();
    let rows = json!([{"from": key, "to": "attributes.own", "policy": "overwrite"}]);
    settings::preview(&world.engine, world.account, id, with_mapping(rows)).await.unwrap();
    assert_eq!(world.crisp.requests().of(Kind::PeopleData), 5);
}

#[tokio::test]
async fn before_a_website_is_connected_there_is_nothing_to_try_on() {
    let world = World::of(Options::of_size(1, 1)).await;
    let draft = crisp_sync::connect::create(&world.engine, world.account, ACTOR, None).await.unwrap().row;
    let refused = settings::preview(&world.engine, world.account, draft.integration_id(), json!({})).await;
    assert!(matches!(refused, Err(Refusal::NotConnected)));
}

#[tokio::test]
async fn an_interval_of_the_process_that_nobody_could_choose_is_taken_back_as_shown() {
    let world = World::with_interval(Options::of_size(1, 1), Duration::from_hours(30 * 24)).await;
    let id = world.connected().await;
    let shown = settings::get(&world.engine, world.account, id).await.unwrap();
    assert_eq!(shown.incremental_interval_seconds, Some(30 * 24 * 3600));
    let mut sent = serde_json::to_value(&shown).unwrap();
    sent["redact"] = json!(true);
    let saved = settings::put(&world.engine, world.account, id, ACTOR, sent).await.unwrap();
    assert!(saved.redact && saved.incremental_interval_seconds == shown.incremental_interval_seconds);
    assert!(world.integration(id).await.settings["incremental_interval_seconds"].is_null());
    let chosen = json!({"incremental_interval_seconds": 30 * 24 * 3600 + 1});
    let refused = settings::put(&world.engine, world.account, id, ACTOR, chosen).await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))));
}
