//! Any bytes as the body of a web hook: they are read or refused, and what is read reads the same again.
#![no_main]

use crisp_client::hook::{Envelope, Event, request_time_ms, verify_signature};
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

fuzz_target!(|body: &[u8]| {
    let secret = SecretString::from("9f2c41d07b6e4a538c1de0a7f45b8d62");
    let text = String::from_utf8_lossy(body);
    let _ = request_time_ms(&text);
    assert!(!verify_signature(&secret, "1767225605123", body, &text), "a body is not its own signature");
    let Ok(envelope) = Envelope::parse(body) else { return };
    // Without the timestamp: a small one is taken for seconds, and would be again.
    let again = serde_json::json!({
        "website_id": envelope.website_id.to_string(),
        "event": envelope.event,
        "data": envelope.data,
    });
    let envelope = Envelope { timestamp_ms: None, ..envelope };
    assert_eq!(Envelope::read(&again).as_ref(), Ok(&envelope), "what was read reads the same again");
    let event = Event::parse(&envelope);
    assert_eq!(event, Event::parse(&envelope));
    if let Ok(event) = event {
        let _ = (event.session_id(), event.people_id());
        let _ = format!("{event:?}");
    }
});
