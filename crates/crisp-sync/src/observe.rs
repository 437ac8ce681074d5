//! Joins what Crisp says of a conversation with what is stored: pure, so that the same facts in any order end alike.
//!
//! Two kinds of facts meet. A *read* (list row or single object) tells everything, but lists come from a cache that may
//! lag behind by [`LAG`]. A *hook* tells one field, dated by Crisp's clock. Rules:
//!
//! * Between hooks about one field the younger envelope wins.
//! * A read wins over a hook, unless it was sent within [`LAG`] of the hook's arrival and says something else: then the
//!   hook stands and the row is *in doubt*, to be read once more when the lag is over.
//! * A hook that Crisp sent off before the conversation was read *by its name* is older than that reading: it only wakes
//!   another.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::{Fingerprint, Told};
use crisp_domain::ConversationFacts;
use crisp_storage::conversations::ConversationRow;
use serde_json::{Value, json};

/// How long Crisp's lists may lag behind its hooks (crisp-api: "wait some seconds"; no figure is documented).
pub(crate) const LAG: TimeDelta = TimeDelta::seconds(3);

/// How far Crisp's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::hours(24);

/// A field that a hook can set.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Status(crisp_domain::Status),
    Email(Option<String>),
    Subject(Option<String>),
    Nickname(Option<String>),
    Origin(Option<String>),
    Assigned(Option<String>),
    PeopleId(Option<String>),
}

/// When a hook's fact came about and when it reached us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// Crisp's clock.
    pub(crate) crisp_at: DateTime<Utc>,
    /// Ours.
    pub(crate) received_at: DateTime<Utc>,
}

impl Fact {
    fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Email(_) => "email",
            Self::Subject(_) => "subject",
            Self::Nickname(_) => "nickname",
            Self::Origin(_) => "origin",
            Self::Assigned(_) => "assigned",
            Self::PeopleId(_) => "people_id",
        }
    }

    fn is_stored_in(&self, row: &ConversationRow) -> bool {
        match self {
            Self::Status(status) => row.status == status.to_string(),
            Self::Email(email) => &row.email == email,
            Self::Subject(subject) => &row.subject == subject,
            Self::Nickname(nickname) => &row.nickname == nickname,
            Self::Origin(origin) => &row.origin == origin,
            Self::Assigned(operator) => &row.assigned_user_id == operator,
            Self::PeopleId(people_id) => &row.people_id == people_id,
        }
    }

    fn store_in(self, row: &mut ConversationRow) {
        match self {
            Self::Status(status) => row.status = status.to_string(),
            Self::Email(email) => {
                row.email_key = email
                    .as_deref()
                    .and_then(crisp_domain::EmailKey::parse)
                    .map(|key| key.as_str().to_owned());
                row.email = email;
            }
            Self::Subject(subject) => row.subject = subject,
            Self::Nickname(nickname) => row.nickname = nickname,
            Self::Origin(origin) => row.origin = origin,
            Self::Assigned(operator) => row.assigned_user_id = operator,
            Self::PeopleId(people_id) => row.people_id = people_id,
        }
    }
}

/// Whether a field differs that moves no `updated_at` and that a hook of its own tells of.
pub(crate) fn differs(before: &ConversationRow, after: &ConversationRow) -> bool {
    before.status != after.status
        || before.email != after.email
        || before.subject != after.subject
        || before.assigned_user_id != after.assigned_user_id
}

/// Takes a hook's fact, unless a younger hook has told of the same field.
pub(crate) fn hear(row: &mut ConversationRow, fact: Fact, stamp: Stamp) {
    let name = fact.name();
    if stored_stamp(&row.hook_stamps, name)
        .is_some_and(|(crisp_ms, _)| crisp_ms > stamp.crisp_at.timestamp_millis())
    {
        return;
    }
    put_stamp(row, name, stamp);
    fact.store_in(row);
}

/// Notes that a hook brought a message of the conversation.
pub(crate) fn hear_message(row: &mut ConversationRow, stamp: Stamp) {
    let known = stored_stamp(&row.hook_stamps, MESSAGE).map(|(crisp_ms, _)| crisp_ms);
    if known.is_none_or(|known| known <= stamp.crisp_at.timestamp_millis()) {
        put_stamp(row, MESSAGE, stamp);
    }
}

/// The name under which the last hooked message leaves its stamp.
const MESSAGE: &str = "message";
/// The name under which the last read by the conversation's name leaves its stamp (our clock).
const READ: &str = "read";

/// Notes that the conversation was asked for by its name at `sent_at` (our clock): no list lay between.
pub(crate) fn note_read(row: &mut ConversationRow, sent_at: DateTime<Utc>) {
    put_stamp(row, READ, Stamp { crisp_at: sent_at, received_at: sent_at });
}

/// When the conversation was last asked for by its name (our clock).
pub(crate) fn read_at(row: &ConversationRow) -> Option<DateTime<Utc>> {
    heard_at(&row.hook_stamps, READ)
}

fn put_stamp(row: &mut ConversationRow, name: &str, stamp: Stamp) {
    if let Value::Object(stamps) = &mut row.hook_stamps {
        let marks = json!([stamp.crisp_at.timestamp_millis(), stamp.received_at.timestamp_millis()]);
        stamps.insert(name.to_owned(), marks);
    }
}

/// When the last hook about a field arrived (our clock).
fn heard_at(stamps: &Value, name: &str) -> Option<DateTime<Utc>> {
    stored_stamp(stamps, name).and_then(|(_, received_ms)| DateTime::from_timestamp_millis(received_ms))
}

/// Takes everything a read tells that was sent at `sent_at` (our clock). Returns whether the row is in doubt now.
pub(crate) fn read(row: &mut ConversationRow, facts: &ConversationFacts, sent_at: DateTime<Utc>) -> bool {
    let mut doubt = false;
    for fact in told_by(facts) {
        if fact.is_stored_in(row) {
            continue;
        }
        let recent = heard_at(&row.hook_stamps, fact.name()).is_some_and(|heard_at| heard_at + LAG > sent_at);
        if recent {
            doubt = true;
        } else {
            fact.store_in(row);
        }
    }
    row.crisp_created_at = facts.created_at.or(row.crisp_created_at);
    // A message that a hook brought a moment ago is news that a lagging list does not take back.
    let heard = heard_at(&row.hook_stamps, MESSAGE).is_some_and(|heard_at| heard_at + LAG > sent_at);
    row.crisp_updated_at = match facts.updated_at.filter(|at| !lies_ahead(*at, sent_at)) {
        Some(told) if !heard => Some(told),
        told => row.crisp_updated_at.max(told),
    };
    // Where Crisp tells one of the two only, the other is nearer to the truth than the time of the import.
    row.crisp_created_at = row.crisp_created_at.or(row.crisp_updated_at);
    row.crisp_updated_at = row.crisp_updated_at.or(row.crisp_created_at);
    row.newest_fingerprint = facts.newest_fingerprint.map(Fingerprint::get).or(row.newest_fingerprint);
    doubt
}

/// What a read tells. It is silent about what it does not speak of: that stays as it is.
fn told_by(facts: &ConversationFacts) -> Vec<Fact> {
    let mut told: Vec<Fact> = facts.status.map(Fact::Status).into_iter().collect();
    told.extend(fact(&facts.email, Fact::Email));
    told.extend(fact(&facts.subject, Fact::Subject));
    told.extend(fact(&facts.nickname, Fact::Nickname));
    told.extend(fact(&facts.origin, Fact::Origin));
    told.extend(fact(&facts.people_id.translated(|id| Some(id.as_str().to_owned())), Fact::PeopleId));
    told.extend(fact(&facts.assigned.translated(|id| Some(id.as_str().to_owned())), Fact::Assigned));
    told
}

fn fact(told: &Told<String>, of: fn(Option<String>) -> Fact) -> Option<Fact> {
    match told {
        Told::Silent => None,
        Told::Nothing => Some(of(None)),
        Told::Value(text) => Some(of(Some(text.clone()))),
    }
}

/// Whether a time of Crisp's lies further ahead of the request that told it than two clocks can differ: then it is no
/// time that anything may be measured by.
pub(crate) fn lies_ahead(at: DateTime<Utc>, sent_at: DateTime<Utc>) -> bool {
    at - sent_at > AHEAD
}

fn stored_stamp(stamps: &Value, name: &str) -> Option<(i64, i64)> {
    let marks = stamps.get(name)?;
    Some((marks.get(0)?.as_i64()?, marks.get(1)?.as_i64()?))
}

#[cfg(test)]
mod tests {
    use crisp_client::{Conversation, SessionId, Wire};
    use crisp_domain::{ConversationId, IntegrationId, Status};
    use uuid::Uuid;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn known() -> ConversationRow {
        let (id, integration) = (ConversationId::new(Uuid::nil()), IntegrationId::new(Uuid::nil()));
        let mut row = ConversationRow::new(id, integration, &SessionId::new("S"));
        let text = |text: &str| Some(text.to_owned());
        for fact in [
            Fact::Status(Status::Resolved),
            Fact::Email(text("ana@x.example")),
            Fact::Subject(text("Pricing")),
            Fact::Nickname(text("Ana")),
            Fact::Origin(text("chat")),
            Fact::PeopleId(text("P")),
            Fact::Assigned(text("OP")),
        ] {
            fact.store_in(&mut row);
        }
        row
    }

    fn after(raw: Value) -> ConversationRow {
        let mut row = known();
        let facts = ConversationFacts::from_wire(&Conversation::read(raw).unwrap());
        assert!(!read(&mut row, &facts, now()));
        row
    }

    #[test]
    fn a_row_that_is_silent_about_a_field_leaves_it_as_it_is() {
        for odd in [json!(null), json!([]), json!("x")] {
            let raw = json!({"session_id": "S", "people_id": [], "state": "archived", "status": 9, "meta": odd, "assigned": {"user_id": 7}});
            assert_eq!(after(raw), known(), "{odd}");
        }
        assert_eq!(after(json!({"session_id": "S", "people_id": "P"})), known());
    }

    #[test]
    fn what_a_row_says_is_empty_is_emptied() {
        let row = after(
            json!({"session_id": "S", "people_id": null, "assigned": null, "meta": {"email": "", "subject": null}}),
        );
        assert_eq!((row.people_id, row.assigned_user_id, row.email, row.email_key), (None, None, None, None));
        assert_eq!((row.subject, row.status.as_str()), (None, "resolved"));
    }

    #[test]
    fn a_time_that_lies_ahead_of_the_request_moves_nothing() {
        let (soon, later) = (now() + TimeDelta::hours(23), now() + TimeDelta::hours(25));
        let at = |at: DateTime<Utc>| {
            after(json!({"session_id": "S", "people_id": "P", "updated_at": at.timestamp_millis()}))
        };
        assert_eq!(at(soon).crisp_updated_at, Some(soon));
        assert_eq!(at(later).crisp_updated_at, None);
    }
}
