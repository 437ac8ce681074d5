//! Whether a delivery was signed by whoever knows the plugin's secret.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Says whether `signature_hex` is Crisp's signature of this delivery.
///
/// `timestamp_header` and `body` are taken verbatim: parsing and writing the body again changes bytes, and with them the
/// signature. The comparison takes the same time wherever a difference lies. Only lower-case hex is a signature, as
/// Crisp's own library has it; with an empty secret nothing is.
pub fn verify_signature(
    secret: &SecretString,
    timestamp_header: &str,
    body: &[u8],
    signature_hex: &str,
) -> bool {
    let Some(claimed) = decode_lower_hex(signature_hex) else { return false };
    let Some(mut mac) = keyed(secret) else { return false };
    for part in [b"[", timestamp_header.as_bytes(), b";", body, b"]"] {
        mac.update(part);
    }
    mac.verify_slice(&claimed).is_ok()
}

fn keyed(secret: &SecretString) -> Option<Hmac<Sha256>> {
    let key = secret.expose_secret().as_bytes();
    if key.is_empty() { None } else { Hmac::<Sha256>::new_from_slice(key).ok() }
}

fn decode_lower_hex(text: &str) -> Option<Vec<u8>> {
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    if upper { None } else { hex::decode(text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "9f2c41d07b6e4a538c1de0a7f45b8d62";
    const TIMESTAMP: &str = "1767225605123";
    const BODY_A: &str = r#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"session:set_state","data":{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","session_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234","inbox_id":null,"state":"resolved"},"timestamp":1767225604990}"#;
    const SIGNATURE_A: &str = "ef420e9dcb2ad3cc78a27e101278c716681b58a1ca74b75f24d9af0ed0c4adbf";
    const BODY_B: &str = r#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"message:send","data":{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","session_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234","inbox_id":null,"type":"text","from":"user","origin":"chat","content":"Hello, is the \"Pro\" plan / seat billed yearly? é €","stamped":true,"timestamp":1767225604987,"fingerprint":176722560418342,"user":{"nickname":"Ana Example","user_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234"}},"timestamp":1767225604990}"#;
    const SIGNATURE_B: &str = "0b0ef99737250f5ba8cf73b07314aa7798a215a37ba54d9ac60fa1c3cf7f91fe";

    fn verify(secret: &str, timestamp: &str, body: &str, signature: &str) -> bool {
        verify_signature(&SecretString::from(secret), timestamp, body.as_bytes(), signature)
    }

    #[test]
    fn the_worked_signatures_are_accepted() {
        assert_eq!((BODY_A.len(), BODY_B.len()), (263, 513));
        assert!(verify(SECRET, TIMESTAMP, BODY_A, SIGNATURE_A));
        assert!(verify(SECRET, TIMESTAMP, BODY_B, SIGNATURE_B));
    }

    #[test]
    fn near_misses_are_rejected() {
        let spaced = BODY_A.replace("\":", "\": ");
        let escaped = BODY_B.replace('é', "\\u00e9");
        let trailing = format!("{BODY_A}\n");
        for (secret, timestamp, body, signature) in [
            (SECRET, "1767225605124", BODY_A, SIGNATURE_A),
            (SECRET, "1767225605123 ", BODY_A, SIGNATURE_A),
            (SECRET, "", BODY_A, SIGNATURE_A),
            (SECRET, TIMESTAMP, BODY_B, SIGNATURE_A),
            (SECRET, TIMESTAMP, spaced.as_str(), SIGNATURE_A),
            (SECRET, TIMESTAMP, escaped.as_str(), SIGNATURE_B),
            (SECRET, TIMESTAMP, trailing.as_str(), SIGNATURE_A),
            (SECRET, TIMESTAMP, "", SIGNATURE_A),
            (SECRET, TIMESTAMP, BODY_A, &SIGNATURE_A.to_uppercase()),
            (SECRET, TIMESTAMP, BODY_A, &SIGNATURE_A[..62]),
            (SECRET, TIMESTAMP, BODY_A, &format!("{SIGNATURE_A}00")),
            (SECRET, TIMESTAMP, BODY_A, &format!("sha256={SIGNATURE_A}")),
            (SECRET, TIMESTAMP, BODY_A, ""),
            ("9f2c41d07b6e4a538c1de0a7f45b8d63", TIMESTAMP, BODY_A, SIGNATURE_A),
            ("", TIMESTAMP, BODY_A, SIGNATURE_A),
        ] {
            assert!(!verify(secret, timestamp, body, signature));
        }
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        // The HMAC of the delivery under the empty key: whoever forgets to set a secret must not accept it.
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        mac.update(format!("[{TIMESTAMP};{BODY_A}]").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        assert!(!verify("", TIMESTAMP, BODY_A, &signature));
    }
}
