//! Set-based writes: one statement a page, an unchanged row costs no write.
//!
//! Rows travel as one JSON parameter (`jsonb_to_recordset`). The statement has the one form that Citus runs as a
//! single task: the account comes from a joined tenant row, never from the record set; every insert carries
//! `ON CONFLICT`; its SET and WHERE use nothing but `excluded` and the row itself.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Jsonb, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;
use crate::session::AccountSession;

/// The tenant row that a bulk insert takes its account from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parent {
    /// `accounts`: rows that belong to the account itself.
    Account,
    /// `integrations`: the row's id becomes `integration_id`.
    Integration(Uuid),
    /// `conversations`: each record names its own, as `conversation_id`.
    Conversations,
}

/// The shape of one table for bulk upserts: `account_id`, the parent's id, `created_at` and `updated_at` are implied.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// Table name.
    pub(crate) table: &'static str,
    /// Columns (with the account and the parent's id) that make a row the same row.
    pub(crate) key: &'static [&'static str],
    /// Columns written once, when the row is made, with their types.
    pub(crate) fixed: &'static [(&'static str, &'static str)],
    /// Columns that follow the record, with their types.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

/// How many rows an upsert made and changed; the rest was as it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// New rows.
    pub created: u64,
    /// Changed rows.
    pub updated: u64,
}

#[derive(diesel::QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Bool)]
    created: bool,
}

impl Bulk {
    /// Writes `rows`, which must not name one key twice.
    pub(crate) async fn upsert<T: Serialize>(
        &self,
        session: &mut AccountSession,
        parent: Parent,
        rows: &[T],
        now: DateTime<Utc>,
    ) -> Result<Written, Error> {
        if rows.is_empty() {
            return Ok(Written::default());
        }
        let account = session.account().as_uuid();
        let records =
            serde_json::to_value(rows).map_err(|source| Error::Corrupt { what: "rows to write", source })?;
        let mut query = diesel::sql_query(self.statement(parent))
            .into_boxed::<Pg>()
            .bind::<SqlUuid, _>(account)
            .bind::<Jsonb, _>(records)
            .bind::<Timestamptz, _>(now);
        if let Parent::Integration(id) = parent {
            query = query.bind::<SqlUuid, _>(id);
        }
        let outcomes: Vec<Outcome> =
            query.load(session.connection()?).await.map_err(Error::query("write rows in bulk"))?;
        let created = outcomes.iter().filter(|outcome| outcome.created).count();
        Ok(Written { created: count(created), updated: count(outcomes.len().saturating_sub(created)) })
    }

    /// The statement's text: parameters are account, records, now and, where it has one, the parent.
    pub(crate) fn statement(&self, parent: Parent) -> String {
        let (parent_table, parent_account, parent_column) = match parent {
            Parent::Account => ("accounts", "id", None),
            Parent::Integration(_) => ("integrations", "account_id", Some("integration_id")),
            Parent::Conversations => ("conversations", "account_id", Some("conversation_id")),
        };
        let (reference, is_the_parent) = match parent {
            Parent::Account => ("", "p.id = $1"),
            Parent::Integration(_) => ("", "p.id = $4"),
            Parent::Conversations => ("conversation_id uuid, ", "p.id = u.conversation_id"),
        };
        let own: Vec<_> = self.fixed.iter().chain(self.columns).collect();
        let names = join(own.iter().map(|(name, _)| (*name).to_owned()));
        let values = join(own.iter().map(|(name, _)| format!("u.{name}")));
        let types = join(own.iter().map(|(name, kind)| format!("{name} {kind}")));
        let (parent_into, parent_value) =
            parent_column.map_or((String::new(), ""), |column| (format!("{column}, "), "p.id, "));
        let key: Vec<_> = parent_column.into_iter().chain(self.key.iter().copied()).collect();
        let order = self.key.iter().map(|name| format!("u.{name}"));
        let table = self.table;

        let mut statement = format!(
            "insert into {table} (account_id, {parent_into}{names}, created_at, updated_at) \
             select p.{parent_account}, {parent_value}{values}, $3, $3 \
             from {parent_table} p cross join jsonb_to_recordset($2) as u({reference}{types}) \
             where p.{parent_account} = $1 and {is_the_parent} order by {} \
             on conflict ({}) do ",
            join(std::iter::once("p.id".to_owned()).chain(order)),
            join(std::iter::once("account_id").chain(key).map(str::to_owned)),
        );
        let changing: Vec<_> =
            self.columns.iter().map(|(name, _)| *name).filter(|name| !self.key.contains(name)).collect();
        let _ = write!(
            statement,
            "update set {}, updated_at = excluded.updated_at where ({}) is distinct from ({}) ",
            join(changing.iter().map(|name| format!("{name} = excluded.{name}"))),
            join(changing.iter().map(|name| format!("{table}.{name}"))),
            join(changing.iter().map(|name| format!("excluded.{name}"))),
        );
        statement.push_str("returning (xmax = 0) as created");
        statement
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

pub(crate) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
