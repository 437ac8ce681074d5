//! The rules of matching, case by case and for random input.
//!
//! * [`decide`]: whose conversation is this? `cases/decide.json`, and: order does not matter, every input is answered
//! * [`assign`]: which contact does a profile become? `cases/assign.json`, and: order does not matter, one address is
//!   one contact, asking again changes nothing
//!
//! A case is added by adding it to the file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod assign;
mod decide;
mod words;
