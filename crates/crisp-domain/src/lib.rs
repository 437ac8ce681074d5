//! Custify's words for what comes from Crisp.
//!
//! Crisp speaks of profiles, sessions and fingerprints, in milliseconds and in fields that may be missing, empty or of
//! another type; Custify of contacts, conversations and messages. This crate is the translation, and nothing but pure
//! functions: what an admin chose ([`ImportSettings`]), which profile field goes where ([`Mapping`]), what becomes of
//! what a contact holds already ([`mapping::Merged`]), a conversation and a message in our words
//! ([`ConversationFacts`], [`MessageFacts`]), any message content as readable text ([`body`]), and cards, accounts and
//! keys taken out of it ([`redact`]). The one form in which addresses are compared is [`EmailKey`].
//!
//! Two promises hold throughout. **Nothing odd stops anything**: reading never fails, a value of an unusable type is
//! absent, and what is kept is bounded and can be stored in Postgres. **Nothing personal leaks**: `Debug` and errors
//! show ids and shapes, never an address, a name, a text or a value.
//!
//! ```
//! use crisp_domain::{ContactFields, ImportSettings};
//! use serde_json::json;
//!
//! let settings = ImportSettings::parse(json!({
//!     "backfill_days": 365,
//!     "mapping": [
//!         {"from": "email", "to": "email", "policy": "overwrite"},
//!         {"from": "person.nickname", "to": "name", "policy": "fill_empty"},
//!         {"from": "active.last", "to": "attributes.last_active_at", "policy": "overwrite"}
//!     ]
//! }))
//! .map_err(|errors| errors[0].to_string())?;
//!
//! let profile = json!({
//!     "email": " Ana@Northwind.example",
//!     "person": {"nickname": "visitor104233"},
//!     "active": {"last": 1_767_225_000_000_i64}
//! });
//! let contact = ContactFields { name: Some("Ana Example".to_owned()), ..ContactFields::default() };
//!
//! let mapped = settings.mapping.map(&profile, None);
//! let merged = settings.mapping.merge(&contact, &Default::default(), &mapped);
//! assert_eq!(merged.fields.email.as_deref(), Some("Ana@Northwind.example"));
//! assert_eq!(merged.fields.name.as_deref(), Some("Ana Example"), "what is there stays");
//! assert_eq!(merged.fields.attributes["last_active_at"], "2025-12-31T23:50:00.000Z");
//! # Ok::<(), String>(())
//! ```
//!
//! It does not know HTTP, Postgres, or the time of day, and it does not decide who a profile or a conversation belongs
//! to: that is `crisp-matching`.

pub mod body;
pub mod conversation;
pub mod country;
mod discreet;
pub mod email;
pub mod ids;
pub mod json;
pub mod mapping;
pub mod message;
pub mod phone;
pub mod redact;
pub mod settings;
pub mod text;
pub mod time;

pub use conversation::{ConversationFacts, Status};
pub use email::EmailKey;
pub use ids::{AccountId, CompanyId, ContactId, ConversationId, IntegrationId, MessageId, SyncId};
pub use mapping::{ContactFields, Mapping};
pub use message::{Direction, MessageFacts, MessageKind, RenderOptions};
pub use settings::{FieldError, ImportSettings};
