//! Signatures and headers of web hooks.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::simulator::plugin::Plugin;

/// A hook ready to be sent: headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHook {
    /// All of Crisp's headers.
    pub headers: Vec<(&'static str, String)>,
    /// The raw body; the signature is over its bytes.
    pub body: String,
}

impl SignedHook {
    pub(crate) fn new(plugin: &Plugin, now: i64, body: String) -> Self {
        let timestamp = now.to_string();
        let signature = signature(&plugin.hooks_secret, &timestamp, body.as_bytes());
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", "Crisp-HooksDeliver 1.0 (+https://crisp.chat)".to_owned()),
            ("X-Crisp-Hook-Origin", format!("plugin/rtm {} production", plugin.id)),
            ("X-Crisp-Request-Timestamp", timestamp),
            ("X-Crisp-Signature", signature),
        ];
        Self { headers, body }
    }
}

/// Lower-case hex of HMAC-SHA256 over `[timestamp;body]`.
pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length; the error type is there for other constructions.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [b"[", timestamp.as_bytes(), b";", body, b"]"] {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_examples_hold() {
        let secret = "9f2c41d07b6e4a538c1de0a7f45b8d62";
        let state = r#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"session:set_state","data":{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","session_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234","inbox_id":null,"state":"resolved"},"timestamp":1767225604990}"#;
        let expected = "ef420e9dcb2ad3cc78a27e101278c716681b58a1ca74b75f24d9af0ed0c4adbf";
        assert_eq!(signature(secret, "1767225605123", state.as_bytes()), expected);
        let send = r#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"message:send","data":{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","session_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234","inbox_id":null,"type":"text","from":"user","origin":"chat","content":"Hello, is the \"Pro\" plan / seat billed yearly? é €","stamped":true,"timestamp":1767225604987,"fingerprint":176722560418342,"user":{"nickname":"Ana Example","user_id":"session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234"}},"timestamp":1767225604990}"#;
        let expected = "0b0ef99737250f5ba8cf73b07314aa7798a215a37ba54d9ac60fa1c3cf7f91fe";
        assert_eq!(signature(secret, "1767225605123", send.as_bytes()), expected);
    }
}
