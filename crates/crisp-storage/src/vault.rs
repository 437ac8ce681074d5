//! Secrets at rest: sealed with a key that has a name, and bound to the row they stand in.
//!
//! A sealed secret is `version | length of the key id | key id | nonce | ciphertext`, XChaCha20-Poly1305. What stands in
//! front of the nonce and the row's identity are authenticated with it, so a ciphertext that is altered or moved to
//! another row cannot be opened. The first key of the [`KeyRing`] seals, every key opens.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use crisp_domain::ids::{AccountId, IntegrationId};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use zeroize::Zeroizing;

use crate::error::Error;

/// The only form there is so far.
const VERSION: u8 = 1;
/// Bytes of a nonce: long enough to be chosen by chance.
const NONCE_BYTES: usize = 24;

/// A key and the name it goes by.
#[derive(Debug)]
pub struct Key {
    /// What sealed secrets call it; no secret.
    pub id: String,
    /// The key itself.
    pub bytes: SecretBox<[u8; 32]>,
}

/// The keys of a deployment. Cheap to clone; `Debug` shows ids only.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[Key]>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// Which row a sealed secret stands in: its associated data.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    what: &'static str,
    row: String,
}

impl Place {
    /// A row of `sealed_secrets`.
    pub(crate) fn secret(what: &'static str, name: &str) -> Self {
        Self { what, row: format!("sealed_secrets/{name}") }
    }

    /// `integrations.website_token`.
    pub(crate) fn website_token(account: AccountId, integration: IntegrationId) -> Self {
        Self { what: "the website token", row: format!("integrations/{account}/{integration}/website_token") }
    }
}

impl KeyRing {
    /// A ring whose first key seals.
    pub fn new(keys: Vec<Key>) -> Result<Self, Error> {
        if keys.is_empty() {
            return Err(Error::KeyRing("there is none"));
        }
        if keys.iter().any(|key| key.id.is_empty() || u8::try_from(key.id.len()).is_err()) {
            return Err(Error::KeyRing("an id is empty or longer than 255 bytes"));
        }
        let again = |(index, key): (usize, &Key)| keys.iter().take(index).any(|other| other.id == key.id);
        if keys.iter().enumerate().any(again) {
            return Err(Error::KeyRing("two of them have the same id"));
        }
        Ok(Self { keys: keys.into() })
    }

    /// The id of the key that seals.
    pub fn first_id(&self) -> &str {
        self.keys.first().map_or("", |key| key.id.as_str())
    }

    /// The ids of all keys, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// Seals an integration's website token for its column.
    pub fn seal_website_token(
        &self,
        account: AccountId,
        integration: IntegrationId,
        token: &SecretString,
    ) -> Result<Vec<u8>, Error> {
        self.seal(&Place::website_token(account, integration), token.expose_secret().as_bytes())
    }

    /// Opens an integration's website token.
    pub fn open_website_token(
        &self,
        account: AccountId,
        integration: IntegrationId,
        sealed: &[u8],
    ) -> Result<SecretString, Error> {
        self.open_text(&Place::website_token(account, integration), sealed)
    }

    /// Seals with the first key.
    pub(crate) fn seal(&self, place: &Place, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let key = self.keys.first().ok_or(Error::KeyRing("there is none"))?;
        let mut sealed = header(&key.id);
        let nonce = XNonce::try_generate().or(Err(Error::KeyRing("no randomness is to be had")))?;
        let associated = associated_data(&sealed, place);
        let ciphertext = cipher(key)
            .encrypt(&nonce, Payload { msg: plaintext, aad: &associated })
            .or(Err(Error::KeyRing("the secret is too long")))?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens with whichever key sealed.
    pub(crate) fn open(&self, place: &Place, sealed: &[u8]) -> Result<SecretSlice<u8>, Error> {
        let unsealable = || Error::Unsealable(place.what);
        let id = key_id(sealed).ok_or_else(unsealable)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| Error::KeyMissing { what: place.what, key_id: id.to_owned() })?;
        let (header, rest) = sealed.split_at_checked(header(id).len()).ok_or_else(unsealable)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or_else(unsealable)?;
        let nonce = XNonce::try_from(nonce).or(Err(unsealable()))?;
        let associated = associated_data(header, place);
        let opened = cipher(key).decrypt(&nonce, Payload { msg: ciphertext, aad: &associated });
        opened.map(SecretSlice::from).or(Err(unsealable()))
    }

    pub(crate) fn open_text(&self, place: &Place, sealed: &[u8]) -> Result<SecretString, Error> {
        let opened = self.open(place, sealed)?;
        let text = std::str::from_utf8(opened.expose_secret()).or(Err(Error::Unsealable(place.what)))?;
        Ok(SecretString::from(text))
    }

    /// What every secret sealed with the first key begins with.
    pub(crate) fn current_header(&self) -> Vec<u8> {
        header(self.first_id())
    }
}

/// The id of the key that sealed; `None` where the bytes are no sealed secret.
pub(crate) fn key_id(sealed: &[u8]) -> Option<&str> {
    let (&version, rest) = sealed.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let id = rest.get(..usize::from(length))?;
    (version == VERSION).then(|| std::str::from_utf8(id).ok()).flatten()
}

fn header(id: &str) -> Vec<u8> {
    let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
    [&[VERSION, length], id.as_bytes()].concat()
}

/// The length in front keeps header and row apart.
fn associated_data(header: &[u8], place: &Place) -> Vec<u8> {
    [header, b"|", place.row.as_bytes()].concat()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes.expose_secret().into())
}

/// 32 bytes by chance.
pub(crate) fn random_key() -> Result<SecretSlice<u8>, Error> {
    let bytes =
        Zeroizing::new(<[u8; 32]>::try_generate().or(Err(Error::KeyRing("no randomness is to be had")))?);
    Ok(SecretSlice::from(bytes.to_vec()))
}

#[cfg(test)]
mod tests;
