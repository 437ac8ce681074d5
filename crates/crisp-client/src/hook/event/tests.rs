use serde_json::json;

use super::*;

fn parse(event: &str, mut data: Value) -> Result<Event, Malformed> {
    data["website_id"] = json!("3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21");
    let body = json!({"website_id": data["website_id"], "event": event, "data": data});
    Event::parse(&Envelope::read(&body).unwrap())
}

/// The change of an event about conversation S.
fn conversation(event: &str, mut data: Value) -> ConversationChange {
    data["session_id"] = json!("S");
    let Event::Conversation(session_id, change) = parse(event, data).unwrap() else { panic!("{event}") };
    assert_eq!(session_id.as_str(), "S");
    change
}

/// The change of an event about profile P.
fn profile(event: &str, mut data: Value) -> ProfileChange {
    data["people_id"] = json!("P");
    let Event::Profile(people_id, change) = parse(event, data).unwrap() else { panic!("{event}") };
    assert_eq!(people_id.as_str(), "P");
    change
}

#[test]
fn messages_carry_their_conversation_and_side() {
    let sent = conversation("message:send", json!({"type":"text","content":"Hello","fingerprint":7}));
    let ConversationChange::MessageSent(sent) = sent else { panic!("not sent") };
    assert_eq!((sent.session_id, sent.from), (Some(SessionId::new("S")), Some(From::User)));
    let received = json!({"type":"note","from":"operator","content":"VIP","fingerprint":8});
    let ConversationChange::MessageReceived(received) = conversation("message:received", received) else {
        panic!("not received")
    };
    assert_eq!((received.kind.as_str(), received.from), ("note", Some(From::Operator)));
}

#[test]
fn changes_of_a_conversation_are_read() {
    use ConversationChange as Change;
    let text = |text: &str| Some(text.to_owned());
    let fingerprint = Fingerprint::new(176_722_560_418_342);
    let number = fingerprint.get();
    for (name, data, expected) in [
        (
            "message:updated",
            json!({"fingerprint":number,"content":"b"}),
            Change::MessageUpdated(fingerprint, json!("b")),
        ),
        ("message:removed", json!({"fingerprint":number}), Change::MessageRemoved(fingerprint)),
        ("session:request:initiated", json!({}), Change::Started),
        ("session:set_state", json!({"state":"resolved"}), Change::State(State::Resolved)),
        (
            "session:set_email",
            json!({"email":"ana@northwind.example"}),
            Change::Email(text("ana@northwind.example")),
        ),
        ("session:set_email", json!({"email":""}), Change::Email(None)),
        ("session:set_phone", json!({"phone":"1"}), Change::Phone(text("1"))),
        ("session:set_subject", json!({"subject":"x"}), Change::Subject(text("x"))),
        ("session:set_nickname", json!({"nickname":7}), Change::Nickname(text("7"))),
        ("session:set_origin", json!({"origin":"chat"}), Change::Origin(text("chat"))),
        ("session:set_data", json!({"data":[]}), Change::Data(Map::new())),
        ("session:set_segments", json!({"segments":["trial", 7]}), Change::Segments(vec!["trial".into()])),
        ("session:set_routing", json!({"routing_id":"OP"}), Change::Routing(Some(OperatorId::new("OP")))),
        ("session:set_routing", json!({"routing_id":null}), Change::Routing(None)),
        ("session:removed", json!({}), Change::Removed),
    ] {
        assert!(conversation(name, data) == expected, "{name}");
    }
}

#[test]
fn changes_of_a_profile_are_read() {
    use ProfileChange as Change;
    let (email, session_id) = (Some("a@b.example".to_owned()), SessionId::new("S"));
    let update = json!({"person":{"nickname":"Ana E."}});
    for (name, data, expected) in [
        ("people:profile:created", json!({"email":"a@b.example"}), Change::Created { email }),
        ("people:profile:updated", json!({"update":update}), Change::Updated { email: None, update }),
        ("people:profile:removed", json!({}), Change::Removed),
        ("people:bind:session", json!({"session_id":"S"}), Change::Bound(session_id.clone())),
        (
            "people:sync:profile",
            json!({"session_id":"S","identity":{"company":{}}}),
            Change::Synced { session_id: Some(session_id), identity: json!({"company":{}}) },
        ),
    ] {
        assert!(profile(name, data) == expected, "{name}");
    }
}

#[test]
fn changes_of_the_plugin_are_read() {
    let id = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc";
    let plugin_id = Some(id.parse().unwrap());
    for (name, data, expected) in [
        (
            "plugin:subscription:updated",
            json!({"plugin_id":id,"bound":false,"target":"plugin"}),
            Event::Plugin(plugin_id, PluginChange::Uninstalled),
        ),
        ("plugin:subscription:updated", json!({"bound":true}), Event::Plugin(None, PluginChange::Installed)),
        (
            "plugin:settings:saved",
            json!({"settings":{"a":1}}),
            Event::Plugin(None, PluginChange::SettingsSaved(json!({"a":1}))),
        ),
    ] {
        assert!(parse(name, data).unwrap() == expected, "{name}");
    }
}

#[test]
fn unknown_events_keep_their_name() {
    for name in [
        "message:compose:send",
        "session:sync:pages",
        "people:import:done",
        "plugin:event",
        "email:subscribe",
        "x",
    ] {
        assert!(parse(name, json!({})).unwrap() == Event::Other(name.to_owned()), "{name}");
    }
}

#[test]
fn a_known_event_without_what_makes_it_up_says_what_is_missing() {
    for (name, data, path) in [
        ("message:send", json!({"session_id":"S"}), "data.fingerprint"),
        ("message:send", json!({"fingerprint":1}), "data.session_id"),
        ("message:updated", json!({"session_id":"S","fingerprint":"x"}), "data.fingerprint"),
        ("session:set_state", json!({"session_id":"S","state":"archived"}), "data.state"),
        ("session:set_email", json!({"session_id":[]}), "data.session_id"),
        ("session:set_email", json!({"session_id":"S"}), "data.email"),
        ("session:set_subject", json!({"session_id":"S","subject":[1]}), "data.subject"),
        ("session:set_routing", json!({"session_id":"S"}), "data.routing_id"),
        ("people:bind:session", json!({"people_id":"P"}), "data.session_id"),
        ("people:profile:removed", json!({"people_id":""}), "data.people_id"),
        ("plugin:subscription:updated", json!({}), "data.bound"),
    ] {
        assert_eq!(parse(name, data).unwrap_err().path, path, "{name}");
    }
}

#[test]
fn debug_shows_ids_only() {
    let event =
        parse("session:set_email", json!({"session_id":"S","email":"ana@northwind.example"})).unwrap();
    assert_eq!(format!("{event:?}"), r#"Event { session_id: Some(SessionId("S")), people_id: None, .. }"#);
    assert_eq!(
        format!("{:?}", profile("people:profile:created", json!({"email":"a@b.example"}))),
        "ProfileChange { .. }"
    );
}
