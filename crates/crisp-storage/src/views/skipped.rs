//! What was read from Crisp and is not shown, each with the reason.

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::containing;
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::session::AccountSession;

/// Why something is not shown, in the contract's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// A conversation that belongs to no contact.
    NoMatch,
    /// A conversation from before the backfill window.
    BeforeBackfill,
    /// A record that could not be read.
    Unreadable,
}

/// Something that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Session id, people id, or `session_id:fingerprint`.
    pub external_id: String,
    /// Why it is not shown.
    pub reason: Reason,
    /// The visitor's e-mail.
    pub email: Option<String>,
    /// The Crisp profile.
    pub people_id: Option<String>,
    /// What the conversation is about.
    pub subject: Option<String>,
    /// Crisp's, of a conversation; of an unreadable record when it was last met.
    pub updated_at: DateTime<Utc>,
    /// The reason as a plain sentence.
    pub detail: String,
    position: Position,
}

/// Where a page of the list ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    at: Option<DateTime<Utc>>,
    tie: String,
}

/// Which of them; all by default.
/// `Debug` does not show what is looked for.
#[derive(Default, Clone)]
pub struct Filter {
    /// Those with this reason.
    pub reason: Option<Reason>,
    /// Those whose e-mail, subject, visitor's name or external id contains this text.
    pub search: Option<String>,
}

/// How many there are, by reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Counts {
    /// Conversations that belong to no contact.
    #[diesel(sql_type = BigInt)]
    pub no_match: i64,
    /// Conversations from before the backfill window.
    #[diesel(sql_type = BigInt)]
    pub before_backfill: i64,
    /// Records that could not be read.
    #[diesel(sql_type = BigInt)]
    pub unreadable: i64,
}

discreet_debug!(Skipped: reason, Filter: reason);

impl Skipped {
    /// Where a page that ends with this ends.
    pub fn position(&self) -> Position {
        self.position.clone()
    }
}

/// What is not shown of an integration, after `after`, newest first.
pub async fn list(
    session: &mut AccountSession,
    integration: IntegrationId,
    filter: &Filter,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Skipped>, Error> {
    let account = session.account().as_uuid();
    let rows: Vec<Row> = diesel::sql_query(LIST)
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<Nullable<Text>, _>(filter.reason.map(|reason| reason.to_string()))
        .bind::<Nullable<Text>, _>(filter.search.as_deref().and_then(containing))
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<Nullable<Timestamptz>, _>(after.and_then(|position| position.at))
        .bind::<Nullable<Text>, _>(after.map(|position| position.tie.as_str()))
        .bind::<BigInt, _>(limit)
        .load(session.connection()?)
        .await
        .map_err(Error::query("list what was skipped"))?;
    Ok(rows.into_iter().map(Row::skipped).collect())
}

/// Whether and why the record with this external id is not shown.
pub async fn find(
    session: &mut AccountSession,
    integration: IntegrationId,
    external_id: &str,
) -> Result<Option<Skipped>, Error> {
    let account = session.account().as_uuid();
    let row: Option<Row> = diesel::sql_query(LIST)
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(integration.as_uuid())
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<Nullable<Text>, _>(Some(external_id))
        .bind::<Nullable<Timestamptz>, _>(None::<DateTime<Utc>>)
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<BigInt, _>(1)
        .get_result(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find what was skipped"))?;
    Ok(row.map(Row::skipped))
}

/// How much is not shown of an integration.
pub async fn count(session: &mut AccountSession, integration: IntegrationId) -> Result<Counts, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "select count(*) filter (where c.skip_reason = 'no_match') as no_match, \
             count(*) filter (where c.skip_reason = 'before_backfill') as before_backfill, \
             (select count(*) from unreadable_records r where r.account_id = $1 and r.integration_id = $2) as unreadable \
         from conversations c where c.account_id = $1 and c.integration_id = $2 and c.skip_reason is not null and c.removed_at is null",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .get_result(session.connection()?)
    .await
    .map_err(Error::query("count what was skipped"))
}

/// Parameters are account, integration, reason, pattern, external id, position, limit. Each half reads as many rows as
/// the page may need, in the order of the list. `tie` is compared byte by byte, as ids are.
const LIST: &str = "with c as ( \
         select c.crisp_updated_at as at, c.id::text collate \"C\" as tie, c.session_id as external_id, c.skip_reason as reason, \
             c.email, c.people_id, c.subject, c.updated_at, null::text as kind, null::text as detail \
         from conversations c where c.account_id = $1 and c.integration_id = $2 and c.skip_reason is not null and c.removed_at is null \
             and ($3::text is null or c.skip_reason = $3) \
             and ($4::text is null or c.email ilike $4 or c.subject ilike $4 or c.nickname ilike $4 or c.session_id ilike $4) \
             and ($5::text is null or c.session_id = $5) \
             and ($7::text is null \
                 or ($6::timestamptz is null and (c.crisp_updated_at is not null or c.id::text collate \"C\" < $7)) \
                 or (c.crisp_updated_at <= $6 and (c.crisp_updated_at < $6 or c.id::text collate \"C\" < $7))) \
         order by c.crisp_updated_at desc, c.id desc limit $8), \
     r as ( \
         select r.seen_at as at, (r.kind || ':' || r.external_id) collate \"C\" as tie, r.external_id, 'unreadable' as reason, \
             null::text as email, case r.kind when 'profile' then r.external_id end as people_id, null::text as subject, \
             r.seen_at as updated_at, r.kind, r.detail \
         from unreadable_records r where r.account_id = $1 and r.integration_id = $2 \
             and ($3::text is null or $3 = 'unreadable') and ($4::text is null or r.external_id ilike $4) \
             and ($5::text is null or (r.external_id = $5 and r.kind = any(array['conversation', 'message', 'profile']))) \
             and ($7::text is null or $6::timestamptz is null \
                 or (r.seen_at <= $6 and (r.seen_at < $6 or (r.kind || ':' || r.external_id) collate \"C\" < $7))) \
         order by 1 desc, 2 desc limit $8) \
     select s.*, i.backfill_from from (select * from c union all select * from r) s \
     join integrations i on i.account_id = $1 and i.id = $2 order by s.at desc, s.tie desc limit $8";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    tie: String,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    people_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    subject: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    backfill_from: Option<DateTime<Utc>>,
}

impl Row {
    fn skipped(self) -> Skipped {
        // The schema allows no other word; were it ever one, the record is at least listed.
        let reason = self.reason.parse().unwrap_or(Reason::Unreadable);
        Skipped {
            detail: self.sentence(reason),
            reason,
            external_id: self.external_id,
            email: self.email,
            people_id: self.people_id,
            subject: self.subject,
            updated_at: self.at.unwrap_or(self.updated_at),
            position: Position { at: self.at, tie: self.tie },
        }
    }

    fn sentence(&self, reason: Reason) -> String {
        match reason {
            Reason::NoMatch => no_match(self.email.is_some(), self.people_id.is_some()).to_owned(),
            Reason::BeforeBackfill => match self.backfill_from {
                Some(from) => format!(
                    "It was last updated before {}, where the import begins.",
                    from.format("%-d %B %Y")
                ),
                None => "It was last updated before the import begins.".to_owned(),
            },
            Reason::Unreadable => {
                let kind = self.kind.as_deref().unwrap_or("record");
                match self.detail.as_deref().map(|detail| detail.trim_end_matches('.')) {
                    Some(detail) => format!("This {kind} could not be read, or not wholly: {detail}."),
                    None => format!("This {kind} could not be read; no more is known."),
                }
            }
        }
    }
}

fn no_match(has_email: bool, has_profile: bool) -> &'static str {
    match (has_email, has_profile) {
        (false, false) => {
            "It has neither an e-mail address nor a Crisp profile, so there is nothing to find a contact by."
        }
        (true, false) => "No contact has its e-mail address.",
        (false, true) => "It has no e-mail address, and no contact was imported from its Crisp profile.",
        (true, true) => "No contact has its e-mail address, and none was imported from its Crisp profile.",
    }
}
