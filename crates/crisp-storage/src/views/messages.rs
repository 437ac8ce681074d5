//! The messages of a conversation as people and programs read them; removed ones stay as tombstones.
//!
//! Whoever asks has found the conversation first: what nobody is shown has no messages to show.

use chrono::{DateTime, Utc};
use crisp_domain::ids::ConversationId;
use diesel::dsl::AssumeNotNull;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::schema::messages;
use crate::session::AccountSession;

/// A message that has arrived; the migration describes every column.
#[derive(Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = messages)]
#[expect(missing_docs, reason = "the migration comments every column")]
pub struct MessageView {
    pub id: Uuid,
    pub fingerprint: i64,
    pub direction: Option<String>,
    pub internal: bool,
    pub kind: Option<String>,
    pub body: Option<String>,
    pub content: Option<serde_json::Value>,
    pub sender_name: Option<String>,
    pub sender_id: Option<String>,
    #[diesel(select_expression = messages::sent_at.assume_not_null())]
    #[diesel(select_expression_type = AssumeNotNull<messages::sent_at>)]
    pub sent_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
}

/// Where a page of a thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InThread {
    /// When the message was sent.
    pub sent_at: DateTime<Utc>,
    /// Tells messages of the same moment apart.
    pub fingerprint: i64,
}

discreet_debug!(MessageView: id);

impl MessageView {
    /// Where a page that ends with this message ends.
    pub fn position(&self) -> InThread {
        InThread { sent_at: self.sent_at, fingerprint: self.fingerprint }
    }
}

/// Messages after `after`, the oldest first.
pub async fn list(
    session: &mut AccountSession,
    conversation: ConversationId,
    after: Option<InThread>,
    limit: i64,
) -> Result<Vec<MessageView>, Error> {
    let mut query = arrived(session, conversation);
    if let Some(InThread { sent_at, fingerprint }) = after {
        // The first condition is implied by the second; the index can use only the first.
        query = query.filter(messages::sent_at.ge(sent_at)).filter(
            messages::sent_at
                .gt(sent_at)
                .or(messages::sent_at.eq(sent_at).and(messages::fingerprint.gt(fingerprint))),
        );
    }
    query
        .order((messages::sent_at.asc(), messages::fingerprint.asc()))
        .limit(limit)
        .select(MessageView::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list messages"))
}

/// Messages before `before`, the newest first: for a thread that opens at its end.
pub async fn list_newest(
    session: &mut AccountSession,
    conversation: ConversationId,
    before: Option<InThread>,
    limit: i64,
) -> Result<Vec<MessageView>, Error> {
    let mut query = arrived(session, conversation);
    if let Some(InThread { sent_at, fingerprint }) = before {
        query = query.filter(messages::sent_at.le(sent_at)).filter(
            messages::sent_at
                .lt(sent_at)
                .or(messages::sent_at.eq(sent_at).and(messages::fingerprint.lt(fingerprint))),
        );
    }
    query
        .order((messages::sent_at.desc(), messages::fingerprint.desc()))
        .limit(limit)
        .select(MessageView::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list the newest messages"))
}

/// Every message of the conversation that has arrived: one without a time is still waited for.
fn arrived(session: &AccountSession, conversation: ConversationId) -> messages::BoxedQuery<'static, Pg> {
    messages::table
        .filter(messages::account_id.eq(session.account().as_uuid()))
        .filter(messages::conversation_id.eq(conversation.as_uuid()))
        .filter(messages::sent_at.is_not_null())
        .into_boxed()
}
