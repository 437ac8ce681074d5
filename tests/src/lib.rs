//! testkit

pub mod postgres;
pub mod process;
pub mod simulator;
