//! Conversations as people and programs read them: those that have a contact and still exist in Crisp.

use chrono::{DateTime, Utc};
use crisp_client::SessionId;
use crisp_domain::conversation::Status;
use crisp_domain::ids::{CompanyId, ContactId, ConversationId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Newest, containing};
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::session::AccountSession;

/// A conversation with the names that belong to it.
#[derive(Clone, PartialEq, Eq, QueryableByName)]
pub struct ConversationView {
    /// Ours.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The integration it came through.
    #[diesel(sql_type = SqlUuid)]
    pub integration_id: Uuid,
    /// That integration's website, for a link into Crisp.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub website_id: Option<Uuid>,
    /// Crisp's session id.
    #[diesel(sql_type = Text)]
    pub external_id: String,
    /// `pending`, `unresolved` or `resolved`.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// What it is about.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject: Option<String>,
    /// `chat`, `email`, `urn:…`.
    #[diesel(sql_type = Nullable<Text>)]
    pub origin: Option<String>,
    /// The visitor's name.
    #[diesel(sql_type = Nullable<Text>)]
    pub nickname: Option<String>,
    /// The assigned operator's id.
    #[diesel(sql_type = Nullable<Text>)]
    pub assigned_user_id: Option<String>,
    /// The assigned operator's name, where known.
    #[diesel(sql_type = Nullable<Text>)]
    pub assigned_name: Option<String>,
    /// Whose conversation it is.
    #[diesel(sql_type = SqlUuid)]
    pub contact_id: Uuid,
    /// The contact's name.
    #[diesel(sql_type = Nullable<Text>)]
    pub contact_name: Option<String>,
    /// The contact's e-mail.
    #[diesel(sql_type = Nullable<Text>)]
    pub contact_email: Option<String>,
    /// Every company that shows it, by the directory's ids.
    #[diesel(sql_type = Array<Text>)]
    pub company_external_ids: Vec<String>,
    /// `people_id` or `email`.
    #[diesel(sql_type = Nullable<Text>)]
    pub matched_by: Option<String>,
    /// Live messages of every type.
    #[diesel(sql_type = BigInt)]
    pub message_count: i64,
    /// When the newest of them was sent.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_message_at: Option<DateTime<Utc>>,
    /// Beginning of the newest message that is no note and no event line.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_message: Option<String>,
    /// `inbound` or `outbound`, of that message.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_message_direction: Option<String>,
    /// Beginning of the first of them, where there is no subject to call the conversation by.
    #[diesel(sql_type = Nullable<Text>)]
    pub first_message: Option<String>,
    /// Since when the visitor has no answer.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub waiting_on_us_since: Option<DateTime<Utc>>,
    /// Whether its messages have still to be read from Crisp.
    #[diesel(sql_type = Bool)]
    pub messages_due: bool,
    /// Crisp's; when it was first stored here where Crisp does not tell.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// Crisp's; when it last changed here where Crisp does not tell.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
    /// As of when all this is true.
    #[diesel(sql_type = Timestamptz)]
    pub synced_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    listed_at: Option<DateTime<Utc>>,
}

/// Whose conversations to list.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Of the whole account.
    Account,
    /// Of a contact.
    Contact(ContactId),
    /// Of everybody in a company.
    Company(CompanyId),
    /// The one of this session id; one for each integration that has it.
    ExternalId(&'a SessionId),
}

/// Which of them; all by default.
/// `Debug` does not show what is looked for.
#[derive(Default, Clone)]
pub struct Filter {
    /// Those in this state.
    pub status: Option<Status>,
    /// Those whose subject, visitor, contact (name or e-mail) or last message contains this text.
    pub search: Option<String>,
}

discreet_debug!(ConversationView: id, Filter: status);

impl ConversationView {
    /// Where a page that ends with this conversation ends.
    pub fn position(&self) -> Newest {
        Newest { at: self.listed_at, id: self.id }
    }
}

/// Conversations after `after`, the most recently updated first.
pub async fn list(
    session: &mut AccountSession,
    scope: Scope<'_>,
    filter: &Filter,
    after: Option<Newest>,
    limit: i64,
) -> Result<Vec<ConversationView>, Error> {
    let account = session.account().as_uuid();
    let query: BoxedSqlQuery<'_, Pg, SqlQuery> =
        diesel::sql_query(whole(&page_of(scope))).into_boxed().bind::<SqlUuid, _>(account);
    let query = match scope {
        Scope::Account => query.bind::<SqlUuid, _>(account),
        Scope::Contact(id) => query.bind::<SqlUuid, _>(id.as_uuid()),
        Scope::Company(id) => query.bind::<SqlUuid, _>(id.as_uuid()),
        Scope::ExternalId(id) => query.bind::<Text, _>(id.as_str()),
    };
    query
        .bind::<Nullable<Text>, _>(filter.status.map(|status| status.to_string()))
        .bind::<Nullable<Text>, _>(filter.search.as_deref().and_then(containing))
        .bind::<Nullable<Timestamptz>, _>(after.and_then(|position| position.at))
        .bind::<Nullable<SqlUuid>, _>(after.map(|position| position.id))
        .bind::<BigInt, _>(limit)
        .load(session.connection()?)
        .await
        .map_err(Error::query("list conversations"))
}

/// One conversation, if it is shown.
pub async fn find(
    session: &mut AccountSession,
    id: ConversationId,
) -> Result<Option<ConversationView>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(whole(ONE))
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(id.as_uuid())
        .get_result(session.connection()?)
        .await
        .optional()
        .map_err(Error::query("find a conversation"))
}

const ONE: &str = "select c.*, c.crisp_updated_at as listed_at from conversations c \
     where c.account_id = $1 and c.id = $2 and c.contact_id is not null and c.removed_at is null";

/// The rows of a page; parameters are account, owner, status, pattern, position, limit.
fn page_of(scope: Scope<'_>) -> String {
    let (from, owner, at, id) = match scope {
        Scope::Account => ("conversations c", "c.account_id", "c.crisp_updated_at", "c.id"),
        Scope::Contact(_) => ("conversations c", "c.contact_id", "c.crisp_updated_at", "c.id"),
        Scope::ExternalId(_) => ("conversations c", "c.session_id", "c.crisp_updated_at", "c.id"),
        // By the copies in the links: their index has the order of the list, however many conversations there are.
        Scope::Company(_) => (
            "conversation_companies l join conversations c on c.account_id = l.account_id and c.id = l.conversation_id",
            "l.account_id = $1 and l.company_id",
            "l.crisp_updated_at",
            "l.conversation_id",
        ),
    };
    format!(
        "select c.*, {at} as listed_at from {from} \
         where c.account_id = $1 and {owner} = $2 and c.contact_id is not null and c.removed_at is null \
           and ($3::text is null or c.status = $3) \
           and ($4::text is null or c.subject ilike $4 or c.nickname ilike $4 \
               or exists (select 1 from contacts s where s.account_id = $1 and s.id = c.contact_id \
                   and (s.name ilike $4 or s.email ilike $4)) \
               or (select m.body from messages m where m.account_id = $1 and m.conversation_id = c.id \
                   and m.sent_at is not null and m.removed_at is null and not m.internal \
                   order by m.sent_at desc, m.fingerprint desc limit 1) ilike $4) \
           and ($6::uuid is null or ($5::timestamptz is null and ({at} is not null or {id} < $6)) or ({at}, {id}) < ($5, $6)) \
         order by {at} desc, {id} desc limit $7"
    )
}

/// The page with the names that belong to its rows.
fn whole(page: &str) -> String {
    format!(
        "with p as ({page}) \
         select p.id, p.integration_id, i.website_id, p.session_id as external_id, p.status, p.subject, p.origin, p.nickname, \
             p.assigned_user_id, coalesce(o.name, s.name) as assigned_name, p.contact_id, k.name as contact_name, k.email as contact_email, \
             array(select m.external_id from conversation_companies l \
                 join companies m on m.account_id = l.account_id and m.id = l.company_id \
                 where l.account_id = $1 and m.account_id = $1 and l.conversation_id = p.id order by m.external_id) as company_external_ids, \
             p.matched_by, p.message_count, p.last_message_at, {PREVIEW}, p.waiting_on_us_since, p.messages_due, \
             coalesce(p.crisp_created_at, p.created_at) as created_at, coalesce(p.crisp_updated_at, p.updated_at) as updated_at, \
             greatest(p.updated_at, i.synced_at) as synced_at, p.listed_at \
         from p \
         join integrations i on i.account_id = $1 and i.id = p.integration_id \
         join contacts k on k.account_id = $1 and k.id = p.contact_id \
         left join operators o on o.account_id = $1 and o.integration_id = p.integration_id and o.user_id = p.assigned_user_id \
         left join lateral (select m.sender_name as name from messages m \
             where o.name is null and m.account_id = $1 and m.conversation_id = p.id and m.sender_id = p.assigned_user_id \
               and m.sender_name is not null \
             order by m.sent_at desc, m.fingerprint desc limit 1) s on true \
         left join lateral (select left(m.body, 280) as body, m.direction from messages m \
             where m.account_id = $1 and m.conversation_id = p.id and m.sent_at is not null and m.removed_at is null and not m.internal \
             order by m.sent_at desc, m.fingerprint desc limit 1) n on true \
         left join lateral (select left(m.body, 120) as body from messages m \
             where nullif(trim(p.subject), '') is null and m.account_id = $1 and m.conversation_id = p.id \
                 and m.sent_at is not null and m.removed_at is null and not m.internal \
             order by m.sent_at, m.fingerprint limit 1) f on true \
         order by p.listed_at desc, p.id desc"
    )
}

const PREVIEW: &str =
    "n.body as last_message, n.direction as last_message_direction, f.body as first_message";
