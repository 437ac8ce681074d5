//! What real profiles would become by the rows of the mapping editor.

use std::fmt;

use askama::Template;
use askama::filters::{Html, HtmlSafe, escape};
use chrono::{DateTime, Utc};
use crisp_domain::ContactFields;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Problem};
use crisp_sync::{Refusal, settings};
use serde_json::Value;
use uuid::Uuid;

use crate::moment::Moment;
use crate::words;

/// The longest example that is shown, in characters.
const LONGEST_EXAMPLE: usize = 40;

/// What real profiles would become.
#[derive(Template)]
#[template(path = "_preview.html")]
pub(super) struct PreviewPart {
    profiles: Vec<Previewed>,
    problem: Option<String>,
}

/// One profile as the contact that it would become.
struct Previewed {
    title: String,
    is_new: bool,
    /// What would be another, first; of a new contact everything.
    changes: Vec<Field>,
    /// What would stay as it is.
    same: Vec<Field>,
}

/// A field of that contact.
struct Field {
    label: String,
    before: Option<Shown>,
    after: Option<Shown>,
}

/// A value: a time, for the viewer's own zone, or text.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Time(Moment),
    Text(String),
}

impl Field {
    fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// A time is markup of ours; text is escaped like any other.
impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(moment) => moment.fmt(out),
            Self::Text(text) => {
                let Ok(escaped) = escape(text, Html);
                escaped.fmt(out)
            }
        }
    }
}

impl HtmlSafe for Shown {}

/// What profiles would become, and what is wrong with the rows where they cannot be tried.
pub(super) async fn previewed(
    state: &AppState,
    caller: &Caller,
    id: Uuid,
    wanted: Value,
) -> (PreviewPart, Vec<crisp_domain::FieldError>) {
    let problem = |words: String| PreviewPart { profiles: Vec::new(), problem: Some(words) };
    match settings::preview(&state.engine, caller.account, id.into(), wanted).await {
        Ok(previews) => (
            PreviewPart { profiles: previews.iter().map(Previewed::of).collect(), problem: None },
            Vec::new(),
        ),
        Err(Refusal::Invalid(errors)) => {
            let words = "Some rows are not right yet: the preview comes back once they are.";
            (problem(words.to_owned()), errors)
        }
        Err(refusal) => (problem(Problem::from(refusal).detail().to_owned()), Vec::new()),
    }
}

impl Previewed {
    fn of(preview: &settings::Preview) -> Self {
        let (before, after) = (&preview.before, &preview.after);
        let title = after
            .name
            .clone()
            .or_else(|| after.email.clone())
            .unwrap_or_else(|| "Nameless profile".to_owned());
        let (changes, same) = fields(before, after).into_iter().partition(Field::is_changed);
        Self { title, is_new: preview.contact.is_none(), changes, same }
    }
}

fn fields(before: &ContactFields, after: &ContactFields) -> Vec<Field> {
    let mut fields: Vec<Field> = standard(before)
        .into_iter()
        .zip(standard(after))
        .map(|((label, before), (_, after))| Field { label: label.to_owned(), before, after })
        .collect();
    let names = before
        .attributes
        .keys()
        .chain(after.attributes.keys().filter(|name| !before.attributes.contains_key(*name)));
    fields.extend(names.map(|name| Field {
        label: words::field(name),
        before: before.attributes.get(name).map(shown),
        after: after.attributes.get(name).map(shown),
    }));
    fields.retain(|field| field.before.is_some() || field.after.is_some());
    fields
}

fn standard(fields: &ContactFields) -> [(&'static str, Option<Shown>); 4] {
    let text = |text: &Option<String>| text.clone().map(Shown::Text);
    [
        ("Email", text(&fields.email)),
        ("Name", text(&fields.name)),
        ("Phone", text(&fields.phone)),
        ("Signed up at", fields.signed_up_at.map(|at| Shown::Time(Moment(at)))),
    ]
}

fn shown(value: &Value) -> Shown {
    time(value).map_or_else(|| Shown::Text(short(value)), |at| Shown::Time(Moment(at)))
}

/// A value as text, shortened.
pub(super) fn short(value: &Value) -> String {
    let day = time(value).map(|at| at.format("%-d %b %Y, %H:%M UTC").to_string());
    let text = day.unwrap_or_else(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    if text.chars().count() <= LONGEST_EXAMPLE {
        return text;
    }
    text.chars().take(LONGEST_EXAMPLE).chain(['…']).collect()
}

/// The time in a value that is one: one of ours, or milliseconds as Crisp writes them.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let plausible = |millis: &i64| (1_000_000_000_000..4_000_000_000_000).contains(millis);
    let crisp = value.as_i64().filter(plausible).and_then(DateTime::from_timestamp_millis);
    let ours =
        value.as_str().filter(|text| text.contains('T')).and_then(|text| text.parse::<DateTime<Utc>>().ok());
    crisp.or(ours)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_shown_as_one_and_other_figures_are_left_alone() {
        assert_eq!(short(&json!(1_767_225_600_000_i64)), "1 Jan 2026, 00:00 UTC");
        assert_eq!(short(&json!("2026-01-01T00:00:00.000Z")), "1 Jan 2026, 00:00 UTC");
        assert_eq!(short(&json!(42)), "42");
        assert_eq!(shown(&json!("<b>")).to_string(), "&#60;b&#62;");
        assert_eq!(short(&json!("x".repeat(50))).chars().count(), LONGEST_EXAMPLE + 1);
    }
}
