//! Pages of records, in which one odd record never costs the others.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "http")]
use crate::{fields, moment};

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
    /// What was lost of records that were read all the same: a number that no float holds, nesting that has no end.
    pub damaged: Vec<Unreadable>,
    /// Fields that are of another type than Crisp's, the first of each record: it was read as if they were missing, or as
    /// far as they could be understood.
    pub mistyped: Vec<Unreadable>,
    /// Whether Crisp says that there is more behind this page (status 206).
    pub more: bool,
}

/// What can be read from one JSON value of a list.
pub trait Wire: Sized {
    /// The key whose value identifies a record, as a dotted path.
    const IDENTITY: &'static str;
    /// The fields that are read, as dotted paths, and what Crisp writes there. What is missing, null or blank is unknown;
    /// what is of another type is odd.
    const FIELDS: &'static [(&'static str, Shape)] = &[];

    /// Reads the record; everything but its identity is optional.
    fn read(raw: Value) -> Record<Self>;
}

/// What Crisp writes in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// A time in milliseconds.
    Time,
    /// A whole number.
    Number,
    /// An object.
    Object,
}

#[cfg(feature = "http")]
impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Time => "a time",
            Self::Number => "a number",
            Self::Object => "an object",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::Text, Value::String(_))
            | (Self::Object, Value::Object(_))
            | (Self::Time, Value::Number(_)) => true,
            (_, Value::String(text)) if text.trim().is_empty() => true,
            (Self::Time, other) => moment::milliseconds(other).is_some(),
            (Self::Number, other) => fields::as_integer(other).is_some(),
            (Self::Text | Self::Object, _) => false,
        }
    }
}

/// The first field of a record that is of another type than Crisp's: where, and what stands there instead. Never the value.
#[cfg(feature = "http")]
pub(crate) fn mistyped<T: Wire>(record: &Value) -> Option<(String, String)> {
    let odd = |(path, shape): &(&str, Shape)| {
        let value = fields::at(record, path).filter(|value| !shape.fits(value))?;
        Some(((*path).to_owned(), format!("{} where {} is expected", type_of(value), shape.name())))
    };
    T::FIELDS.iter().find_map(odd)
}

#[cfg(feature = "http")]
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Unreadable {
    /// What is wrong with one field of a record that was read all the same.
    pub fn remark(&self) -> String {
        format!("{} is {}", self.path, self.detail)
    }

    pub(crate) fn identity_missing<T: Wire>() -> Self {
        Self { identity: None, path: T::IDENTITY.to_owned(), detail: "missing or not an id".to_owned() }
    }
}

/// The number of rows that Crisp gives for such a wish: 20 to 50.
pub(crate) fn rows(per_page: u8) -> u8 {
    per_page.clamp(20, 50)
}

/// Rows on a page unless one asks for more, as Crisp documents it.
const DEFAULT_ROWS: u16 = 20;

/// What a walk over a list is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Every record there is: a doubt about the end is worth a request.
    Everything,
    /// What is new: what is missed comes with the next complete walk.
    News,
}

/// Tells where a walk over numbered pages ends; can be stored, so that anyone can go on with the walk.
///
/// Crisp answers 206 while there is more. Whether every list does so at every size is not documented, nor whether it
/// always gives as many rows as it is asked for. So a full page with status 200 is believed to be the last one only
/// where the same list has answered 206 before; and where a first page of exactly 20 rows, the documented default,
/// comes with 200, a walk that is after everything looks behind it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Walk {
    seen_more: bool,
    rows: Option<u16>,
}

impl Walk {
    /// Takes note of a page of so many rows, and of whether Crisp said that there is more; says whether it was the last.
    pub fn ends_with(&mut self, rows_read: usize, more: bool, per_page: u8, aim: Aim) -> bool {
        let asked = u16::from(rows(per_page));
        let is_default = aim == Aim::Everything && rows_read == usize::from(DEFAULT_ROWS);
        let full = *self.rows.get_or_insert(if is_default { DEFAULT_ROWS.min(asked) } else { asked });
        self.seen_more |= more;
        let short = rows_read < usize::from(full);
        rows_read == 0 || (!more && (short || self.seen_more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(walk: &mut Walk, rows: usize, more: bool) -> bool {
        walk.ends_with(rows, more, 50, Aim::Everything)
    }

    #[test]
    fn a_walk_ends_with_an_empty_page_or_a_short_last_one() {
        assert!(ends(&mut Walk::default(), 0, true));
        assert!(ends(&mut Walk::default(), 49, false));
        assert!(!ends(&mut Walk::default(), 49, true));
    }

    #[test]
    fn a_full_page_with_200_is_the_last_one_only_where_206_is_spoken() {
        let mut walk = Walk::default();
        assert!(!ends(&mut walk, 50, false));
        assert!(!ends(&mut walk, 50, true));
        assert!(ends(&mut walk, 50, false));
    }

    #[test]
    fn a_crisp_that_gives_twenty_rows_whatever_is_asked_is_read_to_its_end() {
        let mut walk = Walk::default();
        assert!(!ends(&mut walk, 20, false));
        assert!(!ends(&mut walk, 20, false));
        assert!(ends(&mut walk, 7, false));
        assert!(Walk::default().ends_with(20, false, 50, Aim::News), "news are not worth the request");
    }

    #[test]
    fn a_walk_can_be_stored_on_its_way() {
        let mut walk = Walk::default();
        ends(&mut walk, 20, false);
        let stored = serde_json::to_string(&walk).unwrap();
        assert_eq!(serde_json::from_str::<Walk>(&stored).unwrap(), walk);
    }
}
