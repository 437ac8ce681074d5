//! Which contact a Crisp profile becomes, and which of a contact's profiles has the say.
//!
//! A profile with an address shares its contact with every other profile that has the same address, and with no
//! profile that has another. Beyond that it stays where it is. For a batch of profiles that is settled at once: every
//! address and every contact that have a reason to be together form a *bond*, and bonds are made in this order, each
//! unless its address or its contact is taken:
//!
//! 1. the contact carries a profile with that address, and the address is the contact's own;
//! 2. the contact carries a profile with that address;
//! 3. the address is the contact's own, so that an existing Custify contact is enriched, not doubled.
//!
//! Between equals, in 1 and 2 a contact of the directory goes before one that only Crisp brought; then the one most
//! recently active, the oldest, the one with the smallest id, the address of the smallest people id. An address
//! without a bond gets a new contact. A profile without an address stays where it is, or gets a contact of its own.
//!
//! The outcome does not depend on the order of the batch, and asking again after it was applied changes nothing:
//! applying only moves the bonds that were made forward in that order, and takes reasons away from those that were not.

mod assign;
mod bonds;
mod winner;

pub use assign::{Assignment, Contact, Home, Profile, Reason, assign};
pub use winner::{ProfileRank, winner};
