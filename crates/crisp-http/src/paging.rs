//! Lists, a page at a time.

use std::num::NonZeroU16;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::extract::Query;
use crate::problem::Problem;

/// The largest page, in rows.
pub const LARGEST_PAGE: u16 = 200;
/// The page that is served when no size is asked for, in rows.
pub const DEFAULT_PAGE: u16 = 50;
/// Positions are a few ids and times; anything longer was not made by us. In bytes of text.
const LONGEST_CURSOR: usize = 1024;

/// `?limit=` and `?cursor=` of a list whose position is a `P`.
///
/// A position is where the last page ended: the sort key of its last row. It says nothing about whose list it is,
/// so a query adds the account itself and a cursor from another account only starts elsewhere in one's own list.
///
/// ```
/// use crisp_http::{List, Paging};
///
/// // A query takes one row more than the page holds, to know whether another page follows.
/// let paging = Paging::<u32> { limit: 2, after: None };
/// assert_eq!(paging.rows_to_read(), 3);
/// let list = List::of(vec![1, 2, 3], &paging, |row| *row, |row| row * 10);
/// assert_eq!(list.items, [10, 20]);
/// assert!(list.next_cursor.is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging<P> {
    /// How many rows the page holds at most, 1 to 200.
    pub limit: u16,
    /// Where the page before this one ended.
    pub after: Option<P>,
}

/// How paging stands in the OpenAPI document.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PagingParameters {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50, value_type = Option<u16>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<P> Paging<P> {
    /// How many rows a query takes: one more than the page holds.
    pub fn rows_to_read(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl<T> List<T> {
    /// The page in `rows`, of which [`Paging::rows_to_read`] were asked for.
    pub fn of<R, P: Serialize>(
        mut rows: Vec<R>,
        paging: &Paging<P>,
        position: impl FnOnce(&R) -> P,
        item: impl FnMut(R) -> T,
    ) -> Self {
        let limit = usize::from(paging.limit);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = if more { rows.last() } else { None };
        let next_cursor = last.map(|row| encode(&position(row)));
        Self { items: rows.into_iter().map(item).collect(), next_cursor }
    }
}

impl<S: Send + Sync, P: DeserializeOwned> FromRequestParts<S> for Paging<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(given) = Query::<PagingParameters>::from_request_parts(parts, state).await?;
        let limit = limit(given.limit.as_deref().unwrap_or_default())?;
        let after = match given.cursor.as_deref() {
            None | Some("") => None,
            Some(cursor) => Some(decode(cursor).ok_or_else(refused_cursor)?),
        };
        Ok(Self { limit, after })
    }
}

fn limit(given: &str) -> Result<u16, Problem> {
    if given.is_empty() {
        return Ok(DEFAULT_PAGE);
    }
    let number =
        given.parse::<NonZeroU16>().ok().map(NonZeroU16::get).filter(|number| *number <= LARGEST_PAGE);
    let refused =
        || Problem::of_field("limit", "out_of_range", format!("is a whole number from 1 to {LARGEST_PAGE}"));
    number.ok_or_else(refused)
}

fn refused_cursor() -> Problem {
    Problem::of_field("cursor", "invalid", "is not a `next_cursor` of this list; leave it out to begin anew")
}

/// A position as text that nobody is meant to read.
fn encode<P: Serialize>(position: &P) -> String {
    // A position is ids, times and numbers; were it ever something that JSON cannot hold, its cursor would be refused.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

fn decode<P: DeserializeOwned>(cursor: &str) -> Option<P> {
    if cursor.len() > LONGEST_CURSOR {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let position: Value = serde_json::from_slice(&json).ok()?;
    is_plausible(&position).then(|| serde_json::from_value(position).ok())?
}

/// Whether the database can compare with this: it takes no NUL, and no time of a year that has not four digits. No
/// position that we made has either.
fn is_plausible(position: &Value) -> bool {
    match position {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => {
            let is_of_our_age = |time: DateTime<Utc>| (1..=9999).contains(&time.year());
            !text.contains('\0') && text.parse().map_or(true, is_of_our_age)
        }
        Value::Array(parts) => parts.iter().all(is_plausible),
        Value::Object(parts) => parts.values().all(is_plausible),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::problem::Code;

    async fn paging(query: &str) -> Result<Paging<(i64, Uuid)>, Problem> {
        let (mut parts, ()) = Request::builder().uri(format!("/list{query}")).body(()).unwrap().into_parts();
        Paging::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_cursor_leads_to_where_the_page_ended() {
        let position = (7, Uuid::nil());
        let rows = vec![position; 51];
        let first = List::of(rows, &paging("").await.unwrap(), |row| *row, |row| row.0);
        assert_eq!(first.items.len(), 50);
        let next = format!("?limit=200&cursor={}", first.next_cursor.unwrap());
        assert_eq!(paging(&next).await.unwrap(), Paging { limit: 200, after: Some(position) });
    }

    #[test]
    fn the_last_page_leads_nowhere() {
        let paging = Paging { limit: 3, after: None::<u8> };
        let list = List::of(vec![1, 2, 3], &paging, |row| *row, |row| row);
        assert_eq!((list.items, list.next_cursor), (vec![1, 2, 3], None));
    }

    #[test]
    fn a_cursor_that_the_database_could_not_take_is_none() {
        let decoded = |position: Value| decode::<Value>(&encode(&position)).is_some();
        assert!(decoded(
            json!({"at": "2026-01-01T00:00:00.123456Z", "id": Uuid::nil(), "n": [1, null, true, "-x"]})
        ));
        for odd in ["a\0b", "-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"] {
            assert!(!decoded(json!([{"at": odd}])), "{odd}");
        }
    }

    #[tokio::test]
    async fn a_limit_or_cursor_that_cannot_be_is_refused_by_name() {
        let other_list = encode(&"text");
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?limit=201", "limit"),
            ("?limit=-1", "limit"),
            ("?limit=ten", "limit"),
            ("?limit=1&limit=2", "query"),
            ("?cursor=%F0%9F", "cursor"),
            ("?cursor=bm8", "cursor"),
            (&format!("?cursor={other_list}"), "cursor"),
            (&format!("?cursor={}", "A".repeat(2000)), "cursor"),
        ] {
            let problem = paging(query).await.unwrap_err();
            assert_eq!(
                (problem.code(), problem.errors()[0].field.as_str()),
                (Code::ValidationFailed, field),
                "{query}"
            );
        }
        assert_eq!(paging("?limit=&cursor=").await.unwrap(), Paging { limit: 50, after: None });
    }
}
