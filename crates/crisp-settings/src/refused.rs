//! What is said when a setting cannot be used.

use std::fmt;

/// One setting that cannot be used: its name, what is wrong, and what to do. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The setting, by the name of its environment variable.
    pub name: &'static str,
    /// What is wrong with it: the rest of a sentence that begins with the name.
    pub wrong: String,
    /// What to do about it, as a sentence.
    pub remedy: String,
}

impl Refusal {
    pub(crate) fn new(name: &'static str, wrong: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, wrong: wrong.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}. {}", self.name, self.wrong, self.remedy)
    }
}

/// Every setting of a command that cannot be used, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused(Vec<Refusal>);

impl Refused {
    /// What the binaries exit with when a setting is refused.
    pub const EXIT_CODE: u8 = 2;

    /// The refusals, in the order in which the settings are documented.
    pub fn refusals(&self) -> &[Refusal] {
        &self.0
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(vec![refusal])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            let end_of_previous = if index == 0 { "" } else { "\n" };
            write!(out, "{end_of_previous}{refusal}")?;
        }
        Ok(())
    }
}

/// Both results, or the refusals of both: so that one start tells everything that is missing.
///
/// ```
/// use crisp_settings::{Refused, together};
/// let both: Result<(u8, &str), Refused> = together(Ok(1), Ok("two"));
/// assert_eq!(both, Ok((1, "two")));
/// ```
pub fn together<A, B>(first: Result<A, Refused>, second: Result<B, Refused>) -> Result<(A, B), Refused> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(Refused(mut found)), Err(Refused(more))) => {
            found.extend(more);
            Err(Refused(found))
        }
        (Err(refused), Ok(_)) | (Ok(_), Err(refused)) => Err(refused),
    }
}

/// Gathers the refusals of one group while its settings are read one after the other.
#[derive(Default)]
pub(crate) struct Found(Vec<Refusal>);

impl Found {
    /// The value, or `None` and the refusal remembered.
    pub(crate) fn read<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.0.push(refusal)).ok()
    }

    /// The settings, if nothing was refused on the way to them.
    pub(crate) fn finish<T>(self, settings: Option<T>) -> Result<T, Refused> {
        match settings {
            Some(settings) if self.0.is_empty() => Ok(settings),
            Some(_) | None => Err(Refused(self.0)),
        }
    }
}
