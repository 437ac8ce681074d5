//! A workspace lives, and the programs with it: connected, imported, heard, failed, refused, erased.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::simulator::{
    Fault, FaultRule, HookOptions, NewConversation, NewMessage, NewPerson, PersonUpdate, Side, signature,
};

use crate::processes::{Answer, send};
use crate::stage::{PERSONAL, Stage, address, marked};

/// Requests that were refused, with all that was answered.
pub(crate) type Refusals = Vec<(String, String)>;

/// Lives through everything. Answers what was refused on the way.
pub(crate) async fn live(stage: &Stage) -> Refusals {
    let mut refusals = Refusals::new();
    let integration = connect(stage, &mut refusals).await;
    let session = furnish(stage);
    import(stage, &integration).await;
    hear(stage, &session, &mut refusals).await;
    fail(stage, &integration).await;
    ask_wrongly(stage, &integration, &mut refusals).await;
    for path in ["forecast", "diagnosis", "skipped", "syncs"] {
        stage.get(&format!("/v1/integrations/{integration}/{path}")).await;
    }
    let erased = stage.ask("DELETE", &format!("/v1/people?email={}", address("erased")), None).await;
    assert_eq!(erased.status, 200, "{}", erased.body);
    refusals
}

fn note(refusals: &mut Refusals, request: &str, answer: &Answer) {
    assert!(answer.status >= 300, "{request} was to be refused: {} {}", answer.status, answer.body);
    assert!(answer.status != 500, "{request}: {}", answer.body);
    refusals.push((request.to_owned(), format!("{} {}", answer.head, answer.body)));
}

/// Comes back from Crisp with a wrong token first.
async fn connect(stage: &Stage, refusals: &mut Refusals) -> String {
    let draft = stage.ask("POST", "/v1/integrations", Some(json!({}))).await.json();
    let id = draft["id"].as_str().unwrap().to_owned();
    stage.learn(draft["connection_code"].as_str().unwrap());
    let website = stage.website();
    let guess = PERSONAL[10];
    for token in [guess.to_owned(), stage.crisp.truth(website).token()] {
        let link = stage.get(&format!("/v1/integrations/{id}")).await.json()["install_url"].clone();
        let payload = link.as_str().unwrap().split_once("payload=").unwrap().1.to_owned();
        stage.learn(&payload);
        let callback = format!("GET /crisp/callback?payload={payload}&website_id={website}&token={token}");
        let answer = send(&stage.api, &callback, &[], "").await;
        if token == guess {
            note(refusals, "a wrong token", &answer);
        } else {
            assert_eq!(answer.status, 303, "{}", answer.body);
        }
    }
    id
}

/// People, conversations and a directory that are nothing but canaries.
fn furnish(stage: &Stage) -> String {
    let change = stage.crisp.change(stage.website());
    let data = json!({"zqkey": marked(5)}).as_object().unwrap().clone();
    let person = NewPerson {
        email: Some(address("ana")),
        nickname: Some(marked(0)),
        job_title: Some(marked(6)),
        country: Some("FR".to_owned()),
        data: data.clone(),
    };
    let ana = change.create_person(person.clone());
    change.create_person(NewPerson { email: Some(address("erased")), ..person });
    let update = PersonUpdate {
        phone: Some(format!("+33 {}", PERSONAL[2])),
        company_name: Some(marked(7)),
        ..PersonUpdate::default()
    };
    change.update_person(&ana, update).unwrap();
    let new = NewConversation {
        people_id: Some(ana),
        email: Some(address("ana")),
        nickname: Some(marked(0)),
        subject: Some(marked(4)),
    };
    let session = change.start_conversation(new, &marked(3));
    change.start_conversation(NewConversation::by_email(&address("nobody")), &marked(3));
    change.send(&session, NewMessage::note(&marked(8))).unwrap();
    change.set_data(&session, &data).unwrap();
    session
}

async fn import(stage: &Stage, integration: &str) {
    let contact = json!({"email": address("ben"), "name": marked(0), "phone": PERSONAL[2],
        "attributes": {"zqattribute": marked(5)}, "companies": ["acme"]});
    assert_eq!(stage.ask("PUT", "/v1/contacts/k-1", Some(contact)).await.status, 200);
    let company = json!({"name": marked(7)});
    assert_eq!(stage.ask("PUT", "/v1/companies/acme", Some(company)).await.status, 200);
    let path = format!("/v1/integrations/{integration}");
    let mut settings = stage.get(&format!("{path}/settings")).await.json();
    let row = json!({"from": "data.zqkey", "to": "attributes.zqkey", "policy": "overwrite"});
    settings["mapping"].as_array_mut().unwrap().push(row);
    let put = stage.ask("PUT", &format!("{path}/settings"), Some(settings.clone())).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(stage.ask("POST", &format!("{path}/settings/preview"), Some(settings)).await.status, 200);
    assert_eq!(sync(stage, integration, "full").await, "succeeded");
}

async fn sync(stage: &Stage, integration: &str, kind: &str) -> String {
    let trigger = json!({ "kind": kind });
    let begun = stage.ask("POST", &format!("/v1/integrations/{integration}/syncs"), Some(trigger)).await;
    let body = begun.json();
    let id = body["id"].as_str().or(body["sync_id"].as_str()).unwrap_or_else(|| panic!("{}", begun.body));
    for _ in 0..600 {
        let now = stage.get(&format!("/v1/syncs/{id}")).await.json();
        if !now["finished_at"].is_null() {
            return now["state"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the sync never ended:\n{}", stage.logs());
}

/// Changes that are told by hooks, and hooks that nobody can read.
async fn hear(stage: &Stage, session: &str, refusals: &mut Refusals) {
    let url = format!("http://{}/crisp/hooks", stage.api);
    stage.crisp.hooks_to(&url, HookOptions::default());
    let change = stage.crisp.change(stage.website());
    let said = change.send(session, NewMessage::text(Side::User, &marked(3))).unwrap();
    change.edit(session, said, marked(11).into()).unwrap();
    change.set_email(session, &address("other")).unwrap();
    change.set_nickname(session, &marked(0)).unwrap();
    change.set_subject(session, &marked(4)).unwrap();
    change.set_phone(session, PERSONAL[2]).unwrap();
    change.start_conversation(NewConversation::by_email(&address("late")), &marked(3));
    stage.crisp.hooks_idle().await;
    let website = stage.website();
    let odd =
        |event: &str, data: Value| json!({"website_id": website, "event": event, "data": data}).to_string();
    for (body, signed) in [
        (
            odd(
                "message:send",
                json!({"session_id": session, "fingerprint": marked(9), "content": marked(3)}),
            ),
            true,
        ),
        (odd("session:set_state", json!({"session_id": session, "state": marked(9)})), true),
        (odd("people:profile:updated", json!({"people_id": marked(9), "update": marked(5)})), true),
        (odd(&marked(9), json!({"email": address("ana")})), true),
        (format!("{{\"website_id\": \"{}\"", marked(9)), true),
        (odd("message:send", json!({"session_id": session, "content": marked(3)})), false),
    ] {
        let at = stage.crisp.now_ms().to_string();
        let secret = if signed { stage.crisp.plugin().hooks_secret } else { PERSONAL[10].to_owned() };
        let signature = signature(&secret, &at, body.as_bytes());
        let headers = [format!("X-Crisp-Request-Timestamp: {at}"), format!("X-Crisp-Signature: {signature}")];
        let answer = send(&stage.api, "POST /crisp/hooks", &headers, &body).await;
        if answer.status != 200 {
            note(refusals, "an odd hook", &answer);
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Crisp fails in every way, and at last does not accept the key.
async fn fail(stage: &Stage, integration: &str) {
    let reason = PERSONAL[9].to_owned();
    for fault in [Fault::Internal, Fault::Truncated, Fault::Garbage, Fault::Status { status: 418, reason }] {
        stage.crisp.behave(|behaviour| behaviour.faults = vec![FaultRule::scripted(0, 3, fault)]);
        sync(stage, integration, "incremental").await;
    }
    stage.crisp.behave(|behaviour| behaviour.faults.clear());
    let key = stage.crisp.plugin().key;
    stage.crisp.set_plugin(|plugin| plugin.key = "another".to_owned());
    sync(stage, integration, "incremental").await;
    stage.crisp.set_plugin(|plugin| plugin.key = key);
}

/// Whatever a client can do wrong, with a canary in it.
async fn ask_wrongly(stage: &Stage, integration: &str, refusals: &mut Refusals) {
    let odd = marked(9);
    let path = format!("/v1/integrations/{integration}");
    let settings = json!({"mapping": [{"from": odd, "to": odd, "policy": odd}], "backfill_days": odd});
    let batch = json!({"companies": [{"external_id": "", "name": odd}], "contacts": [{"external_id": odd, "email": odd}]});
    let mail = PERSONAL[1];
    for (method, path, body) in [
        ("POST", "/v1/integrations".to_owned(), Some(json!({"website_id": odd}))),
        ("PUT", format!("{path}/website"), Some(json!({"website_id": odd}))),
        ("PUT", format!("{path}/website"), Some(json!({"website_id": uuid::Uuid::new_v4()}))),
        ("PUT", format!("{path}/settings"), Some(settings.clone())),
        ("POST", format!("{path}/settings/preview"), Some(settings)),
        ("POST", format!("{path}/syncs"), Some(json!({"kind": odd}))),
        ("DELETE", format!("{path}?imported={mail}"), None),
        ("GET", format!("{path}/skipped?reason={mail}"), None),
        ("GET", format!("{path}/skipped/{mail}/explanation"), None),
        ("PUT", "/v1/contacts/k-2".to_owned(), Some(json!({"email": odd}))),
        ("PUT", "/v1/contacts/k-2".to_owned(), Some(json!({"name": {"first": odd}}))),
        ("PUT", "/v1/contacts/k-2".to_owned(), Some(json!({"signed_up_at": odd}))),
        ("PUT", "/v1/contacts/k-2".to_owned(), Some(json!({"attributes": odd}))),
        ("POST", "/v1/directory/batch".to_owned(), Some(batch)),
        ("DELETE", format!("/v1/people?email={mail}"), None),
        ("GET", format!("/v1/contacts?cursor={mail}"), None),
        ("GET", format!("/v1/contacts?limit={mail}"), None),
        ("GET", format!("/v1/contacts/{mail}"), None),
        ("GET", format!("/v1/{mail}"), None),
        ("PATCH", format!("/v1/contacts/{mail}"), None),
    ] {
        let answer = stage.ask(method, &path, body).await;
        note(refusals, &format!("{method} {path}"), &answer);
    }
    for (request, header, body) in [
        ("PUT /v1/contacts/k-2", "Content-Type: application/json".to_owned(), format!("{{\"name\": \"{odd}")),
        ("GET /v1/contacts", format!("Authorization: Bearer {mail}"), String::new()),
        ("GET /contacts", format!("Cookie: crisp_session={mail}"), String::new()),
        (
            "POST /session",
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
            format!("token={mail}"),
        ),
    ] {
        let answer = send(&stage.api, request, &[header], &body).await;
        note(refusals, request, &answer);
    }
}
