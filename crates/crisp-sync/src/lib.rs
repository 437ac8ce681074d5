//! The verbs of the integration: full, incremental and reconciliation passes, hooks, late matches, and what an admin does.
//!
//! # Map
//!
//! * [`engine`]: what every verb needs. [`worker`]: the loop that takes due work under leases.
//! * `run`: a sync as a chain of small committed steps. `live`: records wanted one by one. `hooks`: intake and applying.
//! * `people`, `threads`, `transcript`: the reconcilers everything ends in: make these profiles, these conversations,
//!   these messages right. Each loads, computes a difference, and saves in one write step (`scope`).
//! * `connect`, `settings`, `directory`, `forecast`, `diagnosis`, …: the use cases behind `/v1` and the console.
//!
//! It does not know: SQL, HTTP servers, environment variables, what a page looks like.

mod clock;
mod live;
mod matching;
mod meter;
mod observe;
mod patience;
mod people;
mod run;
mod schedule;
mod scope;
mod sweep;
mod threads;
mod transcript;
mod upkeep;

pub mod connect;
pub mod diagnosis;
pub mod directory;
pub mod engine;
pub mod erase;
pub mod error;
pub mod explain;
pub mod forecast;
pub mod hooks;
pub mod refusal;
pub mod settings;
pub mod syncs;
pub mod worker;

pub use engine::{Engine, EngineOptions};
pub use error::{Attention, Error, Verdict};
pub use refusal::Refusal;
