//! What the OpenAPI document says of all this, and the health of a process.

use serde_json::Value;
use testkit::simulator::Options;

use crate::world::World;

#[tokio::test]
async fn the_document_has_every_route_with_its_answers() {
    let world = World::of(Options::of_size(1, 1)).await;
    let document = world.get("/openapi.json").await.json;
    let operations = ["/healthz", "/readyz", "/metrics", "/openapi.json"];
    for route in world.table.iter().filter(|route| !operations.contains(&route.path.as_str())) {
        let operation = &document["paths"][&route.path][route.method.to_lowercase()];
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{route:?}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2') || status == "303"), "{route:?}");
        assert!(answers.contains_key("500"));
        let guarded = route.path.starts_with("/v1");
        assert!(!guarded || operation["security"][0]["bearer"].is_array(), "{route:?}");
        let takes_body = ["PUT", "POST"].contains(&route.method.as_str());
        let without = route.path.ends_with("/cancel");
        assert_eq!(operation["requestBody"].is_object(), takes_body && !without, "{route:?}");
    }
}

#[tokio::test]
async fn every_shape_that_the_document_speaks_of_is_in_it() {
    let document = serde_json::to_value(crisp_http::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    let settings = &document["components"]["schemas"]["Integration"]["properties"]["settings"];
    assert!(settings.to_string().contains("#/components/schemas/Settings"), "{settings}");
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn a_process_is_ready_when_its_database_is() {
    let world = World::of(Options::of_size(1, 1)).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let nowhere =
        crisp_storage::DatabaseOptions::new("postgres://nobody@127.0.0.1:1/nothing".to_owned().into());
    let ready = crisp_http::readiness(crisp_storage::Database::connect(nowhere).unwrap());
    assert_eq!(ready().await, Err("The database cannot be reached.".to_owned()));
}
