//! A Postgres nobody has to set up: a private cluster, and a fresh database for every test.
//!
//! * [`Cluster`] finds ordinary Postgres binaries (or fetches them once) and runs a server below the
//!   temporary folder, reachable through a Unix socket only. All test processes of a user share one, without
//!   `fsync`; the demo and the tests that kill the server have a durable one of their own.
//! * [`Database`] is a database for one test: a copy of a template that was migrated once, dropped with the
//!   value.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use testkit::postgres::Database;
//!
//! let database = Database::fresh("hash of the migrations", async |url| {
//!     let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
//!     tokio::spawn(connection);
//!     Ok(client.batch_execute("CREATE TABLE people (id bigint PRIMARY KEY)").await?)
//! })
//! .await?;
//! let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await?;
//! # Ok(())
//! # }
//! ```
//!
//! With `DATABASE_URL_FOR_TESTS` set that server is used and none is started; its role needs `CREATEDB`.
//!
//! # How long a cluster lives
//!
//! Exactly as long as somebody uses it, whatever happens to its users. Each user holds a FIFO open for writing,
//! which the kernel closes even after `kill -9`; a small `sh` process, the watcher, reads from it, and when no
//! writer is left it stops the server and removes its folder. The watcher of the shared cluster lingers for
//! some seconds, so that test binaries run one after the other meet the same server.

mod account;
mod address;
mod binaries;
mod cluster;
mod database;
mod dump;
mod fetch;
mod home;
mod janitor;
mod server;
mod surroundings;
mod template;
#[cfg(test)]
mod tests;
mod watcher;

pub use cluster::{Cluster, Purpose};
pub use database::Database;
pub use janitor::connect;
pub use tokio_postgres::Client;
