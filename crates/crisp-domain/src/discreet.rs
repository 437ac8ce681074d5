//! `Debug` for what holds personal text: it shows what is there, never what it says.

use std::fmt;

/// Stands for personal content in a `Debug` output.
pub(crate) struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Shows whether there is something, not what.
pub(crate) fn hidden<T>(value: Option<&T>) -> Option<Hidden> {
    value.map(|_| Hidden)
}
