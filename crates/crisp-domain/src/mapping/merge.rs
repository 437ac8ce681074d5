//! What becomes of a contact when a profile is mapped onto it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{ContactFields, MappedFields, Mapping, Policy, Target};
use crate::discreet::Hidden;

/// A contact after a merge, and what in it is Crisp's. `Debug` shows the fields, never the values.
#[derive(Clone, PartialEq, Default)]
pub struct Merged {
    /// The fields of the contact.
    pub fields: ContactFields,
    /// What Crisp put there: to be kept, and given to the next merge.
    pub from_crisp: BTreeMap<Target, Value>,
}

impl Mapping {
    /// Joins what a profile says with what the contact holds. `from_crisp` is what the last merge put there.
    ///
    /// * `overwrite`: what Crisp says is taken. When it no longer says anything, the field is emptied, but only if it
    ///   still holds what Crisp put there: what somebody changed by hand stays.
    /// * `fill_empty`: an empty field is filled; a filled one stays as it is, even if Crisp filled it.
    /// * A field that no row fills any more is emptied if it still holds what Crisp put there.
    /// * A field whose source was not read stays as it is.
    ///
    /// Merging the outcome again changes nothing.
    pub fn merge(
        &self,
        current: &ContactFields,
        from_crisp: &BTreeMap<Target, Value>,
        mapped: &MappedFields,
    ) -> Merged {
        let mut merged = Merged { fields: current.clone(), from_crisp: from_crisp.clone() };
        let policies: BTreeMap<&Target, Policy> = self.rows.iter().map(|row| (&row.to, row.policy)).collect();
        let targets: BTreeSet<&Target> = policies.keys().copied().chain(from_crisp.keys()).collect();
        for target in targets {
            match (policies.get(target), mapped.values.get(target)) {
                (Some(_), _) if mapped.unread.contains(target) => {}
                (Some(Policy::Overwrite), Some(value)) => merged.put(target, value),
                (Some(Policy::FillEmpty), Some(value)) if merged.fields.get(target).is_none() => {
                    merged.put(target, value);
                }
                (Some(Policy::FillEmpty), _) => merged.forget_if_changed(target),
                (Some(Policy::Overwrite) | None, _) => merged.take_back(target),
            }
        }
        merged
    }
}

impl Merged {
    /// What the contact held already, before Crisp ever said so, stays its own: it is not taken back with Crisp's.
    fn put(&mut self, target: &Target, value: &Value) {
        if !self.from_crisp.contains_key(target) && self.fields.get(target).as_ref() == Some(value) {
            return;
        }
        self.fields.set(target, Some(value.clone()));
        self.from_crisp.insert(target.clone(), value.clone());
    }

    fn take_back(&mut self, target: &Target) {
        if self.holds_crisps(target) {
            self.fields.set(target, None);
        }
        self.from_crisp.remove(target);
    }

    fn forget_if_changed(&mut self, target: &Target) {
        if !self.holds_crisps(target) {
            self.from_crisp.remove(target);
        }
    }

    fn holds_crisps(&self, target: &Target) -> bool {
        let last = self.from_crisp.get(target);
        last.is_some() && self.fields.get(target).as_ref() == last
    }
}

impl fmt::Debug for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from_crisp: BTreeMap<_, _> = self.from_crisp.keys().map(|target| (target, Hidden)).collect();
        f.debug_struct("Merged").field("fields", &self.fields).field("from_crisp", &from_crisp).finish()
    }
}
