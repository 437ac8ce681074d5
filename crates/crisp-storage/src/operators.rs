//! Names of Crisp operators.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use crisp_domain::ids::IntegrationId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Error;
use crate::schema::operators;
use crate::session::AccountSession;

/// Remembers names by operator id; an unchanged name costs no write.
pub async fn save(
    session: &mut AccountSession,
    integration: IntegrationId,
    names: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let account = session.account().as_uuid();
    // Crisp may list somebody twice; one statement takes each key once. The last name counts.
    let names: BTreeMap<&str, &str> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let (ids, names): (Vec<&str>, Vec<&str>) = names.into_iter().unzip();
    diesel::sql_query(
        "insert into operators (account_id, integration_id, user_id, name, seen_at) \
         select i.account_id, i.id, u.user_id, u.name, $5 from integrations i \
         cross join unnest($3::text[], $4::text[]) as u(user_id, name) where i.account_id = $1 and i.id = $2 order by u.user_id \
         on conflict (account_id, integration_id, user_id) do update set name = excluded.name, seen_at = excluded.seen_at \
         where operators.name is distinct from excluded.name",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(integration.as_uuid())
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(names)
    .bind::<Timestamptz, _>(now)
    .execute(session.connection()?)
    .await
    .map_err(Error::query("remember operators"))?;
    Ok(())
}

/// Every known name of an integration's operators, by their id.
pub async fn names(
    session: &mut AccountSession,
    integration: IntegrationId,
) -> Result<HashMap<String, String>, Error> {
    let account = session.account().as_uuid();
    let rows: Vec<(String, String)> = operators::table
        .filter(operators::account_id.eq(account))
        .filter(operators::integration_id.eq(integration.as_uuid()))
        .select((operators::user_id, operators::name))
        .load(session.connection()?)
        .await
        .map_err(Error::query("list operators"))?;
    Ok(rows.into_iter().collect())
}
