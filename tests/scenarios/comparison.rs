//! Compares what Custify holds with what is true in the simulated Crisp: every contact, conversation and message, field
//! by field, with rules written down here a second time so that one mistake cannot cancel another.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use testkit::simulator::{self as records, Truth};

use crate::stage::Stage;

/// Everything that differs, as sentences; empty = equal.
pub async fn differences(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let truth = stage.sim.truth(stage.website);
    let mut found = people(stage, &truth).await?;
    found.extend(conversations(stage, &truth).await?);
    found.truncate(40);
    Ok(found)
}

/// Refused by Postgres, therefore replaced.
fn stored(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Blank means unknown.
fn present(text: Option<&String>) -> Option<String> {
    text.map(|text| stored(text.trim())).filter(|text| !text.is_empty())
}

fn key(email: Option<&String>) -> Option<String> {
    crisp_domain::EmailKey::parse(email?).map(|key| key.as_str().to_owned())
}

fn at(ms: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms.filter(|ms| *ms > 0)?)
}

/// Profiles by the contact they share: the one last active has the say.
fn winners(truth: &Truth) -> BTreeMap<String, records::Person> {
    let people: Vec<records::Person> = truth.people().filter(|person| person.readable).collect();
    let mut best: BTreeMap<String, records::Person> = BTreeMap::new();
    for person in &people {
        let Some(email) = key(person.email.as_ref()) else { continue };
        let rank = |one: &records::Person| {
            (one.active_last, one.updated_at, std::cmp::Reverse(one.people_id.clone()))
        };
        match best.get(&email) {
            Some(known) if rank(known) >= rank(person) => {}
            _ => drop(best.insert(email, person.clone())),
        }
    }
    people
        .into_iter()
        .map(|person| {
            let winner = key(person.email.as_ref()).and_then(|email| best.get(&email).cloned());
            (person.people_id.clone(), winner.unwrap_or(person))
        })
        .collect()
}

async fn people(stage: &Stage, truth: &Truth) -> anyhow::Result<Vec<String>> {
    let sql = stage.sql().await?;
    let rows = sql
        .query(
            "select p.people_id, k.email, k.name, k.phone, k.signed_up_at, k.attributes, k.country_alpha2 from profiles p \
             join contacts k on k.account_id = p.account_id and k.id = p.contact_id where p.integration_id = $1",
            &[&stage.integration.as_uuid()],
        )
        .await?;
    let mut found = Vec::new();
    let mut expected = winners(truth);
    for row in rows {
        let people_id: String = row.get(0);
        let Some(person) = expected.remove(&people_id) else {
            found.push(format!("profile {people_id} is stored and not in Crisp"));
            continue;
        };
        let attributes: Value = row.get(5);
        let attribute = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let last_active =
            at(person.active_last).map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
        let email = person.email.as_ref().filter(|_| key(person.email.as_ref()).is_some());
        let fields: [(&str, Option<String>, Option<String>); 9] = [
            ("email", row.get(1), present(email)),
            ("name", row.get(2), present(person.nickname.as_ref())),
            ("phone", row.get(3), present(person.phone.as_ref())),
            (
                "signed up",
                row.get::<_, Option<DateTime<Utc>>>(4).map(|at| at.to_string()),
                at(person.created_at).map(|at| at.to_string()),
            ),
            ("country", attribute("country"), present(person.country.as_ref())),
            ("normal form of the country", row.get(6), present(person.country.as_ref())),
            ("job title", attribute("job_title"), present(person.job_title.as_ref())),
            ("company", attribute("company_name"), present(person.company_name.as_ref())),
            ("last active", attribute("last_active_at"), last_active),
        ];
        for (name, have, want) in fields {
            if have != want {
                found.push(format!("profile {people_id}: {name} is {have:?}, Crisp has {want:?}"));
            }
        }
    }
    found.extend(expected.into_keys().map(|people_id| format!("profile {people_id} is missing")));
    Ok(found)
}

async fn conversations(stage: &Stage, truth: &Truth) -> anyhow::Result<Vec<String>> {
    let sql = stage.sql().await?;
    let rows = sql
        .query(
            "select c.session_id, c.status, c.subject, c.origin, c.assigned_user_id, c.crisp_created_at, c.crisp_updated_at, \
             c.message_count, c.matched_by, c.id from conversations c \
             where c.integration_id = $1 and c.contact_id is not null and c.removed_at is null",
            &[&stage.integration.as_uuid()],
        )
        .await?;
    let known_people: BTreeSet<String> =
        truth.people().filter(|person| person.readable).map(|person| person.people_id).collect();
    let contact_emails: BTreeSet<String> = sql
        .query(
            "select email_key from contacts where email_key is not null and account_id = $1",
            &[&stage.account.as_uuid()],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let matched_by = |one: &records::Conversation| {
        if one.people_id.as_ref().is_some_and(|id| known_people.contains(id)) {
            Some("people_id")
        } else {
            key(one.email.as_ref()).filter(|email| contact_emails.contains(email)).map(|_| "email")
        }
    };
    let mut expected: BTreeMap<String, (records::Conversation, &str)> = truth
        .conversations()
        .filter(|one| one.readable && one.messages > 0)
        .filter_map(|one| Some((one.session_id.clone(), (one.clone(), matched_by(&one)?))))
        .collect();
    let mut found = Vec::new();
    for row in rows {
        let session: String = row.get(0);
        let Some((one, rule)) = expected.remove(&session) else {
            found.push(format!("conversation {session} is shown and should not be"));
            continue;
        };
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_string());
        let fields: [(&str, Option<String>, Option<String>); 7] = [
            ("status", row.get(1), Some(format!("{:?}", one.state).to_lowercase())),
            ("subject", row.get(2), present(one.subject.as_ref())),
            ("origin", row.get(3), present(one.origin.as_ref())),
            ("assignee", row.get(4), present(one.assigned.as_ref())),
            ("created", time(row.get(5)), time(at(one.created_at))),
            ("updated", time(row.get(6)), time(at(one.updated_at))),
            ("rule", row.get(8), Some(rule.to_owned())),
        ];
        for (name, have, want) in fields {
            if have != want {
                found.push(format!("conversation {session}: {name} is {have:?}, Crisp has {want:?}"));
            }
        }
        found.extend(messages(stage, &sql, truth, &session, row.get(9), row.get(7)).await?);
        if found.len() > 60 {
            return Ok(found);
        }
    }
    found.extend(expected.into_keys().map(|session| format!("conversation {session} is missing")));
    Ok(found)
}

async fn messages(
    _stage: &Stage,
    sql: &testkit::postgres::Client,
    truth: &Truth,
    session: &str,
    id: uuid::Uuid,
    count: i64,
) -> anyhow::Result<Vec<String>> {
    let rows = sql
        .query(
            "select fingerprint, direction, internal, kind, body, sender_name, sent_at from messages \
             where conversation_id = $1 and removed_at is null and sent_at is not null",
            &[&id],
        )
        .await?;
    let mut expected: BTreeMap<i64, records::Message> = truth
        .messages(session)
        .into_iter()
        .filter(|one| one.readable)
        .map(|one| (one.fingerprint, one))
        .collect();
    let mut found = Vec::new();
    if usize::try_from(count)? != expected.len() {
        found.push(format!("conversation {session}: message_count is {count}, Crisp has {}", expected.len()));
    }
    for row in rows {
        let fingerprint: i64 = row.get(0);
        let Some(one) = expected.remove(&fingerprint) else {
            found.push(format!("message {session}:{fingerprint} is live here and gone in Crisp"));
            continue;
        };
        let plain =
            matches!(one.kind.as_str(), "text" | "note").then(|| one.content.as_str().map(stored)).flatten();
        let body: Option<String> = row.get(4);
        if let Some(text) = plain.filter(|text| body.as_deref().map(str::trim) != Some(text.trim())) {
            found.push(format!("message {session}:{fingerprint}: body is {body:?}, Crisp has {text:?}"));
        }
        if body.is_none() {
            found.push(format!("message {session}:{fingerprint} has no body"));
        }
        let internal: bool = row.get(2);
        if internal != matches!(one.kind.as_str(), "note" | "event") {
            found.push(format!("message {session}:{fingerprint}: internal is {internal}"));
        }
        let direction: Option<String> = row.get(1);
        let want = one.from.map(|from| if from == records::Side::User { "inbound" } else { "outbound" });
        if want.is_some() && direction.as_deref() != want {
            found.push(format!(
                "message {session}:{fingerprint}: direction is {direction:?}, Crisp has {want:?}"
            ));
        }
        let sent: Option<DateTime<Utc>> = row.get(6);
        if at(one.timestamp).is_some() && sent != at(one.timestamp) {
            found.push(format!(
                "message {session}:{fingerprint}: sent at {sent:?}, Crisp has {:?}",
                at(one.timestamp)
            ));
        }
    }
    found.extend(
        expected.into_keys().map(|fingerprint| format!("message {session}:{fingerprint} is missing")),
    );
    Ok(found)
}
