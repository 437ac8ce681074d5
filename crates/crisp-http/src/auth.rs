//! Who is calling: bearer tokens (JWT) and what they allow.
//!
//! Which algorithm a token may use follows from the key, never from the token: a shared secret verifies HS256 and
//! nothing else, a published RSA key RS256, a P-256 key ES256, an Ed25519 key `EdDSA`. So neither `none` nor a public
//! key used as a secret gets anywhere.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use crisp_domain::AccountId;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::problem::{Code, Problem};

mod claims;
mod published;
pub mod session;

pub use published::JwksError;
use published::JwksFile;

/// Longer than any token that we were made to read, in bytes.
const LONGEST_TOKEN: usize = 8 * 1024;

/// What a token may allow.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
pub enum Permission {
    /// Connect, set up, sync and disconnect integrations.
    #[strum(serialize = "integrations:manage")]
    #[serde(rename = "integrations:manage")]
    ManageIntegrations,
    /// Read contacts, companies and their conversations.
    #[strum(serialize = "conversations:read")]
    #[serde(rename = "conversations:read")]
    ReadConversations,
    /// Write contacts and companies, and erase people.
    #[strum(serialize = "directory:write")]
    #[serde(rename = "directory:write")]
    WriteDirectory,
}

impl Permission {
    /// The permission as tokens write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whoever makes a request, as their token says.
///
/// As an argument of a handler it is there if the route was registered with an
/// [`Access`](crate::routes::Access) that asks for a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user or service, in Custify's words. May be an address, so it is kept out of logs.
    pub subject: String,
    /// The account that everything they see and do belongs to.
    pub account: AccountId,
    /// What they may do.
    pub permissions: BTreeSet<Permission>,
}

impl Caller {
    /// Whether the token allows this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Caller")
            .field("account", &self.account)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Unverified::Missing.into())
    }
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is none.
    #[error("There is no bearer token: send `Authorization: Bearer <token>`.")]
    Missing,
    /// It is not a JWT, or of a kind that is never accepted.
    #[error("The bearer token is not a JWT that can be accepted here.")]
    Malformed,
    /// It was not signed by whom we trust, or not in the way that goes with their key.
    #[error("The signature of the bearer token is not accepted.")]
    Signature,
    /// It lacks a claim that is needed, or has one that cannot be.
    #[error("The bearer token lacks `sub`, `account_id` (a UUID), `permissions` (a list) or `exp`.")]
    Claims,
    /// Its time is over.
    #[error("The bearer token has expired.")]
    Expired,
    /// Its time has not come.
    #[error("The bearer token is not valid yet.")]
    NotYet,
}

impl From<Unverified> for Problem {
    fn from(unverified: Unverified) -> Self {
        Self::new(Code::Unauthenticated, unverified.to_string())
    }
}

/// What verifies tokens. Cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Keys>);

enum Keys {
    Shared(DecodingKey),
    Published(JwksFile),
    None,
}

impl Verifier {
    /// Accepts tokens signed with this secret, by HS256.
    pub fn hs256(secret: &SecretString) -> Self {
        Self(Arc::new(Keys::Shared(DecodingKey::from_secret(secret.expose_secret().as_bytes()))))
    }

    /// Accepts tokens signed with the private half of a key in this file, which is read again when it changes.
    pub fn jwks_file(path: impl Into<PathBuf>) -> Result<Self, JwksError> {
        Ok(Self(Arc::new(Keys::Published(JwksFile::open(path.into())?))))
    }

    /// Accepts nobody: for a process without routes that ask who is calling.
    pub fn nobody() -> Self {
        Self(Arc::new(Keys::None))
    }

    /// Who made this token, if it is good at this time.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, Unverified> {
        if token.len() > LONGEST_TOKEN {
            return Err(Unverified::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_error| Unverified::Malformed)?;
        if header.crit.is_some() {
            return Err(Unverified::Malformed);
        }
        let claims = self.signed_claims(token, &header, now)?;
        claims.check_time(now)?;
        claims.try_into()
    }

    fn signed_claims(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<claims::Claims, Unverified> {
        match &*self.0 {
            Keys::None => Err(Unverified::Signature),
            Keys::Shared(key) => decode(token, key, Algorithm::HS256),
            Keys::Published(file) => {
                let keys = file.keys_for(header, now);
                let mut outcomes = keys.iter().map(|key| decode(token, &key.key, key.algorithm));
                let first = outcomes.next().unwrap_or(Err(Unverified::Signature));
                outcomes
                    .fold(first, |best, next| if best == Err(Unverified::Signature) { next } else { best })
            }
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Keys::Shared(_) => "shared secret",
            Keys::Published(_) => "JWKS file",
            Keys::None => "nobody",
        };
        write!(out, "Verifier({kind})")
    }
}

/// Checks the signature alone; times are checked afterwards, against the caller's clock.
fn decode(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<claims::Claims, Unverified> {
    use jsonwebtoken::errors::ErrorKind;

    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode(token, key, &validation);
    decoded.map(|data| data.claims).map_err(|error| {
        if matches!(error.kind(), ErrorKind::Json(_) | ErrorKind::Utf8(_)) {
            Unverified::Claims
        } else if matches!(error.kind(), ErrorKind::InvalidToken | ErrorKind::Base64(_)) {
            Unverified::Malformed
        } else {
            Unverified::Signature
        }
    })
}

/// The token in `Authorization: Bearer …`.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
