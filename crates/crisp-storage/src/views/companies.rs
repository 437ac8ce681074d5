//! Companies as people read them.

use chrono::{DateTime, Utc};
use crisp_domain::ids::CompanyId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::containing;
use crate::discreet::discreet_debug;
use crate::error::Error;
use crate::session::AccountSession;

/// A company of the directory.
#[derive(Clone, PartialEq, Eq, QueryableByName)]
pub struct CompanyView {
    /// Ours.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The directory's.
    #[diesel(sql_type = Text)]
    pub external_id: String,
    /// What people call it.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    /// When its newest conversation was last updated; `None`: it has none.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_conversation_at: Option<DateTime<Utc>>,
    /// First written.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// Last changed.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    label: String,
}

discreet_debug!(CompanyView: id, ByName: id);

/// Where a page of companies ended.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByName {
    /// The name as it is sorted.
    pub label: String,
    /// Tells companies of one name apart.
    pub id: Uuid,
}

impl CompanyView {
    /// Its typed id.
    pub fn company_id(&self) -> CompanyId {
        CompanyId::from(self.id)
    }

    /// Where a page that ends with this company ends.
    pub fn position(&self) -> ByName {
        ByName { label: self.label.clone(), id: self.id }
    }
}

/// Companies after `after` by name; those whose name or external id contains `search`, where given.
pub async fn list(
    session: &mut AccountSession,
    search: Option<&str>,
    after: Option<&ByName>,
    limit: i64,
) -> Result<Vec<CompanyView>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(format!(
        "with k as (select *, {LABEL} as label from companies where account_id = $1 \
             and ($2::text is null or name ilike $2 or external_id ilike $2) \
             and ($4::uuid is null or ({LABEL}, id) > ($3::text, $4)) order by {LABEL}, id limit $5) \
         select {COLUMNS} from k order by k.label, k.id"
    ))
    .bind::<SqlUuid, _>(account)
    .bind::<Nullable<Text>, _>(search.and_then(containing))
    .bind::<Nullable<Text>, _>(after.map(|position| position.label.as_str()))
    .bind::<Nullable<SqlUuid>, _>(after.map(|position| position.id))
    .bind::<BigInt, _>(limit)
    .load(session.connection()?)
    .await
    .map_err(Error::query("list companies"))
}

/// The company that the directory knows by this id.
pub async fn find(session: &mut AccountSession, external_id: &str) -> Result<Option<CompanyView>, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(format!(
        "with k as (select *, {LABEL} as label from companies where account_id = $1 and external_id = $2) select {COLUMNS} from k"
    ))
    .bind::<SqlUuid, _>(account)
    .bind::<Text, _>(external_id)
    .get_result(session.connection()?)
    .await
    .optional()
    .map_err(Error::query("find a company"))
}

/// What companies are sorted by.
const LABEL: &str = "lower(coalesce(name, external_id))";

/// A conversation of unknown time counts by when it was stored: `desc` puts it first, so `max` would overlook it.
const COLUMNS: &str = "k.id, k.external_id, k.name, k.label, k.created_at, k.updated_at, \
     (select coalesce(l.crisp_updated_at, c.created_at) from conversation_companies l \
         join conversations c on c.account_id = l.account_id and c.id = l.conversation_id \
         where l.account_id = $1 and c.account_id = $1 and l.company_id = k.id \
         order by l.crisp_updated_at desc, l.conversation_id desc limit 1) as last_conversation_at";
