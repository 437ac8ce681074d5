//! Message number `place` (from 0, the oldest) of a conversation, each drawn by itself.

use serde_json::{Value, json};

use super::conversations::Plan;
use super::oddities::{self, MessageOddity};
use super::random::{Draw, nth};
use super::records::{Message, Side};
use super::site::{Site, Subject};
use super::words::OPERATORS;

/// The whole thread as it was at the start, oldest first.
pub(crate) fn thread(site: &Site, plan: &Plan) -> Vec<Message> {
    (0..plan.count).map(|place| original(site, plan, place)).collect()
}

pub(crate) fn original(site: &Site, plan: &Plan, place: u32) -> Message {
    let mut draw = site.draw(Subject::Message, [u64::from(plan.slot), u64::from(place)]);
    let odd = oddities::of_message(site, plan.slot, place);
    let from_end = plan.count.saturating_sub(place + 1);
    let twin = odd == Some(MessageOddity::SameTimestamp) && from_end > 0;
    let timestamp = timestamp(site, plan, if twin { from_end - 1 } else { from_end });
    let (kind, from, content) = if plan.interludes.is(place) && place + 1 < plan.count {
        interlude(place, plan, &mut draw)
    } else {
        let (from, text) = plan.topic.line(place, plan);
        ("text", from, text.into())
    };
    let operator = nth(OPERATORS, plan.operator);
    let by_user = from == Side::User;
    let mut message = Message {
        session_id: plan.session_id.clone(),
        fingerprint: fingerprint(timestamp, place, draw.below(100)),
        kind: kind.to_owned(),
        from: Some(from),
        origin: Some("chat".to_owned()),
        content,
        timestamp: Some(timestamp),
        user_id: Some(if by_user { plan.session_id.clone() } else { site.operator_id(plan.operator) }),
        nickname: Some(if by_user { plan.who.nickname.clone() } else { operator.0.to_owned() }),
        edited: draw.chance(0.02),
        automated: kind == "event",
        readable: true,
        odd: None,
        placed_at: timestamp,
    };
    if let Some(odd) = odd {
        odd.bend(place, &mut message);
    }
    message
}

/// Fifteen digits, the first ten of them the unix second; unique within the conversation.
pub(crate) fn fingerprint(timestamp: i64, place: u32, luck: u64) -> i64 {
    let tail = i64::try_from(luck).unwrap_or(0) % 100 * 1_000 + i64::from(place % 1_000);
    timestamp.div_euclid(1_000) * 100_000 + tail
}

/// The newest message is a few milliseconds older than the conversation's `updated_at`.
fn timestamp(site: &Site, plan: &Plan, from_end: u32) -> i64 {
    let jitter = match from_end {
        0 => 0,
        _ => site
            .draw(Subject::Message, [u64::from(plan.slot), 1 << 40 | u64::from(from_end)])
            .between(0, plan.gap / 2),
    };
    plan.updated - 3 - i64::from(from_end) * plan.gap - jitter
}

/// One of the other eight types.
fn interlude(place: u32, plan: &Plan, draw: &mut Draw) -> (&'static str, Side, Value) {
    let side = if draw.chance(0.7) { Side::User } else { Side::Operator };
    let number = draw.between(1_000, 9_999);
    match draw.below(100) {
        0..40 => ("note", Side::Operator, plan.topic.note(place, plan, draw).into()),
        40..65 => ("event", Side::Operator, event(draw)),
        65..85 => ("file", side, file(draw, number)),
        85..89 => (
            "animation",
            side,
            json!({"url": format!("https://storage.crisp.example/{number}.gif"), "type": "image/gif"}),
        ),
        89..92 => (
            "audio",
            side,
            json!({"url": format!("https://storage.crisp.example/{number}.ogg"), "type": "audio/ogg", "duration": number % 90}),
        ),
        92..95 => ("picker", Side::Operator, picker(number)),
        95..98 => (
            "field",
            Side::Operator,
            json!({"id": format!("field-{number}"), "text": "Which address should the invoice go to?", "explain": "Your billing email", "value": ""}),
        ),
        _ => ("carousel", Side::Operator, carousel(number)),
    }
}

fn event(draw: &mut Draw) -> Value {
    let namespace = draw.pick(&["state:resolved", "state:unresolved", "user:joined", "routing:assigned"]);
    json!({"namespace": namespace, "text": namespace.replace(':', " ")})
}

fn file(draw: &mut Draw, number: i64) -> Value {
    let (name, kind) = draw.pick(&[
        ("screenshot.png", "image/png"),
        ("invoice.pdf", "application/pdf"),
        ("contacts.csv", "text/csv"),
        ("error-log.txt", "text/plain"),
    ]);
    json!({"name": name, "type": kind, "url": format!("https://storage.crisp.example/{number}/{name}")})
}

fn picker(number: i64) -> Value {
    json!({
        "id": format!("picker-{number}"),
        "text": "How was our help?",
        "choices": [
            {"value": "good", "label": "Great", "selected": number % 2 == 0},
            {"value": "bad", "label": "Could be better", "selected": false},
        ],
    })
}

fn carousel(number: i64) -> Value {
    json!({
        "text": "These articles may help",
        "targets": [
            {"title": "Importing your contacts", "description": "Step by step",
             "actions": [{"label": "Read", "url": format!("https://help.example/articles/{number}")}]},
            {"title": "Understanding your invoice", "description": "What each line means",
             "actions": [{"label": "Read", "url": format!("https://help.example/articles/{}", number + 1)}]},
        ],
    })
}
