//! testkit

pub mod postgres;
pub mod simulator;
