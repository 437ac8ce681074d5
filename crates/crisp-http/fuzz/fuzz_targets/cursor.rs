//! Any text as `?limit=&cursor=`: it is a page within bounds, from a position that the database can compare with, or it
//! is refused. The cursor that we make of such a position is understood again.
#![no_main]

use axum::extract::FromRequestParts as _;
use axum::http::Request;
use chrono::{DateTime, Datelike as _, Utc};
use crisp_http::{LARGEST_PAGE, List, Paging};
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

/// Everything that our positions are made of: a time that may be missing, a name, an id.
type Positions = (Option<DateTime<Utc>>, String, Uuid);

fuzz_target!(|input: &str| {
    let (limit, cursor) = input.split_once('\n').unwrap_or(("", input));
    let Some(paging) = paging(limit, cursor) else { return };
    assert!((1..=LARGEST_PAGE).contains(&paging.limit));
    let Some(after) = paging.after else { return };
    assert!(!after.1.contains('\0'));
    assert!(after.0.is_none_or(|time| (1..=9999).contains(&time.year())));
    let one = Paging::<Positions> { limit: 1, after: None };
    let list: List<u8> = List::of(vec![0, 1], &one, |_| after.clone(), |row| row);
    let made = list.next_cursor.expect("a full page has a next one");
    if made.len() <= 1024 {
        assert_eq!(self::paging("", &made).and_then(|paging| paging.after), Some(after));
    }
});

fn paging(limit: &str, cursor: &str) -> Option<Paging<Positions>> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("limit", limit)
        .append_pair("cursor", cursor)
        .finish();
    let request = Request::get(format!("/v1/things?{query}")).body(()).ok()?;
    let (mut parts, ()) = request.into_parts();
    block_on(Paging::<Positions>::from_request_parts(&mut parts, &())).ok()
}
