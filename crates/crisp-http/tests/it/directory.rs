//! Contacts and companies written, one by one and in batches; a person erased.

use serde_json::{Value, json};
use testkit::simulator::Options;

use crate::world::World;

async fn contact(world: &World, email: &str) -> Value {
    let found = world.get(&format!("/v1/contacts?email={email}")).await;
    assert_eq!(found.items().len(), 1, "{found:?}");
    found.items()[0].clone()
}

#[tokio::test]
async fn absent_stays_null_clears_and_a_value_is_written() {
    let world = World::of(Options::of_size(1, 1)).await;
    let written = world
        .put(
            "/v1/contacts/k-1",
            json!({"email": "Ana@Northwind.example", "name": "Ana", "phone": "+33123456789",
                "signed_up_at": "2025-01-31T12:00:00+01:00", "attributes": {"plan": "pro", "seats": 3},
                "companies": ["northwind", "fabrikam"]}),
        )
        .await;
    assert_eq!((written.status.as_u16(), &written.json["external_id"]), (200, &json!("k-1")));
    assert_eq!(world.put("/v1/companies/northwind", json!({"name": "Northwind"})).await.status, 200);
    let ana = contact(&world, "ana@northwind.example").await;
    assert_eq!(ana["id"], written.json["id"]);
    assert_eq!(ana["email"], "Ana@Northwind.example");
    assert_eq!(ana["signed_up_at"], "2025-01-31T11:00:00.000Z");
    assert_eq!(ana["crisp_people_ids"], json!([]));
    let companies =
        json!([{"external_id": "northwind", "name": "Northwind"}, {"external_id": "fabrikam", "name": null}]);
    assert_eq!(ana["companies"], companies);

    let change = json!({"phone": null, "attributes": {"seats": null}, "companies": ["fabrikam"]});
    assert_eq!(world.put("/v1/contacts/k-1", change).await.status, 200);
    let ana = contact(&world, "ANA@northwind.example").await;
    assert_eq!((&ana["name"], &ana["phone"]), (&json!("Ana"), &Value::Null));
    assert_eq!(ana["attributes"], json!({"plan": "pro"}));
    assert_eq!(ana["companies"], json!([{"external_id": "fabrikam", "name": null}]));
    let one = world.get(&format!("/v1/contacts/{}", ana["id"].as_str().unwrap())).await;
    assert_eq!(one.json, ana);
    assert_eq!(world.put("/v1/contacts/k-1", json!({"companies": null})).await.status, 200);
    let ana = contact(&world, "ana@northwind.example").await;
    assert_eq!((&ana["companies"], &ana["name"]), (&json!([]), &json!("Ana")));
}

#[tokio::test]
async fn phones_and_countries_are_kept_as_they_came_with_their_normal_form_beside() {
    let world = World::of(Options::of_size(1, 1)).await;
    let cases = [
        ("030 901820", "de", Some("+4930901820"), Some("DE")),
        ("+33 1 42 27 81 86", "France", Some("+33142278186"), Some("FR")),
        ("ask Bob", "Freedonia", None, None),
    ];
    for (phone, country, e164, alpha2) in cases {
        let row =
            json!({"email": "ana@northwind.example", "phone": phone, "attributes": {"country": country}});
        assert_eq!(world.put("/v1/contacts/k-1", row).await.status, 200);
        let ana = contact(&world, "ana@northwind.example").await;
        assert_eq!((&ana["phone"], &ana["attributes"]["country"]), (&json!(phone), &json!(country)));
        assert_eq!((&ana["phone_e164"], &ana["country_alpha2"]), (&json!(e164), &json!(alpha2)));
    }
}

#[tokio::test]
async fn rows_that_are_wrong_are_told_by_row_and_field_and_nothing_is_written() {
    let world = World::of(Options::of_size(1, 1)).await;
    let batch = json!({
        "companies": [{"name": "Nobody"}, {"external_id": "northwind"}],
        "contacts": [{"external_id": "k-1"}, {"email": "a@b.example"}]
    });
    let refused = world.post("/v1/directory/batch", batch).await;
    let expected = [("companies[0].external_id", "required"), ("contacts[1].external_id", "required")];
    assert_eq!((refused.outcome(), refused.fields()), ((422, "validation_failed"), expected.to_vec()));
    let batch = json!({"contacts": [{"external_id": "k-1"}, {"external_id": "k-2", "email": "nobody"}]});
    assert_eq!(world.post("/v1/directory/batch", batch).await.fields(), [("contacts[1].email", "invalid")]);
    for (body, field, code) in [
        (json!({"email": "nobody"}), "email", "invalid"),
        (json!({"email": 1}), "email", "wrong_type"),
        (json!({"signed_up_at": "tomorrow"}), "signed_up_at", "invalid"),
        (json!({"shoe_size": 38}), "shoe_size", "unknown_field"),
        (json!({"attributes": {"a": {"b": 1}}}), "attributes.a", "wrong_type"),
        (json!({"companies": [""]}), "companies[0]", "required"),
        (json!({"external_id": "k-2"}), "external_id", "invalid"),
    ] {
        assert_eq!(world.put("/v1/contacts/k-1", body).await.fields(), [(field, code)]);
    }
    assert!(world.get("/v1/contacts").await.items().is_empty());
    assert_eq!(world.get("/v1/companies/northwind/support").await.outcome(), (404, "not_found"));
}

#[tokio::test]
async fn a_batch_is_written_whole_and_answers_in_order() {
    let world = World::of(Options::of_size(1, 1)).await;
    let contacts: Vec<Value> = (0..900)
        .map(|n| json!({"external_id": format!("k-{n}"), "email": format!("p{n}@x.example"), "companies": ["c-1"]}))
        .collect();
    let companies: Vec<Value> =
        (0..100).map(|n| json!({"external_id": format!("c-{n}"), "name": "C"})).collect();
    let written =
        world.post("/v1/directory/batch", json!({"companies": companies, "contacts": contacts})).await;
    assert_eq!(written.status, 200, "{written:?}");
    assert_eq!(written.json["contacts"][899]["external_id"], "k-899");
    assert_eq!(written.json["companies"].as_array().unwrap().len(), 100);
    let rows = world.walk("/v1/contacts", 200).await;
    assert_eq!(rows.len(), 900);
    let too_many: Vec<Value> = (0..1001).map(|n| json!({"external_id": n.to_string()})).collect();
    let refused = world.post("/v1/directory/batch", json!({"contacts": too_many})).await;
    assert_eq!(refused.outcome(), (422, "validation_failed"));
}

#[tokio::test]
async fn an_erased_person_leaves_a_receipt_and_nothing_else() {
    let world = World::of(Options::of_size(1, 1)).await;
    world.put("/v1/contacts/k-1", json!({"email": "ana+crisp@northwind.example"})).await;
    let receipt = world.delete("/v1/people?email=ANA%2Bcrisp@northwind.example").await;
    let expected =
        json!({"contacts": 1, "profiles": 0, "conversations": 0, "messages": 0, "skipped": 0, "hooks": 0});
    assert_eq!((receipt.status.as_u16(), receipt.json), (200, expected));
    assert!(world.get("/v1/contacts").await.items().is_empty());
    assert_eq!(world.delete("/v1/people").await.fields(), [("email", "required")]);
    assert_eq!(world.delete("/v1/people?email=nobody").await.fields(), [("email", "invalid")]);
}

#[tokio::test]
async fn no_text_in_a_contact_is_more_than_the_database_can_bear() {
    let world = World::of(Options::of_size(1, 1)).await;
    for odd in ["a\u{0}b", "\u{fffe}", "🦀", "\u{202e}"] {
        let body = json!({"email": format!("{odd}@x.example"), "name": odd, "phone": odd,
            "attributes": {odd: odd}, "companies": [odd]});
        let answer = world.put("/v1/contacts/k-1", body).await;
        assert!([200, 422].contains(&answer.status.as_u16()), "{odd}: {answer:?}");
        let named = world.put("/v1/companies/c-1", json!({"name": odd})).await;
        assert_eq!(named.status, 200, "{odd}: {named:?}");
    }
    assert_eq!(world.put("/v1/companies/a%01b", json!({})).await.fields(), [("external_id", "invalid")]);
}
