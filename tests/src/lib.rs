//! testkit

pub mod caller;
pub mod postgres;
pub mod process;
pub mod simulator;
