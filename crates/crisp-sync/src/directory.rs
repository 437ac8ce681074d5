//! Custify's own directory: contacts and companies, as its services write them.
//!
//! A write is one transaction, and everything that follows from it is in there too: conversations that now have a
//! contact, or another one, and the company views.
//!
//! * A contact that only Crisp brought is *adopted* by the first directory contact with its e-mail: it gets the external
//!   id and keeps its id, profiles and conversations. Only a directory contact that is not there yet adopts; one that
//!   is stays a contact of its own, and the rules of matching decide between the two.
//! * Companies that a contact names and nobody has written yet are made, without a name.
//! * What is written here and differs from what Crisp put there counts as edited by hand.
//! * A contact written with the e-mail of an erased person lets that person in again.

mod check;
mod contacts;
mod write;

use chrono::{DateTime, Utc};
use crisp_domain::AccountId;
use crisp_storage::directory::{CompanyRow, ContactRow};
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::refusal::Refusal;

/// The most rows of one batch.
pub const MAX_ROWS: usize = 1_000;

/// What becomes of one field. `Debug` does not show the value.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// It was not mentioned and stays.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> std::fmt::Debug for Field<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Keep => "Keep",
            Self::Clear => "Clear",
            Self::Set(_) => "Set(…)",
        })
    }
}

/// As JSON tells it: absent, null, or a value.
impl<T> From<Option<Option<T>>> for Field<T> {
    fn from(told: Option<Option<T>>) -> Self {
        match told {
            None => Self::Keep,
            Some(None) => Self::Clear,
            Some(Some(value)) => Self::Set(value),
        }
    }
}

impl<T> Field<T> {
    /// The field after the change.
    fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    fn told(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// A company to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompanyChange {
    /// The directory's own id of it.
    pub external_id: String,
    /// Its name.
    pub name: Field<String>,
}

/// A contact to write. `Debug` shows its external id only.
#[derive(Clone, PartialEq, Default)]
pub struct ContactChange {
    /// The directory's own id of it.
    pub external_id: String,
    /// The address.
    pub email: Field<String>,
    /// The full name.
    pub name: Field<String>,
    /// The phone number, in any form.
    pub phone: Field<String>,
    /// When the person signed up.
    pub signed_up_at: Field<DateTime<Utc>>,
    /// Custom attributes: those named are set, or cleared by `null`; the others stay. Cleared as a whole, all go.
    pub attributes: Field<Map<String, Value>>,
    /// External ids of all companies that the contact belongs to; `None` = as it is.
    pub companies: Option<Vec<String>>,
}

impl std::fmt::Debug for ContactChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ContactChange")
            .field("external_id", &self.external_id)
            .finish_non_exhaustive()
    }
}

/// Companies and contacts to write together, all or none; at most [`MAX_ROWS`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Companies; each external id once.
    pub companies: Vec<CompanyChange>,
    /// Contacts; each external id once.
    pub contacts: Vec<ContactChange>,
}

/// What was written, in the order in which it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The companies that were sent, not those that contacts named.
    pub companies: Vec<CompanyRow>,
    /// The contacts.
    pub contacts: Vec<ContactRow>,
}

/// Writes one company.
pub async fn put_company(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    company: CompanyChange,
) -> Result<CompanyRow, Refusal> {
    let mut errors = Vec::new();
    check::company(&company, "", &mut errors);
    check::outcome(errors)?;
    let batch = Batch { companies: vec![company], contacts: Vec::new() };
    let written = write::write(engine, account, actor, batch).await?;
    written.companies.into_iter().next().ok_or(Refusal::NotFound)
}

/// Writes one contact.
pub async fn put_contact(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    contact: ContactChange,
) -> Result<ContactRow, Refusal> {
    let mut errors = Vec::new();
    check::contact(&contact, "", &mut errors);
    check::outcome(errors)?;
    let batch = Batch { companies: Vec::new(), contacts: vec![contact] };
    let written = write::write(engine, account, actor, batch).await?;
    written.contacts.into_iter().next().ok_or(Refusal::NotFound)
}

/// Writes many rows, all or none: anything wrong with any of them is told at its row and field, and nothing is written.
pub async fn batch(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    batch: Batch,
) -> Result<Written, Refusal> {
    check::outcome(check::batch(&batch))?;
    write::write(engine, account, actor, batch).await
}
