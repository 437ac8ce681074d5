//! What the lists' query strings ask for, checked as Crisp checks them.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use super::conversations::ConversationOrder;
use super::people::PeopleOrder;
use super::records::{Conversation, Person, State};
use super::route::Route;

/// Why a query is refused with 400 `invalid_data`.
pub(crate) type Invalid = &'static str;

/// Page and size, common to all lists.
pub(crate) fn paging(route: &Route) -> Result<(u64, u64), Invalid> {
    let page: u64 = route.detail.as_deref().unwrap_or("1").parse().map_err(|_parse| "page is no number")?;
    let per_page: u64 = match route.param("per_page") {
        None => 20,
        Some(text) => text.parse().map_err(|_parse| "per_page is no number")?,
    };
    if page == 0 {
        return Err("page out of range");
    }
    if !(20..=50).contains(&per_page) {
        return Err("per_page out of range");
    }
    Ok((page, per_page))
}

/// `filter_date_start` and `filter_date_end`, both inclusive, in milliseconds.
pub(crate) fn dates(route: &Route) -> Result<Option<RangeInclusive<i64>>, Invalid> {
    let bound = |name| route.param(name).map(instant).transpose();
    Ok(match (bound("filter_date_start")?, bound("filter_date_end")?) {
        (None, None) => None,
        (start, end) => Some(start.unwrap_or(i64::MIN)..=end.unwrap_or(i64::MAX)),
    })
}

fn instant(text: &str) -> Result<i64, Invalid> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    }
    text.parse::<DateTime<Utc>>().map(|time| time.timestamp_millis()).map_err(|_parse| "date is not ISO 8601")
}

/// Order of the people list, and whether it is turned round.
pub(crate) fn people_order(route: &Route, by_update: bool) -> Result<(PeopleOrder, bool), Invalid> {
    let order = match route.param("sort_field") {
        Some("updated_at") if by_update => PeopleOrder::Updated,
        Some("active" | "active.last") => PeopleOrder::Active,
        Some("nickname") => PeopleOrder::Nickname,
        _ => PeopleOrder::Created,
    };
    match route.param("sort_order") {
        None | Some("descending") => Ok((order, false)),
        Some("ascending") => Ok((order, true)),
        Some(_) => Err("sort_order is ascending or descending"),
    }
}

/// Order of the conversation list.
pub(crate) fn conversation_order(route: &Route) -> ConversationOrder {
    let empty = route.flag("include_empty");
    match (route.flag("order_date_created"), route.flag("order_date_waiting"), empty) {
        (true, _, false) => ConversationOrder::Created,
        (true, _, true) => ConversationOrder::CreatedAll,
        (false, true, _) => ConversationOrder::Waiting,
        (false, false, false) => ConversationOrder::Updated,
        (false, false, true) => ConversationOrder::UpdatedAll,
    }
}

/// A test that a row of a list has to pass.
pub(crate) type Test<R> = Box<dyn Fn(&R) -> bool>;

/// `search_text` and `search_filter` of the people list.
pub(crate) fn people_tests(route: &Route) -> Result<Vec<Test<Person>>, Invalid> {
    let mut tests: Vec<Test<Person>> = Vec::new();
    if let Some(text) = route.param("search_text").filter(|text| !text.is_empty()) {
        let text = text.to_lowercase();
        tests.push(Box::new(move |person| mentions(person, &text)));
    }
    if let Some(text) = route.param("search_filter") {
        let filters: Vec<Filter> =
            serde_json::from_str(text).map_err(|_parse| "search_filter is malformed")?;
        let any = route.param("search_operator") == Some("or");
        tests.push(Box::new(move |person| {
            if any { filters.iter().any(|f| f.fits(person)) } else { filters.iter().all(|f| f.fits(person)) }
        }));
    }
    Ok(tests)
}

fn mentions(person: &Person, text: &str) -> bool {
    let names = person.nickname.iter().chain(&person.email).chain(&person.segments);
    names.map(|name| name.to_lowercase()).any(|name| name.contains(text))
}

#[derive(Debug, Deserialize)]
struct Filter {
    criterion: String,
    operator: String,
    query: Vec<String>,
}

impl Filter {
    fn fits(&self, person: &Person) -> bool {
        let values: Vec<&String> = match self.criterion.as_str() {
            "email" => person.email.iter().collect(),
            "segments" => person.segments.iter().collect(),
            _ => return true,
        };
        let found = values.into_iter().any(|value| self.query.contains(value));
        if self.operator == "neq" { !found } else { found }
    }
}

/// The flags and `search_query` of the conversation list.
pub(crate) fn conversation_tests(route: &Route) -> Vec<Test<Conversation>> {
    let mut tests: Vec<Test<Conversation>> = Vec::new();
    if route.flag("filter_unread") {
        tests.push(Box::new(|row| row.waiting_since.is_some()));
    }
    if route.flag("filter_resolved") {
        tests.push(Box::new(|row| row.state == State::Resolved));
    }
    if route.flag("filter_not_resolved") {
        tests.push(Box::new(|row| row.state != State::Resolved));
    }
    if route.flag("filter_unassigned") {
        tests.push(Box::new(|row| row.assigned.is_none()));
    }
    if route.flag("filter_mention") {
        tests.push(Box::new(|_| false));
    }
    if let Some(operator) = route.param("filter_assigned").map(str::to_owned) {
        tests.push(Box::new(move |row| row.assigned.as_deref() == Some(operator.as_str())));
    }
    if let Some(text) = route.param("search_query").map(str::to_lowercase) {
        tests.push(Box::new(move |row| {
            let names = row.nickname.iter().chain(&row.email).chain(&row.subject);
            names.map(|value| value.to_lowercase()).any(|value| value.contains(&text))
        }));
    }
    tests
}
