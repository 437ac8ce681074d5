//! What a page holds that could not be read, or not wholly.

use crisp_client::{Page, Unreadable, Wire};
use crisp_domain::text;
use crisp_storage::unreadable::{self, Kind};

use crate::error::Error;
use crate::scope::Scope;

/// The odd records of a page, as they are listed.
#[derive(Debug, Default)]
pub(super) struct Odd {
    /// Name, or place where a record has none, and what is wrong.
    listed: Vec<(String, String)>,
    /// How many of them could not be read, or not wholly. The others have a field of another type than Crisp's.
    pub(super) failed: i64,
    /// Names of records that are there although they cannot be read: they must not be taken for gone.
    pub(super) named: Vec<String>,
}

impl Odd {
    /// Looks through a page of that number.
    pub(super) fn of<T: Wire>(page: &Page<T>, kind: Kind, number: u32) -> Self {
        let mut odd = Self::default();
        for (row, record) in page.records.iter().enumerate() {
            if let Err(unreadable) = record {
                let name = unreadable.identity.as_deref().map(text::storable);
                odd.named.extend(name.clone());
                odd.note(name.unwrap_or_else(|| unreadable::place(kind, number, row + 1)), unreadable);
            }
        }
        let name = |marred: &Unreadable| {
            marred.identity.as_deref().map_or_else(|| unreadable::place(kind, number, 0), text::storable)
        };
        for damaged in &page.damaged {
            odd.note(name(damaged), &damaged.remark());
        }
        odd.listed.extend(page.mistyped.iter().map(|mistyped| (name(mistyped), mistyped.remark())));
        odd
    }

    /// Lists a record that could not be read, with what is wrong with it.
    pub(super) fn note(&mut self, name: String, why: &impl std::fmt::Display) {
        self.listed.push((name, why.to_string()));
        self.failed += 1;
    }

    /// Lists the odd ones of a page, and takes off the list what reads well again. `anew`: the list is read from its
    /// first page on, and what has no name will be met again.
    pub(super) async fn save(
        &self,
        scope: &mut Scope,
        kind: Kind,
        read: &[String],
        anew: bool,
    ) -> Result<(), Error> {
        let (id, now) = (scope.id(), scope.now);
        if anew {
            unreadable::clear_places(&mut scope.session, id, kind).await?;
        }
        let is_odd = |name: &String| self.listed.iter().any(|(odd, _)| odd == name);
        let well: Vec<String> = read.iter().filter(|name| !is_odd(name)).cloned().collect();
        unreadable::clear(&mut scope.session, id, kind, &well).await?;
        Ok(unreadable::save(&mut scope.session, id, kind, &self.listed, now).await?)
    }
}
