//! Transcripts: the conversations whose messages are to be read, and what plans them or forgets the plan.

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conversations::ConversationRow;
use crate::error::Error;
use crate::schema::conversations;
use crate::session::AccountSession;

/// Attempts at a transcript after which it is set aside: no run waits for it any more.
pub const SET_ASIDE_AFTER: i32 = 5;

/// Whose messages are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Those that live work wants.
    Urgent,
    /// Those of passes and backfills.
    Calm,
    /// Those that were set aside: now and then they are tried again.
    SetAside,
}

/// Shown conversations of an integration whose messages are to be read.
fn due_rows(
    session: &AccountSession,
    integration: IntegrationId,
    due: Due,
) -> conversations::BoxedQuery<'static, diesel::pg::Pg> {
    let query = conversations::table
        .filter(conversations::account_id.eq(session.account().as_uuid()))
        .filter(conversations::integration_id.eq(integration.as_uuid()))
        .filter(conversations::messages_due)
        .filter(conversations::messages_urgent.eq(due == Due::Urgent))
        .filter(conversations::contact_id.is_not_null().and(conversations::removed_at.is_null()))
        .into_boxed();
    match due {
        Due::Urgent => query,
        Due::Calm => query.filter(conversations::messages_attempts.lt(SET_ASIDE_AFTER)),
        Due::SetAside => query.filter(conversations::messages_attempts.ge(SET_ASIDE_AFTER)),
    }
}

/// The conversations whose messages are to be read next, the newest first.
pub async fn list_due(
    session: &mut AccountSession,
    integration: IntegrationId,
    due: Due,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ConversationRow>, Error> {
    due_rows(session, integration, due)
        .filter(conversations::messages_retry_at.is_null().or(conversations::messages_retry_at.le(now)))
        .order(conversations::crisp_updated_at.desc())
        .limit(limit)
        .select(ConversationRow::as_select())
        .load(session.connection()?)
        .await
        .map_err(Error::query("list conversations whose messages are due"))
}

/// How many conversations still wait for their messages, and when the earliest retry is due; those set aside do not count.
pub async fn count_due(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<(i64, Option<DateTime<Utc>>), Error> {
    let account = session.account().as_uuid();
    conversations::table
        .filter(conversations::account_id.eq(account))
        .filter(conversations::integration_id.eq(integration.as_uuid()))
        .filter(conversations::messages_due)
        .filter(conversations::messages_attempts.lt(SET_ASIDE_AFTER).or(conversations::messages_urgent))
        .filter(conversations::contact_id.is_not_null().and(conversations::removed_at.is_null()))
        .select((diesel::dsl::count_star(), diesel::dsl::min(conversations::messages_retry_at)))
        .first(session.connection()?)
        .await
        .map_err(Error::query("count conversations whose messages are due"))
}

/// Plans to read the shown conversations whose notes were left out once more. Returns how many.
pub async fn plan_notes(
    session: &mut AccountSession,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    diesel::update(
        conversations::table
            .filter(conversations::account_id.eq(account))
            .filter(conversations::integration_id.eq(integration.as_uuid()))
            .filter(conversations::notes_left_out)
            .filter(conversations::contact_id.is_not_null().and(conversations::removed_at.is_null())),
    )
    .set((
        conversations::messages_due.eq(true),
        conversations::messages_reread.eq(true),
        conversations::messages_walk.eq(None::<serde_json::Value>),
        conversations::updated_at.eq(now),
    ))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("plan to read notes"))
}

/// Forgets which messages passes still had to read, where nobody waits for them: the next pass that lists those
/// conversations plans them anew. What is set aside stays so.
pub async fn forget_calm(
    session: &mut AccountSession,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let account = session.account().as_uuid();
    diesel::update(
        conversations::table
            .filter(conversations::account_id.eq(account))
            .filter(conversations::integration_id.eq(integration.as_uuid()))
            .filter(conversations::messages_due.and(diesel::dsl::not(conversations::messages_urgent)))
            .filter(conversations::messages_attempts.lt(SET_ASIDE_AFTER)),
    )
    .set((
        conversations::messages_due.eq(false),
        conversations::messages_reread.eq(false),
        conversations::messages_retry_at.eq(None::<DateTime<Utc>>),
        conversations::updated_at.eq(now),
    ))
    .execute(session.connection()?)
    .await
    .map_err(Error::query("forget planned transcripts"))
}

/// When the next put-off transcript is due, if any is left.
pub async fn next_retry(
    session: &mut AccountSession,
    integration: IntegrationId,
    due: Due,
) -> Result<Option<DateTime<Utc>>, Error> {
    due_rows(session, integration, due)
        .select(diesel::dsl::min(conversations::messages_retry_at))
        .first(session.connection()?)
        .await
        .map_err(Error::query("find the next transcript"))
}
