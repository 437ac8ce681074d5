//! What was imported, page by page.

use serde_json::{Value, json};
use testkit::simulator::{Conversation, Options, WebsiteOptions};

use crate::world::World;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A world with everything imported, and a company to which everybody belongs who has an address.
async fn world() -> (World, String) {
    let options = Options { websites: vec![WebsiteOptions::of_size(12, 30)], ..Options::default() };
    let world = World::of(options).await;
    let path = world.imported().await;
    let people = world.crisp.truth(world.website()).people().filter_map(|person| person.email);
    let contacts: Vec<Value> = people
        .enumerate()
        .map(
            |(n, email)| json!({"external_id": format!("k-{n}"), "email": email, "companies": ["northwind"]}),
        )
        .collect();
    let company = json!([{"external_id": "northwind", "name": "Northwind"}]);
    let written =
        world.post("/v1/directory/batch", json!({"companies": company, "contacts": contacts})).await;
    assert_eq!(written.status, 200, "{written:?}");
    (world, path)
}

async fn conversation(world: &World, truth: &Conversation) -> Option<Value> {
    let found = world.get(&format!("/v1/conversations?external_id={}", truth.session_id)).await;
    found.items().first().cloned()
}

#[tokio::test]
async fn contacts_are_found_by_address_profile_and_source() {
    let (world, _) = world().await;
    let truth = world.crisp.truth(world.website());
    world.put("/v1/contacts/own", json!({"email": "own@custify.example"})).await;
    let all = world.walk("/v1/contacts", 5).await;
    let from_crisp = world.walk("/v1/contacts?source=crisp", 5).await;
    assert_eq!((all.len(), from_crisp.len()), (13, 12));
    let person = truth.people().find(|person| person.email.is_some()).unwrap();
    let by_id = world.get(&format!("/v1/contacts?crisp_people_id={}", person.people_id)).await;
    let by_email =
        world.get(&format!("/v1/contacts?email={}", person.email.clone().unwrap().to_uppercase())).await;
    assert_eq!((by_id.items().len(), by_id.items()), (1, by_email.items()));
    let contact = &by_id.items()[0];
    assert_eq!(contact["crisp_people_ids"], json!([person.people_id]));
    assert_eq!(contact["name"], json!(person.nickname));
    assert!(world.get("/v1/contacts?email=nobody").await.items().is_empty());
    assert_eq!(world.get("/v1/contacts?source=hubspot").await.fields(), [("source", "invalid")]);
}

#[tokio::test]
async fn conversations_are_listed_newest_first_in_every_view() {
    let (world, _) = world().await;
    let company = world.walk("/v1/companies/northwind/conversations", 4).await;
    assert!(company.len() > 10, "{}", company.len());
    let times: Vec<&str> = company.iter().map(|row| text(&row["updated_at"])).collect();
    assert!(times.is_sorted_by(|left, right| left >= right), "{times:?}");
    let mut ids: Vec<&str> = company.iter().map(|row| text(&row["id"])).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), company.len());
    for contact in world.walk("/v1/contacts?source=crisp", 200).await {
        let theirs = world.walk(&format!("/v1/contacts/{}/conversations", text(&contact["id"])), 3).await;
        assert!(theirs.iter().all(|row| row["contact_id"] == contact["id"]));
        assert!(theirs.iter().all(|row| row["company_external_ids"] == json!(["northwind"])));
    }
    let open = world.walk("/v1/companies/northwind/conversations?status=unresolved", 50).await;
    assert!(open.iter().all(|row| row["status"] == "unresolved") && open.len() < company.len());
    let odd = world.get("/v1/companies/northwind/conversations?status=open").await;
    assert_eq!(odd.fields(), [("status", "invalid")]);
    let all = world.walk("/v1/conversations", 3).await;
    assert_eq!(all, company, "without an id, everybody's");
}

#[tokio::test]
async fn a_conversation_shows_what_crisp_has_and_why_it_matched() {
    let (world, _) = world().await;
    let truth = world.crisp.truth(world.website());
    let mut shown = 0;
    for real in truth.conversations() {
        let Some(row) = conversation(&world, &real).await else { continue };
        shown += 1;
        assert_eq!((text(&row["status"]), &row["subject"]), (real.state.as_str(), &json!(real.subject)));
        assert_eq!(row["metadata"]["origin"], json!(real.origin));
        assert_eq!(row["metadata"]["assigned_to"].is_null(), real.assigned.is_none());
        if let Some(operator) = real.assigned.as_deref() {
            assert_eq!(row["metadata"]["assigned_to"]["user_id"], operator);
            assert!(row["metadata"]["assigned_to"]["name"].is_string());
        }
        assert_eq!(row["message_count"], real.messages);
        assert!(text(&row["synced_at"]).ends_with('Z'));
        let one = format!("/v1/conversations/{}", text(&row["id"]));
        assert_eq!(world.get(&one).await.json, row);
        let why = world.get(&format!("{one}/explanation")).await.json;
        assert_eq!((&why["decision"], &why["rule"]), (&json!("matched"), &row["matched_by"]));
        assert!(!why["evidence"].as_array().unwrap().is_empty() && text(&why["decided_at"]).len() == 24);
    }
    assert!(shown > 10, "{shown}");
}

#[tokio::test]
async fn a_thread_is_read_oldest_first_whatever_the_page() {
    let (world, _) = world().await;
    let truth = world.crisp.truth(world.website());
    let mut longest = (0, None);
    for real in truth.conversations() {
        if let Some(row) = conversation(&world, &real).await.filter(|_| real.messages > longest.0) {
            longest = (real.messages, Some((row, real)));
        }
    }
    let (row, real) = longest.1.unwrap();
    let messages = world.walk(&format!("/v1/conversations/{}/messages", text(&row["id"])), 3).await;
    let fingerprints: Vec<String> =
        messages.iter().map(|message| text(&message["external_id"]).to_owned()).collect();
    let mut expected: Vec<_> = truth.messages(&real.session_id);
    expected.sort_by_key(|message| (message.timestamp, message.fingerprint));
    assert_eq!(
        fingerprints,
        expected.iter().map(|message| message.fingerprint.to_string()).collect::<Vec<_>>()
    );
    for (message, real) in messages.iter().zip(expected) {
        assert_eq!(text(&message["type"]), real.kind);
        assert!(["inbound", "outbound"].contains(&text(&message["direction"])));
        assert_eq!(message["internal"], json!(real.kind == "note" || real.kind == "event"));
        assert_eq!(message["content"].is_null(), real.kind == "text" || real.kind == "note");
        assert!(message["body"].is_string() && message["removed_at"].is_null());
    }
}

#[tokio::test]
async fn what_is_not_shown_is_listed_with_its_reason_and_explained() {
    let (world, path) = world().await;
    let skipped = world.walk(&format!("{path}/skipped"), 2).await;
    assert!(!skipped.is_empty());
    for row in &skipped {
        let names: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["external_id", "reason", "email", "people_id", "subject", "updated_at", "detail"];
        assert_eq!((names, &row["reason"]), (expected.to_vec(), &json!("no_match")));
        let why = world.get(&format!("{path}/skipped/{}/explanation", text(&row["external_id"]))).await.json;
        assert_eq!((&why["decision"], &why["rule"]), (&json!("no_match"), &Value::Null));
    }
    assert_eq!(world.walk(&format!("{path}/skipped?reason=no_match"), 50).await, skipped);
    assert!(world.get(&format!("{path}/skipped?reason=unreadable")).await.items().is_empty());
    assert_eq!(world.get(&format!("{path}/skipped?reason=bored")).await.fields(), [("reason", "invalid")]);
    assert_eq!(
        world.get(&format!("{path}/skipped/session_x/explanation")).await.outcome(),
        (404, "not_found")
    );
}

#[tokio::test]
async fn a_company_has_its_support_signals() {
    let (world, path) = world().await;
    let support = world.get("/v1/companies/northwind/support").await.json;
    let all = world.walk("/v1/companies/northwind/conversations", 200).await;
    let open = all.iter().filter(|row| row["status"] != "resolved").count();
    assert_eq!(support["open_conversations"], open);
    assert!(support["waiting_on_us"].as_u64().unwrap() <= u64::try_from(open).unwrap());
    assert!(
        support["first_reply_seconds"]["median"].as_f64() <= support["first_reply_seconds"]["p90"].as_f64()
    );
    let weeks = support["conversations_per_week"].as_array().unwrap();
    assert_eq!((weeks.len(), text(&weeks[0]["week"]).len()), (12, "2026-01-05".len()));
    let integration = world.get(&path).await.json;
    assert_eq!(
        (&integration["state"], &integration["last_sync"]["state"]),
        (&json!("active"), &json!("succeeded"))
    );
    assert!(integration["synced_at"].is_string());
}
