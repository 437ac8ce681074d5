//! Any JSON as a record of a list: it is read or listed with the reason, and keeps its raw form.
#![no_main]

use crisp_client::hook::Envelope;
use crisp_client::{Conversation, Message, Operator, Profile, Wire};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    // The way into the crate's own reading of bytes (mended text, bounded depth) is a hook's `data`.
    let mut body = br#"{"website_id":"3b1d6f0e-52c7-4f0a-9a58-1e7c0d4b9a21","event":"x","data":"#.to_vec();
    body.extend_from_slice(bytes);
    body.push(b'}');
    let Ok(envelope) = Envelope::parse(&body) else { return };
    read::<Profile>(&envelope.data, |profile| &profile.raw);
    read::<Conversation>(&envelope.data, |conversation| &conversation.raw);
    read::<Message>(&envelope.data, |message| &message.raw);
    let _ = Operator::read(envelope.data).map(|operator| operator.display_name());
});

fn read<T: Wire + std::fmt::Debug>(raw: &Value, kept: fn(&T) -> &Value) {
    match T::read(raw.clone()) {
        Ok(record) => {
            assert_eq!(kept(&record), raw);
            let _ = format!("{record:?}");
        }
        Err(odd) => assert!(odd.identity.is_none_or(|identity| identity.chars().count() <= 200)),
    }
}
