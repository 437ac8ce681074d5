//! Attribute mapping: which field of a Crisp profile goes to which field of a contact, and what happens to a value
//! that is there already.
//!
//! [`Mapping::map`] reads a raw profile, [`Mapping::merge`] joins the outcome with what the contact holds. Both are
//! pure, so a preview, an import and the re-mapping of stored profiles are the same two calls.

mod fields;
mod merge;
mod path;
mod read;
mod rows;
mod sources;
mod target;

pub use fields::ContactFields;
pub use merge::Merged;
pub use path::{InvalidPath, SourcePath};
pub use read::MappedFields;
pub use rows::MAX_ROWS;
pub use sources::{SourceField, data_fields, source_fields};
pub use target::{AttributeName, InvalidTarget, Policy, Target};

pub(crate) use rows::from_json;

use serde::Serialize;

/// A validated set of mapping rows: at most [`MAX_ROWS`], no target twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mapping {
    rows: Vec<MappingRow>,
}

/// One row: a field of the profile, the contact field it goes to, and who wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappingRow {
    /// Where the value is read.
    pub from: SourcePath,
    /// Where it goes.
    pub to: Target,
    /// What happens to a value that is there already.
    pub policy: Policy,
}

impl Mapping {
    /// The rows, in the order the admin gave them.
    pub fn rows(&self) -> &[MappingRow] {
        &self.rows
    }

    /// Whether a row reads custom data, which costs one Crisp request a person.
    pub fn uses_data(&self) -> bool {
        self.rows.iter().any(|row| row.from.data_key().is_some())
    }

    /// A mapping without rows: merging with it takes back what Crisp brought and nobody changed since.
    pub const fn empty() -> Self {
        Self { rows: Vec::new() }
    }
}
