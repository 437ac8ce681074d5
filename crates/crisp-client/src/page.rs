//! Pages of records, in which one odd record never costs the others.

use serde_json::Value;

/// One record of a page: read, or the reason why not.
pub type Record<T> = Result<T, Unreadable>;

/// Why a single record could not be read. Says where, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record could not be read at {path}: {detail}")]
pub struct Unreadable {
    /// The record's own id as Crisp wrote it (people id, session id, fingerprint, operator id), where it could be made out.
    pub identity: Option<String>,
    /// The JSON path within the record; `.` is the record itself.
    pub path: String,
    /// What is wrong there, without the value.
    pub detail: String,
}

/// A page of a list, in Crisp's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The records, each read by itself.
    pub records: Vec<Record<T>>,
    /// Whether Crisp says that there is more behind this page (status 206).
    pub more: bool,
}

/// What can be read from one JSON value of a list.
pub trait Wire: Sized {
    /// The key whose value identifies a record, as a dotted path.
    const IDENTITY: &'static str;

    /// Reads the record; everything but its identity is optional.
    fn read(raw: Value) -> Record<Self>;
}

impl Unreadable {
    pub(crate) fn identity_missing<T: Wire>() -> Self {
        Self { identity: None, path: T::IDENTITY.to_owned(), detail: "missing or not an id".to_owned() }
    }
}

/// The number of rows that Crisp gives for such a wish: 20 to 50.
pub(crate) fn rows(per_page: u8) -> u8 {
    per_page.clamp(20, 50)
}

/// Tells where a walk over numbered pages ends.
///
/// Crisp answers 206 while there is more. Whether every list does so at every size is not documented, so a full page
/// with status 200 is believed to be the last one only where the same list has answered 206 before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Walk {
    seen_more: bool,
}

impl Walk {
    /// Takes note of a page and says whether it was the last one.
    pub fn ends_with<T>(&mut self, page: &Page<T>, per_page: u8) -> bool {
        self.seen_more |= page.more;
        let short = page.records.len() < usize::from(rows(per_page));
        page.records.is_empty() || (!page.more && (short || self.seen_more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(length: u32, more: bool) -> Page<u32> {
        Page { records: (0..length).map(Ok).collect(), more }
    }

    #[test]
    fn a_walk_ends_with_an_empty_page_or_a_short_last_one() {
        assert!(Walk::default().ends_with(&page(0, true), 50));
        assert!(Walk::default().ends_with(&page(49, false), 50));
        assert!(!Walk::default().ends_with(&page(49, true), 50));
    }

    #[test]
    fn a_full_page_with_200_is_the_last_one_only_where_206_is_spoken() {
        let mut walk = Walk::default();
        assert!(!walk.ends_with(&page(50, false), 50));
        assert!(!walk.ends_with(&page(50, true), 50));
        assert!(walk.ends_with(&page(50, false), 50));
    }
}
