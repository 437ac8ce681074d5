//! Conversations and messages, as the contract writes them.

use crisp_storage::views::conversations::ConversationView;
use crisp_storage::views::messages::MessageView;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::time::Time;

/// A conversation that belongs to a contact.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Conversation {
    /// Its id.
    id: Uuid,
    /// Crisp's session id.
    #[schema(example = "session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234")]
    external_id: String,
    /// The integration that it came through.
    integration_id: Uuid,
    /// `pending`, `unresolved` or `resolved`.
    #[schema(example = "resolved")]
    status: String,
    /// What it is about.
    subject: Option<String>,
    /// Where it came from, and who looks after it.
    metadata: Metadata,
    /// Whose conversation it is.
    contact_id: Uuid,
    /// All companies of the contact.
    company_external_ids: Vec<String>,
    /// `people_id` or `email`.
    #[schema(example = "people_id")]
    matched_by: Option<String>,
    /// Live messages of every type.
    message_count: i64,
    /// When the newest of them was sent.
    last_message_at: Option<Time>,
    /// Since when the visitor waits for an answer.
    waiting_on_us_since: Option<Time>,
    /// When it began.
    created_at: Time,
    /// When it was last updated in Crisp.
    updated_at: Time,
    /// As of when all this is true.
    synced_at: Time,
}

/// Where a conversation came from, and who looks after it.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// `chat`, `email` or a channel's name.
    #[schema(example = "chat")]
    origin: Option<String>,
    /// The operator to whom it is assigned.
    assigned_to: Option<Operator>,
}

/// Somebody who answers in Crisp.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Operator {
    /// Crisp's id.
    user_id: String,
    /// The name; null if Crisp does not know the operator any more.
    name: Option<String>,
}

/// A message. One that was removed stays as a tombstone: `body` is null and `removed_at` is set.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Message {
    /// Its id.
    id: Uuid,
    /// Crisp's fingerprint, as decimal text.
    #[schema(example = "176722560012345")]
    external_id: String,
    /// `inbound` or `outbound`.
    #[schema(example = "inbound")]
    direction: Option<String>,
    /// Whether it is a note or an event line, which the visitor never sees.
    internal: bool,
    /// `text`, `file`, `animation`, `audio`, `picker`, `field`, `carousel`, `note`, `event`, or what Crisp calls it.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    kind: Option<String>,
    /// What it says, for people.
    body: Option<String>,
    /// The structured content as Crisp sent it; null for text and notes.
    #[schema(value_type = Option<Object>)]
    content: Option<Value>,
    /// Who wrote it.
    sender_name: Option<String>,
    /// When.
    sent_at: Time,
    /// When it was edited.
    edited_at: Option<Time>,
    /// When it was removed.
    removed_at: Option<Time>,
}

impl From<ConversationView> for Conversation {
    fn from(view: ConversationView) -> Self {
        let name = view.assigned_name;
        let assigned_to = view.assigned_user_id.map(|user_id| Operator { user_id, name });
        Self {
            id: view.id,
            external_id: view.external_id,
            integration_id: view.integration_id,
            status: view.status,
            subject: view.subject,
            metadata: Metadata { origin: view.origin, assigned_to },
            contact_id: view.contact_id,
            company_external_ids: view.company_external_ids,
            matched_by: view.matched_by,
            message_count: view.message_count,
            last_message_at: view.last_message_at.map(Time),
            waiting_on_us_since: view.waiting_on_us_since.map(Time),
            created_at: Time(view.created_at),
            updated_at: Time(view.updated_at),
            synced_at: Time(view.synced_at),
        }
    }
}

impl From<MessageView> for Message {
    fn from(view: MessageView) -> Self {
        let is_removed = view.removed_at.is_some();
        Self {
            id: view.id,
            external_id: view.fingerprint.to_string(),
            direction: view.direction,
            internal: view.internal,
            kind: view.kind,
            body: view.body.filter(|_| !is_removed),
            content: view.content.filter(|_| !is_removed),
            sender_name: view.sender_name,
            sent_at: Time(view.sent_at),
            edited_at: view.edited_at.map(Time),
            removed_at: view.removed_at.map(Time),
        }
    }
}
