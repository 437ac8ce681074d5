//! Messages as the lines of a thread.

use chrono::TimeDelta;
use crisp_storage::views::messages::MessageView;
use serde_json::Value;
use url::Url;

use crate::moment::{Moment, day};
use crate::words;

/// What comes within this from the same voice needs no name again.
const SOON_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A line of the thread.
pub(super) struct Entry {
    /// `inbound`, `outbound`, `note` or `event`.
    pub(super) class: &'static str,
    pub(super) sender: String,
    /// Who speaks, for those who do not see which side it stands on.
    pub(super) side: &'static str,
    /// Whether it goes on from the line before: the same voice, soon after.
    pub(super) continues: bool,
    pub(super) sent_at: Moment,
    /// Set where a day begins.
    pub(super) day: Option<String>,
    pub(super) body: Option<String>,
    /// What kind of message it is, where that is not plain text.
    pub(super) kind: Option<String>,
    pub(super) links: Vec<Link>,
    pub(super) edited_at: Option<Moment>,
    pub(super) removed_at: Option<Moment>,
}

/// A file, a recording or another address in a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) words: String,
    pub(super) href: String,
}

/// The lines of a page of messages, the oldest first.
pub(super) fn entries(messages: Vec<MessageView>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(messages.len());
    for message in messages {
        let entry = entry(message, entries.last());
        entries.push(entry);
    }
    entries
}

fn entry(message: MessageView, before: Option<&Entry>) -> Entry {
    let begins = before.is_none_or(|before| before.sent_at.0.date_naive() != message.sent_at.date_naive());
    let class = class(&message);
    let removed = message.removed_at.is_some();
    let kind = message.kind.as_deref().filter(|kind| !matches!(*kind, "text" | "note" | "event"));
    let links = if removed { Vec::new() } else { message.content.as_ref().map(links).unwrap_or_default() };
    let sender = sender(&message, class);
    let continues = before.is_some_and(|before| {
        (before.class, &before.sender) == (class, &sender)
            && !begins
            && message.sent_at - before.sent_at.0 < SOON_AFTER
            && class != "event"
    });
    Entry {
        class,
        side: side(class),
        continues,
        sender,
        sent_at: Moment(message.sent_at),
        day: begins.then(|| day(message.sent_at)),
        kind: kind.map(words::field).filter(|_| !removed),
        body: message.body.filter(|_| !removed).map(|body| without_addresses(&body, &links)),
        links,
        edited_at: message.edited_at.map(Moment),
        removed_at: message.removed_at.map(Moment),
    }
}

fn class(message: &MessageView) -> &'static str {
    match (message.kind.as_deref(), message.internal, message.direction.as_deref()) {
        (Some("event"), _, _) => "event",
        (_, true, _) => "note",
        (_, false, Some("outbound")) => "outbound",
        (_, false, _) => "inbound",
    }
}

fn side(class: &str) -> &'static str {
    match class {
        "inbound" => "From the visitor:",
        "outbound" => "Our reply:",
        _ => "",
    }
}

/// A line that is nothing but an address is left out where a link leads there.
fn without_addresses(body: &str, links: &[Link]) -> String {
    let is_linked = |line: &str| {
        line.trim().parse::<Url>().is_ok_and(|url| links.iter().any(|link| link.href == url.as_str()))
    };
    body.lines().filter(|line| !is_linked(line)).collect::<Vec<_>>().join("\n")
}

fn sender(message: &MessageView, class: &str) -> String {
    let unnamed = match class {
        "inbound" => "Visitor",
        "outbound" => "Support",
        _ => "Crisp",
    };
    message.sender_name.clone().unwrap_or_else(|| unnamed.to_owned())
}

/// The addresses in a message's content: of a file, an animation, a recording, or a carousel's pages.
fn links(content: &Value) -> Vec<Link> {
    let own = link(content, "name", "Open the file");
    let targets = content.get("targets").and_then(Value::as_array).into_iter().flatten();
    let actions = targets.filter_map(|target| target.get("actions").and_then(Value::as_array)).flatten();
    own.into_iter().chain(actions.filter_map(|action| link(action, "label", "Open"))).collect()
}

/// Only the web: an address with a script in it is no address to us.
fn link(part: &Value, name: &str, unnamed: &str) -> Option<Link> {
    let url = part.get("url").and_then(Value::as_str)?.parse::<Url>().ok()?;
    let words =
        part.get(name).and_then(Value::as_str).filter(|words| !words.trim().is_empty()).unwrap_or(unnamed);
    matches!(url.scheme(), "http" | "https").then(|| Link { words: words.to_owned(), href: url.into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_addresses_on_the_web_become_links() {
        assert_eq!(links(&json!({"url": "javascript:alert(1)", "name": "x"})), []);
        assert_eq!(links(&json!({"url": "data:text/html,x"})), []);
        assert_eq!(links(&json!("text")), []);
        let file = links(&json!({"url": "https://storage.crisp.chat/a b.pdf", "name": "a b.pdf"}));
        assert_eq!(
            file,
            [Link { words: "a b.pdf".into(), href: "https://storage.crisp.chat/a%20b.pdf".into() }]
        );
        assert_eq!(
            without_addresses("File: a b.pdf\nhttps://storage.crisp.chat/a b.pdf", &file),
            "File: a b.pdf"
        );
        assert_eq!(
            without_addresses("see https://storage.crisp.chat/a", &file),
            "see https://storage.crisp.chat/a"
        );
        let carousel = json!({"targets": [{"actions": [{"label": "Docs", "url": "https://example.com/"}]}]});
        assert_eq!(links(&carousel)[0].words, "Docs");
    }
}
