//! How many Crisp requests were made, for whom and what for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;

/// Requests made for one account and one purpose.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Requests {
    /// For whom.
    #[diesel(sql_type = SqlUuid)]
    pub account_id: Uuid,
    /// `interactive`, `live` or `backfill`.
    #[diesel(sql_type = Text)]
    pub purpose: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub requests: i64,
}

impl Database {
    /// The requests of each account and purpose since the hour that `since` is in.
    pub async fn list_requests(&self, since: DateTime<Utc>) -> Result<Vec<Requests>, Error> {
        let mut connection = self.system().await?;
        diesel::sql_query(
            "select account_id, purpose, sum(requests)::bigint as requests from request_counts \
             where hour >= date_trunc('hour', $1) group by account_id, purpose order by account_id, purpose",
        )
        .bind::<Timestamptz, _>(since)
        .load(&mut connection)
        .await
        .map_err(Error::query("list requests"))
    }
}
