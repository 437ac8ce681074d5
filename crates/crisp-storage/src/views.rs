//! What people read: the lists and figures behind the HTTP routes and the console.
//!
//! Every list goes page by page: a caller hands in where the last page ended (the `position()` of its last row) and
//! how many rows it wants. Contacts, conversations, messages and skipped conversations have an index in the order of
//! their list, so a page costs the same wherever it is and however long the list; companies and unreadable records, of
//! which there are few, are sorted each time, and a search reads until it has found a page. Nothing here writes.
//!
//! A filter that is not given travels as null in `$n is null or …`. Postgres plans these statements with the values
//! at hand (diesel prepares a `sql_query` anew each time), so such a condition vanishes before an index is chosen.

pub mod companies;
pub mod contacts;
pub mod conversations;
pub mod freshness;
pub mod messages;
pub mod requests;
pub mod skipped;
pub mod support;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Searching is for a few words: more characters than these are not looked at.
const LONGEST_SEARCH: usize = 200;

/// Where a page of a newest-first list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The time by which the list is ordered; rows without one come first.
    pub at: Option<DateTime<Utc>>,
    /// Tells rows of the same time apart.
    pub id: Uuid,
}

/// The `like` pattern for texts that contain what somebody searches for; `None` for a blank search.
fn containing(search: &str) -> Option<String> {
    let search: String =
        search.trim().chars().filter(|character| *character != '\0').take(LONGEST_SEARCH).collect();
    if search.is_empty() {
        return None;
    }
    let literal = search.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    Some(format!("%{literal}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_its_own_characters_and_is_no_pattern() {
        assert_eq!(containing("  50%_off\\ ").as_deref(), Some(r"%50\%\_off\\%"));
        assert_eq!(containing(" \t").as_deref(), None);
        assert_eq!(containing(&"a".repeat(5_000)).map(|pattern| pattern.len()), Some(LONGEST_SEARCH + 2));
        assert_eq!(containing("a\0b").as_deref(), Some("%ab%"));
    }
}
