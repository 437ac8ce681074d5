//! Crisp's envelope, and the records in it, each read by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use crate::decode::{Flaw, lenient, parse, reason, shortened};
use crate::mend::mend;
use crate::page::{Record, Unreadable, Wire, mistyped};

/// What every answer of Crisp is wrapped in.
#[derive(Default)]
pub(in crate::client) struct Envelope {
    pub(in crate::client) error: bool,
    /// A machine word such as `not_subscribed`; anything that does not look like one is dropped.
    pub(in crate::client) reason: Option<String>,
    pub(in crate::client) data: Option<Box<RawValue>>,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the data: they are people's.
        f.debug_struct("Envelope")
            .field("error", &self.error)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Reads the envelope and leaves `data` untouched.
pub(in crate::client) fn envelope(body: &[u8]) -> Result<Envelope, Flaw> {
    let mut fields: BTreeMap<String, Box<RawValue>> = parse(&mend(body))?;
    let word = fields.get("reason").and_then(|reason| serde_json::from_str::<String>(reason.get()).ok());
    Ok(Envelope {
        error: fields.get("error").is_some_and(|error| error.get() == "true"),
        reason: word.filter(|word| is_word(word)),
        data: fields.remove("data"),
    })
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// The records of a list, what was lost of some, and which fields are of another type than Crisp's.
pub(in crate::client) struct Listed<T> {
    pub(in crate::client) records: Vec<Record<T>>,
    pub(in crate::client) damaged: Vec<Unreadable>,
    pub(in crate::client) mistyped: Vec<Unreadable>,
}

/// Reads the records of a list, each by itself.
pub(in crate::client) fn records<T: Wire>(list: &RawValue) -> Result<Listed<T>, Flaw> {
    let rows: Vec<&RawValue> = parse(list.get())?;
    let capacity = rows.len();
    let mut page =
        Listed { records: Vec::with_capacity(capacity), damaged: Vec::new(), mistyped: Vec::new() };
    for row in rows {
        let read = salvaged(row);
        if read.record.is_ok() {
            page.damaged.extend(read.damaged);
            page.mistyped.extend(read.mistyped);
        }
        page.records.push(read.record);
    }
    Ok(page)
}

/// Reads one record.
pub(in crate::client) fn record<T: Wire>(raw: &RawValue) -> Record<T> {
    salvaged(raw).record
}

/// A record, and what is odd about it.
struct Read<T> {
    record: Record<T>,
    damaged: Option<Unreadable>,
    mistyped: Option<Unreadable>,
}

/// Reads one record, and says what had to be left out.
fn salvaged<T: Wire>(raw: &RawValue) -> Read<T> {
    let name = || identity(raw, T::IDENTITY);
    let flawed =
        |flaw: Flaw| Unreadable { identity: name(), detail: reason(&flaw.cause).to_owned(), path: flaw.path };
    match lenient(raw.get()) {
        Err(flaw) => Read { record: Err(flawed(flaw)), damaged: None, mistyped: None },
        Ok((value, flaw)) => {
            let odd = mistyped::<T>(&value);
            let named = |odd: Unreadable| Unreadable { identity: odd.identity.or_else(name), ..odd };
            Read {
                record: T::read(value).map_err(named),
                damaged: flaw.map(flawed),
                mistyped: odd.map(|(path, detail)| Unreadable { identity: name(), path, detail }),
            }
        }
    }
}

/// Finds the id of a record that cannot be read as a whole, without reading what surrounds it.
fn identity(raw: &RawValue, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(raw.to_owned(), |inner, key| {
        serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(inner.get()).ok()?.remove(key)
    })?;
    let text = serde_json::from_str::<String>(found.get()).ok();
    let number = || found.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    text.or_else(|| number().then(|| found.get().to_owned()))
        .filter(|id| !id.trim().is_empty())
        .map(|id| shortened(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversations::Conversation;
    use crate::messages::Message;
    use crate::operators::Operator;
    use crate::people::Profile;

    fn listed<T: Wire>(json: &str) -> Listed<T> {
        records(&RawValue::from_string(mend(json.as_bytes()).into_owned()).unwrap()).unwrap()
    }

    fn list<T: Wire>(json: &str) -> Vec<Record<T>> {
        listed(json).records
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn one_odd_record_never_costs_the_others_and_one_odd_field_not_its_record() {
        let deep = nested(100_000);
        let page = listed::<Profile>(&format!(
            r#"[{{"people_id":"A"}},{{"people_id":"B","score":1e400,"email":"b@x.example"}},{{"people_id":"C","x":{deep}}},7,null,{{"people_id":9}},{{"people_id":[]}}]"#
        ));
        let read: Vec<_> = page.records.iter().flatten().map(|p| p.people_id.as_str()).collect();
        assert_eq!(read, ["A", "B", "C", "9"]);
        assert_eq!(page.records[1].as_ref().unwrap().email.as_deref(), Some("b@x.example"));
        assert_eq!(page.damaged[0].identity.as_deref(), Some("B"));
        assert_eq!(
            (page.damaged[0].path.as_str(), page.damaged[0].detail.as_str()),
            ("score", "a number out of range")
        );
        assert_eq!(
            (page.damaged[1].identity.as_deref(), page.damaged[1].detail.as_str()),
            (Some("C"), "nested too deeply")
        );
        assert!(page.damaged[1].path.starts_with("x[0][0]") && page.damaged[1].path.len() <= 200);
        let odd: Vec<_> = page.records.into_iter().filter_map(Result::err).collect();
        assert_eq!(odd.len(), 3);
        assert_eq!((odd[0].identity.as_deref(), odd[0].path.as_str()), (None, "people_id"));
    }

    #[test]
    fn the_identity_is_found_wherever_it_stands() {
        let conversation =
            listed::<Conversation>(r#"[{"meta":{"data":{"n":1e400}},"session_id":"S"}]"#).damaged.remove(0);
        assert_eq!(
            (conversation.identity.as_deref(), conversation.path.as_str()),
            (Some("S"), "meta.data.n")
        );
        let operator =
            listed::<Operator>(r#"[{"details":{"user_id":"OP","n":[0,1e999]}}]"#).damaged.remove(0);
        assert_eq!((operator.identity.as_deref(), operator.path.as_str()), (Some("OP"), "details.n[1]"));
        let message = list::<Message>(r#"[{"fingerprint":1e400}]"#).remove(0).unwrap_err();
        assert_eq!(message.identity.as_deref(), Some("1e400"));
    }

    #[test]
    fn a_field_of_another_type_is_told_and_the_rest_is_read() {
        let page = listed::<Profile>(
            r#"[{"people_id":"A","email":["a@b.example"],"person":{"nickname":"Ana"}},{"people_id":"B","company":"text"},
                {"people_id":"C","email":"","person":null,"active":{"last":0},"created_at":"1767225600000"},
                {"people_id":"D","created_at":"yesterday"}]"#,
        );
        assert_eq!(page.records[0].as_ref().unwrap().nickname.as_deref(), Some("Ana"));
        let odd: Vec<_> =
            page.mistyped.iter().map(|odd| (odd.identity.as_deref(), odd.path.as_str())).collect();
        assert_eq!(odd, [(Some("A"), "email"), (Some("B"), "company"), (Some("D"), "created_at")]);
        assert_eq!(page.mistyped[0].detail, "a list where text is expected");
    }

    #[test]
    fn a_remark_never_repeats_the_value() {
        let odd =
            list::<Profile>(r#"[{"email":"ana@northwind.example","people_id":["ana@northwind.example"]}]"#)
                .remove(0);
        assert!(!format!("{:?}", odd.unwrap_err()).contains("ana"));
    }

    #[test]
    fn an_envelope_is_read_whatever_its_fields_are() {
        let plain = envelope(br#"{"error":true,"reason":"not_subscribed","data":{}}"#).unwrap();
        assert!(plain.error);
        assert_eq!(plain.reason.as_deref(), Some("not_subscribed"));
        let odd = envelope(br#"{"error":0,"reason":"Dear ana@northwind.example","extra":[]}"#).unwrap();
        assert!(!odd.error && odd.reason.is_none() && odd.data.is_none());
        assert!(envelope(b"<html>").is_err());
        assert!(envelope(br#"{"data":[1,2"#).unwrap_err().cause.is_eof());
    }
}
