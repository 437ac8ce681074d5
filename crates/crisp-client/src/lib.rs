//! A read-only client of [Crisp](https://crisp.chat)'s REST API and web hooks, for plugins.
//!
//! Crisp is a support platform: *websites* (its dashboard says workspaces) have people *profiles* and conversations, also
//! called *sessions*, made of messages that a *fingerprint* identifies. This crate reads them. It has no way to write: there
//! is no verb in a request, so nothing but `GET` can be sent. It also knows nothing of what its reader does with the records,
//! keeps no state beyond its connections, reads no environment and no clock.
//!
//! Its principal type is `Client`, behind the feature `http` (on by default). Without that feature there remain the ids, the
//! records and [`hook`], without an HTTP stack below them.
//!
//! # One odd record never costs a page
//!
//! Real workspaces hold twelve years of data: fields are missing, null, empty or of another type, emails are cut through the
//! middle of an emoji, numbers overflow. So [a page](Page) is read record by record. A field that is not what it should be
//! is absent, and where it is one that nobody can hold (nested without end, a number out of range) the page says so beside
//! the record; a record that cannot be read at all (no id) becomes an [`Unreadable`] that says where, never what. Each record keeps its `raw` JSON, since there is more in it than we name. A list
//! that is no list is an error, never an empty list: absence may mean removal to whoever asked.
//!
//! # Requests are scarce
//!
//! All installations of a plugin share one daily quota. A request is repeated only if Crisp failed or fell silent, a few
//! times, after growing waits with jitter, and as late as `Retry-After` asks. A rate limit is never answered with another
//! request; it comes back as `Error::RateLimited`. Whoever shares the quota among several readers puts a `Gate` before the
//! client: every single attempt passes it.
//!
//! # Example
//!
#![cfg_attr(feature = "http", doc = "```no_run")]
#![cfg_attr(not(feature = "http"), doc = "```ignore")]
//! use crisp_client::{Client, ClientOptions, Credentials, DEFAULT_BASE_URL, PeopleQuery, WebsiteId};
//! use futures::{TryStreamExt, pin_mut};
//!
//! # async fn read(identifier: &str, key: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
//! let website: WebsiteId = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc".parse()?;
//! let credentials = Credentials::new(identifier, &key);
//! let client = Client::new(ClientOptions::new(DEFAULT_BASE_URL.parse()?, credentials))?;
//!
//! let pages = client.people(website, PeopleQuery::default());
//! pin_mut!(pages);
//! while let Some(page) = pages.try_next().await? {
//!     for record in page.records {
//!         match record {
//!             Ok(profile) => println!("{} was last seen at {:?}", profile.people_id, profile.active_last_ms),
//!             Err(odd) => eprintln!("{odd}"),
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `examples/read_workspace.rs` reads a whole workspace this way.

pub mod conversations;
mod decode;
mod fields;
pub mod hook;
mod ids;
mod mend;
pub mod messages;
pub mod moment;
mod operators;
pub mod page;
pub mod people;
mod plugin;
mod told;

#[cfg(feature = "http")]
pub mod client;
#[cfg(feature = "http")]
pub mod error;
#[cfg(feature = "http")]
pub mod gate;
#[cfg(feature = "http")]
pub mod pacing;

pub use conversations::{Conversation, ConversationsQuery, State};
pub use ids::{BlankId, Fingerprint, OperatorId, PeopleId, PluginId, SessionId, WebsiteId};
pub use messages::{Message, Selector};
pub use operators::Operator;
pub use page::{Page, Record, Shape, Unreadable, Wire};
pub use people::{PeopleQuery, Profile};
pub use plugin::{Subscription, SubscriptionSettings, Website};
pub use told::Told;

#[cfg(feature = "http")]
pub use client::{Client, ClientOptions, Credentials, DEFAULT_BASE_URL};
#[cfg(feature = "http")]
pub use error::{Error, Outage, Remedy};
#[cfg(feature = "http")]
pub use gate::{Gate, Outcome, Refused, Unlimited};
