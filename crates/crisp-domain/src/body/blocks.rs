//! Questions, cards and system lines.

use serde_json::Value;

use super::{field, label, plain};

/// The question, then its choices, the selected ones marked.
pub(super) fn picker(content: &Value) -> Option<String> {
    let choices = list(content, "choices").filter_map(choice);
    paragraph(field(content, "text").map(str::to_owned).into_iter().chain(choices))
}

/// A choice may also be its label alone.
fn choice(choice: &Value) -> Option<String> {
    let label = plain(choice).or_else(|| label(choice, "label")).or_else(|| label(choice, "value"))?;
    let is_selected = choice.get("selected").and_then(Value::as_bool).unwrap_or(false);
    Some(format!("{} {label}", if is_selected { "[x]" } else { "[ ]" }))
}

/// The question, its explanation, and the answer once there is one.
pub(super) fn field_to_fill(content: &Value) -> Option<String> {
    let question = field(content, "text").map(str::to_owned);
    let explanation = field(content, "explain").map(|explanation| format!("({explanation})"));
    let answer = content.get("value").and_then(plain).map(|answer| format!("Answer: {answer}"));
    paragraph([question, explanation, answer].into_iter().flatten())
}

/// The text, then each card with its buttons.
pub(super) fn carousel(content: &Value) -> Option<String> {
    let cards = list(content, "targets").filter_map(card);
    paragraph(field(content, "text").map(str::to_owned).into_iter().chain(cards))
}

fn card(card: &Value) -> Option<String> {
    let title = match (field(card, "title"), field(card, "description")) {
        (Some(title), Some(description)) => Some(format!("- {title}: {description}")),
        (Some(only), None) | (None, Some(only)) => Some(format!("- {only}")),
        (None, None) => None,
    };
    paragraph(title.into_iter().chain(list(card, "actions").filter_map(action)))
}

fn action(action: &Value) -> Option<String> {
    match (field(action, "label"), field(action, "url")) {
        (Some(label), Some(url)) => Some(format!("  [{label}] {url}")),
        (Some(only), None) | (None, Some(only)) => Some(format!("  [{only}]")),
        (None, None) => None,
    }
}

/// What happened, in words: `state:resolved` is "State resolved".
pub(super) fn event(content: &Value) -> Option<String> {
    let text = field(content, "text").map(str::to_owned);
    match (field(content, "namespace").and_then(in_words), text) {
        (Some(words), Some(text)) => Some(format!("{words}: {text}")),
        (words, text) => words.or(text),
    }
}

fn in_words(namespace: &str) -> Option<String> {
    let words: Vec<&str> =
        namespace.split([':', '_', '-', '.', '/', ' ']).filter(|word| !word.is_empty()).collect();
    let sentence = words.join(" ");
    let mut characters = sentence.chars();
    let first = characters.next()?;
    Some(first.to_uppercase().chain(characters).collect())
}

fn list<'a>(content: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    content.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The lines one below the other; `None` if there is none.
fn paragraph(lines: impl Iterator<Item = String>) -> Option<String> {
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
