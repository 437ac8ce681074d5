//! The keys that secrets at rest are encrypted with.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use zeroize::Zeroizing;

use crate::refused::{Refusal, Refused};
use crate::value;

const KEYS: &str = "ENCRYPTION_KEYS";
const KEY_BYTES: usize = 32;
/// Ids are stored beside every secret. Shorter than a key, so that a key in the wrong place is not taken for an id.
const LONGEST_ID: usize = 32;
const REMEDY: &str = "Give keys as id:base64 of 32 random bytes, separated by commas, the one that encrypts first; \
                      make one with: echo \"k1:$(openssl rand -base64 32)\".";
/// Copying a key often loses the signs at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The flags and variables of encryption.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Encryption")]
pub struct EncryptionArgs {
    /// Keys for secrets at rest, as `id:base64(32 bytes)[,id:…]`. The first encrypts, all decrypt. Required.
    /// Make one with: `echo "k1:$(openssl rand -base64 32)"`.
    #[arg(long, global = true, env = KEYS, hide_env_values = true, value_name = "ID:KEY,…")]
    encryption_keys: Option<SecretString>,
    /// A file that holds `ENCRYPTION_KEYS`.
    #[arg(long, global = true, env = "ENCRYPTION_KEYS_FILE", value_name = "PATH")]
    encryption_keys_file: Option<String>,
}

/// The key ring, checked: at least one key, no id twice.
#[derive(Debug)]
pub struct EncryptionSettings {
    /// The key that encrypts.
    pub first: EncryptionKey,
    /// Older keys, which only decrypt.
    pub others: Vec<EncryptionKey>,
}

/// One key and the name it goes by.
#[derive(Debug)]
pub struct EncryptionKey {
    /// What stored secrets call this key. Not a secret.
    pub id: String,
    /// The key itself.
    pub bytes: SecretBox<[u8; KEY_BYTES]>,
}

impl EncryptionArgs {
    /// The key ring, which must be given.
    pub fn resolve(&self) -> Result<EncryptionSettings, Refused> {
        let text = value::required_secret(
            KEYS,
            self.encryption_keys.as_ref(),
            self.encryption_keys_file.as_deref(),
            REMEDY,
        )?;
        Ok(key_ring(text.expose_secret())?)
    }
}

fn key_ring(text: &str) -> Result<EncryptionSettings, Refusal> {
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for (index, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
        let key = key(index + 1, entry)?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(refuse(format!(
                "has two keys of the same id, the second one at position {}",
                index + 1
            )));
        }
        keys.push(key);
    }
    let mut keys = keys.into_iter();
    match keys.next() {
        Some(first) => Ok(EncryptionSettings { first, others: keys.collect() }),
        None => Err(refuse("has no key in it")),
    }
}

fn key(position: usize, entry: &str) -> Result<EncryptionKey, Refusal> {
    let Some((id, encoded)) = entry.split_once(':') else {
        return Err(refuse(format!("has no id and colon before the key at position {position}")));
    };
    let id = id.trim();
    if !is_id(id) {
        return Err(refuse(format!(
            "has an id at position {position} that is not 1 to {LONGEST_ID} letters, digits, dots, dashes or underscores"
        )));
    }
    let bytes = key_bytes(encoded.trim()).ok_or_else(|| {
        refuse(format!("has a key at position {position} that is not base64 of {KEY_BYTES} bytes"))
    })?;
    Ok(EncryptionKey { id: id.to_owned(), bytes })
}

fn is_id(text: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    (1..=LONGEST_ID).contains(&text.len()) && text.chars().all(allowed)
}

/// The key's bytes; both alphabets of base64 are understood, with and without the signs at the end.
fn key_bytes(encoded: &str) -> Option<SecretBox<[u8; KEY_BYTES]>> {
    let standard = Zeroizing::new(encoded.replace('-', "+").replace('_', "/"));
    let bytes = Zeroizing::new(BASE64.decode(standard.as_bytes()).ok()?);
    let bytes: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
    Some(SecretBox::new(Box::new(*bytes)))
}

fn refuse(wrong: impl Into<String>) -> Refusal {
    Refusal::new(KEYS, wrong, REMEDY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONES: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWOS: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    #[test]
    fn the_first_key_encrypts_and_all_are_kept_in_order() {
        let ring = key_ring(&format!(" new:{ONES} ,\told:{TWOS},")).unwrap();
        assert_eq!((ring.first.id.as_str(), ring.first.bytes.expose_secret()), ("new", &[1; 32]));
        let others: Vec<_> =
            ring.others.iter().map(|key| (key.id.as_str(), key.bytes.expose_secret())).collect();
        assert_eq!(others, [("old", &[2; 32])]);
    }

    #[test]
    fn a_key_survives_the_loss_of_its_padding_and_the_other_alphabet() {
        let other_alphabet = "_____________________________________-____8";
        let ring = key_ring(&format!("a:{},b:{other_alphabet}", ONES.trim_end_matches('='))).unwrap();
        assert_eq!(ring.first.bytes.expose_secret(), &[1; 32]);
        assert_eq!(ring.others.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_by_position_and_never_by_value() {
        let short = "c2hvcnQ=";
        for (ring, wrong) in [
            (ONES.to_owned(), "no id and colon before the key at position 1"),
            (format!("a:{ONES},a:{TWOS}"), "two keys of the same id, the second one at position 2"),
            (format!("a:{ONES},b:{short}"), "a key at position 2 that is not base64 of 32 bytes"),
            (format!("{ONES}:a"), "an id at position 1"),
            (",".to_owned(), "no key in it"),
        ] {
            let said = key_ring(&ring).unwrap_err().to_string();
            assert!(said.contains(wrong), "{said}");
            assert!(!said.contains(ONES) && !said.contains(TWOS) && !said.contains(short), "{said}");
        }
    }

    #[test]
    fn debug_of_the_ring_shows_no_key() {
        let shown = format!("{:?}", key_ring(&format!("k1:{ONES}")).unwrap());
        assert!(shown.contains("k1") && shown.contains("REDACTED") && !shown.contains("1, 1"), "{shown}");
    }
}
