//! testkit

pub mod caller;
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod simulator;
