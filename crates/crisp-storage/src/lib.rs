//! What the Crisp integration remembers, in Postgres.
//!
//! The crate holds the schema (embedded migrations), one module per aggregate with its statements, the queue of due
//! work, the request ledger and the vault of sealed secrets. Its principal type is [`Database`]; everything that
//! belongs to a tenant is read and written through an [`AccountSession`], a transaction that has taken the tenant
//! role and named its account, so that neither a forgotten `where` nor a wrong id can reach another account's rows.
//!
//! ```no_run
//! use crisp_domain::ids::AccountId;
//! use crisp_storage::{Database, DatabaseOptions};
//!
//! # async fn example(url: secrecy::SecretString, account: AccountId) -> Result<(), crisp_storage::Error> {
//! let database = Database::connect(DatabaseOptions::new(url))?;
//! database.migrate().await?;
//! let mut session = database.write(account).await?;   // this account's write turn
//! let integrations = crisp_storage::integrations::list(&mut session).await?;
//! session.commit().await?;
//! # let _ = integrations;
//! # Ok(())
//! # }
//! ```
//!
//! It does not know: HTTP, Crisp's API, when to sync, which conversation belongs to whom.

pub mod accounts;
pub mod adoption;
pub mod audit;
mod bulk;
pub mod claims;
pub mod conversations;
pub mod database;
pub mod dead_letters;
pub mod directory;
mod discreet;
pub mod erasure;
pub mod error;
pub mod hooks;
pub mod integrations;
pub mod listener;
pub mod matches;
pub mod messages;
pub mod operators;
pub mod profiles;
pub mod purge;
pub mod quota;
mod schema;
pub mod secrets;
pub mod session;
pub mod sightings;
pub mod syncs;
mod tls;
mod transaction;
pub mod transcripts;
mod turns;
pub mod unreadable;
pub mod vault;
pub mod views;
pub mod wanted;
pub mod work;

pub use database::{Database, DatabaseOptions};
pub use error::Error;
pub use session::AccountSession;
