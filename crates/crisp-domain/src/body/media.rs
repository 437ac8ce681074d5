//! Files, moving pictures and voice messages: what it is, then where it is.

use serde_json::Value;

use super::field;

/// `File: quote.pdf (application/pdf)` and the address.
pub(super) fn file(content: &Value) -> Option<String> {
    let url = field(content, "url");
    let name = field(content, "name").or_else(|| last_segment(url?));
    if name.is_none() && url.is_none() {
        return None;
    }
    let name = name.map_or_else(|| "File".to_owned(), |name| format!("File: {name}"));
    let kind = field(content, "type").map(|kind| format!(" ({kind})")).unwrap_or_default();
    Some(with_address(format!("{name}{kind}"), url))
}

/// `Animation` and the address.
pub(super) fn animation(content: &Value) -> Option<String> {
    let url = field(content, "url")?;
    Some(with_address("Animation".to_owned(), Some(url)))
}

/// `Voice message, 1:05` and the address.
pub(super) fn audio(content: &Value) -> Option<String> {
    let url = field(content, "url");
    let duration = content.get("duration").and_then(duration);
    if url.is_none() && duration.is_none() {
        return None;
    }
    let duration = duration.map(|duration| format!(", {duration}")).unwrap_or_default();
    Some(with_address(format!("Voice message{duration}"), url))
}

fn with_address(title: String, url: Option<&str>) -> String {
    match url {
        Some(url) => format!("{title}\n{url}"),
        None => title,
    }
}

/// The name at the end of an address, without its query.
fn last_segment(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    path.rsplit('/').next().filter(|name| name.contains('.'))
}

/// Seconds, as a number or as its digits, in minutes and seconds.
fn duration(value: &Value) -> Option<String> {
    const LONGEST_SECONDS: f64 = 86_400.0;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let seconds = number.filter(|seconds| (0.0..=LONGEST_SECONDS).contains(seconds))?;
    let seconds: u32 = format!("{seconds:.0}").parse().ok()?;
    Some(format!("{}:{:02}", seconds / 60, seconds % 60))
}
