//! Whose conversation is this?
//!
//! Crisp knows people by profiles, Custify by contacts. Two questions arise for every page of an import, and this
//! crate answers both: which contact does a *conversation* belong to ([`decide`]), and which contact does a *profile*
//! become ([`profiles::assign`]). The answers are pure functions of what is passed in: no clock, no database, no
//! chance. They are total (every input has an answer), independent of the order of the input, and they say why.
//!
//! The rule for conversations, which `tests/cases/decide.json` shows case by case:
//!
//! 1. the contact that carries the conversation's Crisp **people id**;
//! 2. else a contact whose **email** equals the one in the conversation's metadata, whatever brought it there;
//! 3. where several fit: the most recently active one, then the oldest, then the one with the smallest id.
//!
//! ```
//! use chrono::DateTime;
//! use crisp_domain::{ContactId, EmailKey};
//! use crisp_matching::{Address, Candidate, Outcome, Question, Rule, decide};
//!
//! let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
//! let ana = Candidate {
//!     contact_id: ContactId::new_v7(now),
//!     people_ids: vec![],
//!     email: EmailKey::parse("ana@northwind.example"),
//!     last_active_at: None,
//!     created_at: now,
//! };
//! let question = Question { people_id: None, email: Address::of(Some(" Ana@Northwind.example")) };
//!
//! let decision = decide(&question, std::slice::from_ref(&ana));
//! assert_eq!(decision.outcome, Outcome::Matched { contact_id: ana.contact_id, rule: Rule::Email });
//! for evidence in &decision.evidence {
//!     println!("{evidence}"); // "the conversation is not bound to a Crisp profile", …
//! }
//! ```
//!
//! It does not know where candidates come from, what a company is, or what becomes of the answer. A decision holds
//! ids only, no address and no name, so it can be kept and shown for as long as the conversation.

mod decide;
mod decision;
pub mod profiles;

pub use decide::{Address, Candidate, Question, decide};
pub use decision::{Considered, Decision, Evidence, Outcome, Rule, Standing};
