//! The first import, before your eyes.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use worker::progress::{Count, Display, Snapshot};

use crate::show::say;
use crate::stage::Stage;

mod events;

use events::Events;

/// An import that has ended.
#[derive(Debug)]
pub(crate) struct Imported {
    /// The sync, as the contract writes it.
    pub(crate) record: Value,
}

impl Imported {
    /// Whether nothing is missing.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.state() == "succeeded"
    }

    /// The contract's word for how it ended.
    pub(crate) fn state(&self) -> &str {
        self.record.get("state").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Triggers the first import and watches it to its end.
pub(crate) async fn first(stage: &Stage, integration: &str) -> anyhow::Result<Imported> {
    let path = format!("/v1/integrations/{integration}/syncs");
    let sync = stage.caller.post(&path, &json!({"kind": "full"})).await?;
    let id = sync.get("id").and_then(Value::as_str).context("the sync has no id")?;
    say("\nFirst import");
    let mut display = Display::new();
    let record = watch(stage, id, &mut display).await?;
    display.finish();
    Ok(Imported { record })
}

async fn watch(stage: &Stage, id: &str, display: &mut Display) -> anyhow::Result<Value> {
    loop {
        let mut events = Events::of(stage.caller.stream(&format!("/v1/syncs/{id}/events")).await?);
        while let Some(record) = events.next().await? {
            display.show(&snapshot(&record));
        }
        // The stream ends with the sync, or with the connection.
        let record = stage.caller.get(&format!("/v1/syncs/{id}")).await?;
        display.show(&snapshot(&record));
        if record.get("finished_at").is_some_and(|at| !at.is_null()) {
            return Ok(record);
        }
    }
}

fn snapshot(record: &Value) -> Snapshot {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let number = |path: &str| record.pointer(path).and_then(Value::as_u64);
    let count = |path: &str| number(path).unwrap_or(0);
    Snapshot {
        state: text("/state").unwrap_or_default(),
        phase: text("/phase"),
        people: Count { read: count("/people/read"), of: number("/expected/people") },
        conversations: Count { read: count("/conversations/read"), of: number("/expected/conversations") },
        changed_conversations: count("/conversations/created") + count("/conversations/updated"),
        messages: count("/messages/read"),
        requests: count("/crisp_requests"),
        resumes_at: text("/resumes_at").and_then(|at| at.parse::<DateTime<Utc>>().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_from_the_record() {
        let record = json!({
            "state": "waiting_for_quota", "phase": "messages", "resumes_at": "2026-01-01T00:00:00.000Z",
            "expected": {"people": 400, "conversations": null}, "people": {"read": 400},
            "conversations": {"read": 300, "created": 250, "updated": 5}, "messages": {"read": 12},
            "crisp_requests": 99,
        });
        let snapshot = snapshot(&record);
        assert_eq!((snapshot.people.of, snapshot.conversations.of), (Some(400), None));
        assert_eq!((snapshot.changed_conversations, snapshot.messages, snapshot.requests), (255, 12, 99));
        assert_eq!(snapshot.resumes_at.map(|at| at.timestamp()), Some(1_767_225_600));
    }
}
