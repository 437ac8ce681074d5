//! Crisp's JSON, written by hand from docs/crisp-api.md: wire types of the simulator's own, so that a mistake of the client
//! cannot cancel itself out here.

mod bent;

use serde_json::{Map, Value, json};

use super::oddities::{BEYOND, LONE};
use super::records::{Conversation, Message, Operator, Person, Side};
use super::site::Site;
use super::website::Subscription;

/// A profile as the people list shows it.
pub(crate) fn person(person: &Person) -> Value {
    let mut about = Map::new();
    put(&mut about, "nickname", person.nickname.as_deref());
    about.insert("avatar".to_owned(), "".into());
    about.insert("phone".to_owned(), person.phone.as_deref().unwrap_or("").into());
    put(&mut about, "timezone", person.timezone);
    about.insert("locales".to_owned(), json!(person.locales));
    if person.employer.is_some() || person.job_title.is_some() {
        let mut employment = Map::new();
        put(&mut employment, "name", person.employer.as_deref());
        put(&mut employment, "title", person.job_title.as_deref());
        about.insert("employment".to_owned(), employment.into());
    }
    if person.country.is_some() {
        let (country, region, city) = (&person.country, &person.region, &person.city);
        about.insert("geolocation".to_owned(), json!({"country": country, "region": region, "city": city}));
    }
    let mut profile = Map::new();
    profile.insert("people_id".to_owned(), person.people_id.as_str().into());
    put(&mut profile, "email", person.email.as_deref());
    profile.insert("person".to_owned(), about.into());
    if let Some(name) = &person.company_name {
        profile.insert("company".to_owned(), json!({"name": name, "domain": person.company_domain}));
    }
    profile.insert("segments".to_owned(), json!(person.segments));
    put(&mut profile, "notepad", person.notepad.as_deref());
    put(&mut profile, "score", person.score);
    let mut active = Map::new();
    active.insert("now".to_owned(), person.active_now.into());
    put(&mut active, "last", person.active_last);
    profile.insert("active".to_owned(), active.into());
    put(&mut profile, "created_at", person.created_at);
    put(&mut profile, "updated_at", person.updated_at);
    if let Some(odd) = person.odd {
        bent::person(odd, &mut profile);
    }
    profile.into()
}

/// A conversation as a list row and by itself.
pub(crate) fn conversation(site: &Site, conversation: &Conversation) -> Value {
    let mut row = Map::new();
    row.insert("session_id".to_owned(), conversation.session_id.as_str().into());
    row.insert("website_id".to_owned(), site.id.to_string().into());
    put(&mut row, "people_id", conversation.people_id.as_deref());
    row.insert("inbox_id".to_owned(), Value::Null);
    row.insert("state".to_owned(), conversation.state.as_str().into());
    row.insert("status".to_owned(), conversation.state.status().into());
    row.insert("is_blocked".to_owned(), false.into());
    let mut active = Map::new();
    active.insert("now".to_owned(), false.into());
    put(&mut active, "last", conversation.active_last);
    row.insert("active".to_owned(), active.into());
    if let Some(preview) = &conversation.preview {
        row.insert("last_message".to_owned(), preview.excerpt.as_str().into());
        let (kind, from) = (&preview.kind, preview.from.as_str());
        let shown = json!({"type": kind, "from": from, "excerpt": preview.excerpt, "fingerprint": preview.fingerprint});
        row.insert("preview_message".to_owned(), shown);
    }
    row.insert("participants".to_owned(), json!([]));
    row.insert("mentions".to_owned(), json!([]));
    let waiting = u8::from(conversation.waiting_since.is_some());
    row.insert("unread".to_owned(), json!({"operator": waiting, "visitor": 0}));
    row.insert("assigned".to_owned(), assigned(conversation));
    row.insert("meta".to_owned(), meta(conversation));
    put(&mut row, "created_at", conversation.created_at);
    put(&mut row, "updated_at", conversation.updated_at);
    put(&mut row, "waiting_since", conversation.waiting_since);
    if let Some(odd) = conversation.odd {
        bent::conversation(odd, conversation, &mut row);
    }
    row.into()
}

/// Answer of `…/routing`, less its wrapping.
pub(crate) fn assigned(conversation: &Conversation) -> Value {
    conversation.assigned.as_ref().map_or(Value::Null, |user_id| json!({"user_id": user_id}))
}

/// Answer of `…/meta`.
pub(crate) fn meta(conversation: &Conversation) -> Value {
    let mut meta = Map::new();
    put(&mut meta, "nickname", conversation.nickname.as_deref());
    meta.insert("email".to_owned(), conversation.email.as_deref().unwrap_or("").into());
    meta.insert("phone".to_owned(), conversation.phone.as_deref().unwrap_or("").into());
    meta.insert("avatar".to_owned(), "".into());
    put(&mut meta, "subject", conversation.subject.as_deref());
    put(&mut meta, "origin", conversation.origin.as_deref());
    meta.insert("segments".to_owned(), json!(conversation.segments));
    meta.insert("data".to_owned(), json!(conversation.data));
    if let Some(country) = &conversation.country {
        meta.insert("device".to_owned(), json!({"geolocation": {"country": country}, "locales": ["en"]}));
    }
    meta.into()
}

/// A message as the thread shows it.
pub(crate) fn message(site: &Site, message: &Message) -> Value {
    let mut row = Map::new();
    row.insert("session_id".to_owned(), message.session_id.as_str().into());
    row.insert("website_id".to_owned(), site.id.to_string().into());
    row.insert("type".to_owned(), message.kind.as_str().into());
    put(&mut row, "from", message.from.map(Side::as_str));
    put(&mut row, "origin", message.origin.as_deref());
    row.insert("content".to_owned(), message.content.clone());
    row.insert("fingerprint".to_owned(), message.fingerprint.into());
    put(&mut row, "timestamp", message.timestamp);
    row.insert("stamped".to_owned(), true.into());
    row.insert("read".to_owned(), "chat".into());
    row.insert("delivered".to_owned(), "chat".into());
    if message.edited {
        row.insert("edited".to_owned(), true.into());
    }
    if message.automated {
        row.insert("automated".to_owned(), true.into());
    }
    let mut user = Map::new();
    user.insert("type".to_owned(), "user".into());
    put(&mut user, "user_id", message.user_id.as_deref());
    put(&mut user, "nickname", message.nickname.as_deref());
    user.insert("avatar".to_owned(), Value::Null);
    row.insert("user".to_owned(), user.into());
    if let Some(odd) = message.odd {
        bent::message(odd, &mut row);
    }
    row.into()
}

/// An entry of the operators' list.
pub(crate) fn operator(operator: &Operator) -> Value {
    json!({"type": "operator", "details": {
        "user_id": operator.user_id, "email": operator.email, "avatar": null,
        "first_name": operator.first_name, "last_name": operator.last_name,
        "role": "member", "title": operator.title, "availability": "online", "has_token": false,
    }})
}

/// The subscription as `plugin/connect/websites` lists it.
pub(crate) fn connected(site: &Site, subscription: &Subscription) -> Value {
    json!({"website_id": site.id, "price": 0, "token": site.token(), "settings": subscription.settings})
}

/// The JSON text of a value, with the forms that no Rust value can hold.
pub(crate) fn text(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains([LONE, BEYOND]) {
        return text;
    }
    text.replace(LONE, "\\ud83d").replace(&format!("\"{BEYOND}\""), "1e999")
}

/// Absent keys stay absent.
fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}
