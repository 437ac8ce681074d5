//! Public keys from a JWKS file (RFC 7517), read again when the file changes.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;
use serde_json::Value;

/// How often the file is looked at, at most.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);
/// Keys that are tried on a token that names none: more than are in use at a time, few enough to cost nothing.
const MOST_TRIED: usize = 16;
/// Larger than a set of a thousand keys, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Why a JWKS file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It is not there, not ours to read, or far too large.
    #[error("the JWKS file cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is not `{"keys": […]}`.
    #[error("the JWKS file is not a set of keys")]
    Malformed(#[source] serde_json::Error),
    /// None of its keys verifies RS256, ES256 or `EdDSA`.
    #[error("the JWKS file has no public key for RS256, ES256 or EdDSA")]
    NoUsableKey,
}

/// A key and the only algorithm it verifies.
#[derive(Debug)]
pub(super) struct PublishedKey {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

pub(super) struct JwksFile {
    path: PathBuf,
    current: RwLock<Current>,
}

struct Current {
    keys: Vec<Arc<PublishedKey>>,
    version: Version,
    looked_at: DateTime<Utc>,
}

/// What changes when somebody writes or replaces the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
}

impl JwksFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, JwksError> {
        let version = version(&path)?;
        let keys = load(&path)?;
        // An empty set is right once there was one before; a process that begins with none can serve nobody.
        if keys.is_empty() {
            return Err(JwksError::NoUsableKey);
        }
        let looked_at = DateTime::UNIX_EPOCH;
        Ok(Self { path, current: RwLock::new(Current { keys, version, looked_at }) })
    }

    /// The keys that a token with this header may have been signed with: those of its id, else the only key of its
    /// algorithm where that has no id. A token that names none may be of any key of its algorithm.
    pub(super) fn keys_for(&self, header: &Header, now: DateTime<Utc>) -> Vec<Arc<PublishedKey>> {
        self.reload_if_changed(now);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let of_algorithm = current.keys.iter().filter(|key| key.algorithm == header.alg);
        let of_algorithm: Vec<_> = of_algorithm.cloned().collect();
        match &header.kid {
            Some(id) => of_id(id, of_algorithm),
            None => of_algorithm.into_iter().take(MOST_TRIED).collect(),
        }
    }

    /// A small local file, looked at once a second and read when somebody changed it: not worth a task of its own.
    /// A file that cannot be read leaves the keys as they are, so that half a write locks nobody out. A set that can be
    /// read is taken at its word: one without a usable key withdraws them all.
    fn reload_if_changed(&self, now: DateTime<Utc>) {
        let since = |current: &Current| now.signed_duration_since(current.looked_at).abs();
        if since(&self.current.read().unwrap_or_else(PoisonError::into_inner)) < LOOK_EVERY {
            return;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if since(&current) < LOOK_EVERY {
            return;
        }
        current.looked_at = now;
        match version(&self.path) {
            Ok(version) if version == current.version => {}
            Ok(version) => current.replace(load(&self.path), version),
            Err(error) => tracing::warn!(%error, "the keys that verify tokens stay as they were"),
        }
    }
}

/// The keys of this id. An id says nothing about a key that has none, unless there is no other to choose.
fn of_id(id: &str, keys: Vec<Arc<PublishedKey>>) -> Vec<Arc<PublishedKey>> {
    let named: Vec<_> = keys.iter().filter(|key| key.id.as_deref() == Some(id)).cloned().collect();
    let alone = keys.len() == 1 && keys.iter().all(|key| key.id.is_none());
    if alone { keys } else { named }
}

impl Current {
    fn replace(&mut self, keys: Result<Vec<Arc<PublishedKey>>, JwksError>, version: Version) {
        match keys {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the JWKS file withdraws every key; no token is accepted from now on");
                } else {
                    tracing::info!(count = keys.len(), "the keys that verify tokens were read again");
                }
                (self.keys, self.version) = (keys, version);
            }
            Err(error) => tracing::warn!(%error, "the keys that verify tokens stay as they were"),
        }
    }
}

fn version(path: &PathBuf) -> Result<Version, JwksError> {
    let metadata = std::fs::metadata(path).map_err(JwksError::Unreadable)?;
    Ok(Version { modified: metadata.modified().ok(), length: metadata.len() })
}

fn load(path: &PathBuf) -> Result<Vec<Arc<PublishedKey>>, JwksError> {
    use std::io::Read as _;

    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(JwksError::Unreadable)?;
    file.take(LARGEST_FILE).read_to_end(&mut text).map_err(JwksError::Unreadable)?;
    parse(&text)
}

/// The usable keys of a set; what is meant for something else is passed over.
fn parse(text: &[u8]) -> Result<Vec<Arc<PublishedKey>>, JwksError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }

    let set: Set = serde_json::from_slice(text).map_err(JwksError::Malformed)?;
    let keys: Vec<_> = set.keys.into_iter().filter_map(published_key).map(Arc::new).collect();
    Ok(keys)
}

fn published_key(value: Value) -> Option<PublishedKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let (algorithm, said) = algorithm(&jwk.algorithm)?;
    let common = &jwk.common;
    let meant_for_it = common.key_algorithm.is_none_or(|algorithm| algorithm == said)
        && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let key = meant_for_it.then(|| DecodingKey::from_jwk(&jwk).ok()).flatten()?;
    Some(PublishedKey { id: jwk.common.key_id, algorithm, key })
}

/// The one algorithm that a key of this kind verifies here.
fn algorithm(parameters: &AlgorithmParameters) -> Option<(Algorithm, KeyAlgorithm)> {
    if let AlgorithmParameters::RSA(_) = parameters {
        return Some((Algorithm::RS256, KeyAlgorithm::RS256));
    }
    if let AlgorithmParameters::EllipticCurve(key) = parameters {
        return (key.curve == EllipticCurve::P256).then_some((Algorithm::ES256, KeyAlgorithm::ES256));
    }
    if let AlgorithmParameters::OctetKeyPair(key) = parameters {
        return (key.curve == EllipticCurve::Ed25519).then_some((Algorithm::EdDSA, KeyAlgorithm::EdDSA));
    }
    None
}
