//! Import settings, tried out and saved.

use serde_json::json;
use testkit::simulator::Options;

use crate::world::World;

#[tokio::test]
async fn settings_are_saved_whole_and_shown_as_they_are_in_effect() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = format!("/v1/integrations/{}/settings", world.draft().await["id"].as_str().unwrap());
    let mut settings = world.get(&path).await.json;
    assert_eq!(settings["incremental_interval_seconds"], 900);
    settings["backfill_days"] = json!(30);
    settings["redact"] = json!(true);
    settings["mapping"] = json!([{"from": "data.plan", "to": "attributes.plan", "policy": "fill_empty"}]);
    let saved = world.put(&path, settings.clone()).await;
    assert_eq!((saved.status.as_u16(), &saved.json), (200, &settings));
    assert_eq!(world.get(&path).await.json, settings);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_its_field_and_nothing_is_saved() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = format!("/v1/integrations/{}/settings", world.draft().await["id"].as_str().unwrap());
    let before = world.get(&path).await.json;
    let wrong = json!({
        "redact": true,
        "import_people": "yes",
        "backfill_days": 0,
        "colour": "red",
        "mapping": [
            {"from": "a..b", "to": "name", "policy": "overwrite"},
            {"from": "email", "to": "shoe_size", "policy": "overwrite"},
            {"from": "email", "to": "email", "policy": "merge"}
        ]
    });
    for answer in [world.put(&path, wrong.clone()).await, world.post(&format!("{path}/preview"), wrong).await]
    {
        assert_eq!(answer.outcome(), (422, "validation_failed"));
        let mut fields = answer.fields();
        fields.sort_unstable();
        let expected = [
            ("backfill_days", "out_of_range"),
            ("colour", "unknown_field"),
            ("import_people", "wrong_type"),
            ("mapping[0].from", "invalid"),
            ("mapping[1].to", "invalid"),
            ("mapping[2].policy", "invalid"),
        ];
        assert_eq!(fields, expected);
    }
    assert_eq!(world.get(&path).await.json, before);
}

#[tokio::test]
async fn a_preview_shows_what_real_profiles_would_become_and_saves_nothing() {
    let world = World::of(Options::of_size(20, 3)).await;
    let path = format!("{}/settings", world.connected().await);
    let before = world.get(&path).await.json;
    let mapping = json!([{"from": "email", "to": "attributes.mail", "policy": "overwrite"}]);
    let preview = world.post(&format!("{path}/preview"), json!({"mapping": mapping})).await;
    assert_eq!((preview.status.as_u16(), preview.items().len()), (200, 5));
    let truth = world.crisp.truth(world.website());
    for row in preview.items() {
        let person = truth.person(row["people_id"].as_str().unwrap()).unwrap();
        assert_eq!(row["contact"]["attributes"]["mail"], json!(person.email));
        assert_eq!((&row["contact"]["email"], &row["contact_id"]), (&json!(null), &json!(null)));
    }
    assert_eq!(world.get(&path).await.json, before);
    assert!(world.get("/v1/contacts").await.items().is_empty());
    let sources = world.get(&format!("{path}/sources")).await;
    let names: Vec<_> = sources.items().iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert!(names.contains(&"email") && names.contains(&"person.nickname"), "{names:?}");
}

#[tokio::test]
async fn a_preview_of_what_is_not_connected_is_refused() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = format!("/v1/integrations/{}/settings", world.draft().await["id"].as_str().unwrap());
    assert_eq!(world.post(&format!("{path}/preview"), json!({})).await.outcome(), (409, "not_connected"));
    assert_eq!(world.get(&format!("{path}/sources")).await.outcome(), (409, "not_connected"));
}

#[tokio::test]
async fn no_text_in_settings_is_more_than_the_database_can_bear() {
    let world = World::of(Options::of_size(3, 3)).await;
    let path = format!("/v1/integrations/{}/settings", world.draft().await["id"].as_str().unwrap());
    for odd in ["data.a\u{0}b", "data.\u{fffe}", "data.🦀", "data.a b"] {
        let mapping = json!([{"from": odd, "to": "attributes.x", "policy": "overwrite"}]);
        let answer = world.put(&path, json!({"mapping": mapping})).await;
        assert!([200, 422].contains(&answer.status.as_u16()), "{odd}: {answer:?}");
    }
}
