//! Web hooks: stored before they are acknowledged, applied after, from their payload where that suffices.

mod apply;
mod erased;
mod installation;
mod intake;
mod messages;
mod people;
mod save;
mod wake;
mod writer;

pub use intake::{HookIntake, Received, Rejection, Room};

pub(crate) use apply::slice;
