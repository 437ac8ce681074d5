//! Support signals of a company, ready for a health score.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use crisp_domain::ids::CompanyId;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date, Double, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use super::companies;
use crate::error::Error;
use crate::session::AccountSession;

/// How many weeks the history has, the present one included.
const WEEKS: u64 = 12;

/// How much support a company needs and gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// Conversations that are not resolved.
    pub open_conversations: i64,
    /// Those of them whose visitor has no answer yet.
    pub waiting_on_us: i64,
    /// From a visitor's first message to the first reply, in seconds, over all conversations that have one.
    pub first_reply_seconds: FirstReply,
    /// How many conversations began in each of the last twelve weeks, the oldest first, weeks without any included.
    pub conversations_per_week: Vec<Week>,
}

/// How long a first reply takes; `None`: there was none yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstReply {
    /// Half of them take at most this long.
    pub median: Option<f64>,
    /// Nine of ten take at most this long.
    pub p90: Option<f64>,
}

/// A week and what began in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Week {
    /// The Monday on which it begins (ISO week, UTC).
    #[diesel(sql_type = Date)]
    pub week: NaiveDate,
    /// Conversations that began in it.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// The support signals of a company, by the directory's id. `None`: there is no such company.
///
/// Reads all conversations of the company: a page that shows them should not wait for it.
pub async fn find(
    session: &mut AccountSession,
    external_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Support>, Error> {
    let Some(company) = companies::find(session, external_id).await? else { return Ok(None) };
    let figures = figures(session, company.company_id()).await?;
    Ok(Some(Support {
        open_conversations: figures.open_conversations,
        waiting_on_us: figures.waiting_on_us,
        first_reply_seconds: FirstReply { median: figures.median, p90: figures.p90 },
        conversations_per_week: weeks(session, company.company_id(), now).await?,
    }))
}

#[derive(QueryableByName)]
struct Figures {
    #[diesel(sql_type = BigInt)]
    open_conversations: i64,
    #[diesel(sql_type = BigInt)]
    waiting_on_us: i64,
    #[diesel(sql_type = Nullable<Double>)]
    median: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    p90: Option<f64>,
}

async fn figures(session: &mut AccountSession, company: CompanyId) -> Result<Figures, Error> {
    let account = session.account().as_uuid();
    diesel::sql_query(
        "with own as (select c.status, c.waiting_on_us_since, \
                 extract(epoch from c.first_reply_at - c.first_inbound_at)::double precision as reply \
             from conversation_companies l join conversations c on c.account_id = l.account_id and c.id = l.conversation_id \
             where l.account_id = $1 and c.account_id = $1 and l.company_id = $2 and c.removed_at is null) \
         select count(*) filter (where status <> 'resolved') as open_conversations, \
             count(*) filter (where status <> 'resolved' and waiting_on_us_since is not null) as waiting_on_us, \
             round((percentile_cont(0.5) within group (order by reply))::numeric, 3)::float8 as median, \
             round((percentile_cont(0.9) within group (order by reply))::numeric, 3)::float8 as p90 from own",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(company.as_uuid())
    .get_result(session.connection()?)
    .await
    .map_err(Error::query("read the support figures of a company"))
}

async fn weeks(
    session: &mut AccountSession,
    company: CompanyId,
    now: DateTime<Utc>,
) -> Result<Vec<Week>, Error> {
    let account = session.account().as_uuid();
    let first = first_monday(now.date_naive());
    let counted: Vec<Week> = diesel::sql_query(
        "select date_trunc('week', c.crisp_created_at at time zone 'UTC')::date as week, count(*) as count \
         from conversation_companies l join conversations c on c.account_id = l.account_id and c.id = l.conversation_id \
         where l.account_id = $1 and c.account_id = $1 and l.company_id = $2 and c.removed_at is null and c.crisp_created_at >= $3 \
         group by 1",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<SqlUuid, _>(company.as_uuid())
    .bind::<Timestamptz, _>(first.and_time(NaiveTime::MIN).and_utc())
    .load(session.connection()?)
    .await
    .map_err(Error::query("count the conversations of each week"))?;
    let counted: HashMap<NaiveDate, i64> = counted.into_iter().map(|week| (week.week, week.count)).collect();
    let count = |week| Week { week, count: counted.get(&week).copied().unwrap_or(0) };
    Ok((0..WEEKS).map(|weeks| count(first + Days::new(7 * weeks))).collect())
}

/// The Monday on which the history begins.
fn first_monday(today: NaiveDate) -> NaiveDate {
    today - Days::new(u64::from(today.weekday().num_days_from_monday()) + 7 * (WEEKS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_begins_on_the_monday_eleven_weeks_before_the_present_week() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        for today in [day(2026, 1, 5), day(2026, 1, 11)] {
            assert_eq!(first_monday(today), day(2025, 10, 20));
        }
    }
}
