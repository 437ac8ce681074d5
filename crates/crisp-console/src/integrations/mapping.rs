//! The mapping editor: which field of a Crisp profile goes where, tried out on real profiles while one edits.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, Utc};
use crisp_domain::{ContactFields, ImportSettings};
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Problem, Query};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::Refusal;
use crisp_sync::settings::{self, Example};
use serde_json::{Value, json};
use uuid::Uuid;

use super::mapping_form::{self, Row, TARGETS};
use super::{Done, Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::page::{Section, Shell, page, page_with};
use crate::words;

/// The longest example that is shown, in characters.
const LONGEST_EXAMPLE: usize = 40;

#[derive(Template)]
#[template(path = "mapping.html")]
struct MappingPage {
    shell: Shell,
    head: Head,
    rows: Vec<Row>,
    sources: Vec<Source>,
    /// Why no fields of the workspace can be offered.
    sources_missing: Option<String>,
    errors: Vec<String>,
    preview: Option<PreviewPart>,
    targets: [(&'static str, &'static str); 5],
}

/// A field that profiles of this workspace have.
struct Source {
    path: String,
    examples: String,
}

/// What real profiles would become.
#[derive(Template)]
#[template(path = "_preview.html")]
struct PreviewPart {
    profiles: Vec<Previewed>,
    problem: Option<String>,
}

/// One profile as the contact that it would become.
struct Previewed {
    title: String,
    is_new: bool,
    fields: Vec<Field>,
}

/// A field of that contact.
struct Field {
    label: String,
    before: Option<String>,
    after: Option<String>,
}

impl Field {
    fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

impl MappingPage {
    fn example(&self, path: &str) -> &str {
        self.sources.iter().find(|source| source.path == path).map_or("", |source| source.examples.as_str())
    }
}

/// The editor, with what is saved.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(done)): Of<Query<Done>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let saved = settings::shown(&state.engine, &row)?;
    let rows = mapping_form::rows_of(&saved.mapping);
    let preview = previewed(&state, &caller, id, with_mapping(&saved, &rows)).await.0;
    Ok(editor(&state, &caller, &row, &done, Edited { rows, errors: Vec::new(), preview: Some(preview) })
        .await)
}

/// Saves the rows, or shows them again: with what is wrong, with room for more, or with what profiles would become.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let saved = settings::shown(&state.engine, &row)?;
    let mut rows = mapping_form::sent(&form);
    let wanted = with_mapping(&saved, &rows);
    if form.text("action") != "save" {
        let (preview, invalid) = previewed(&state, &caller, id, wanted).await;
        let errors = mapping_form::put_errors(&mut rows, &invalid);
        let edited = Edited { rows, errors, preview: Some(preview) };
        return Ok(editor(&state, &caller, &row, &Done::default(), edited).await);
    }
    match settings::put(&state.engine, caller.account, id.into(), &caller.subject, wanted).await {
        Ok(_) => {
            let next =
                if Head::of(&row, Tab::Mapping).step.is_some() { "import" } else { "mapping?done=mapping" };
            Ok(Redirect::to(&format!("/integrations/{id}/{next}")).into_response())
        }
        Err(Refusal::Invalid(invalid)) => {
            let errors = mapping_form::put_errors(&mut rows, &invalid);
            let edited = Edited { rows, errors, preview: None };
            Ok(editor(&state, &caller, &row, &Done::default(), edited).await)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The preview alone, while somebody edits.
pub(crate) async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let saved = settings::shown(&state.engine, &row)?;
    let rows = mapping_form::sent(&form);
    Ok(page(&previewed(&state, &caller, id, with_mapping(&saved, &rows)).await.0))
}

/// The editor's content.
struct Edited {
    rows: Vec<Row>,
    errors: Vec<String>,
    preview: Option<PreviewPart>,
}

async fn editor(
    state: &AppState,
    caller: &Caller,
    row: &IntegrationRow,
    done: &Done,
    edited: Edited,
) -> Response {
    let found = settings::source_fields(&state.engine, caller.account, row.integration_id()).await;
    let (sources, sources_missing) = match found {
        Ok(examples) => (examples.into_iter().map(Source::from).collect(), None),
        Err(refusal) => (Vec::new(), Some(Problem::from(refusal).detail().to_owned())),
    };
    let Edited { rows, errors, preview } = edited;
    let wrong = !errors.is_empty() || rows.iter().any(|row| !row.errors.is_empty());
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let title = format!("Attribute mapping · {}", name(row));
    let page = MappingPage {
        shell: Shell::of(caller, Section::Integrations, title).noting(done.notice()),
        head: Head::of(row, Tab::Mapping),
        rows,
        sources,
        sources_missing,
        errors,
        preview,
        targets: TARGETS,
    };
    page_with(status, &page)
}

fn with_mapping(settings: &ImportSettings, rows: &[Row]) -> Value {
    let mut whole = serde_json::to_value(settings).unwrap_or_else(|_| json!({}));
    if let Some(fields) = whole.as_object_mut() {
        fields.insert("mapping".to_owned(), mapping_form::mapping_of(rows));
    }
    whole
}

/// What profiles would become, and what is wrong with the rows where they cannot be tried.
async fn previewed(
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

impl From<Example> for Source {
    fn from(example: Example) -> Self {
        let shown: Vec<String> = example.examples.iter().take(2).map(short).collect();
        Self { path: example.path, examples: shown.join(" · ") }
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
        Self { title, is_new: preview.contact.is_none(), fields: fields(before, after) }
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
        before: before.attributes.get(name).map(short),
        after: after.attributes.get(name).map(short),
    }));
    fields.retain(|field| field.before.is_some() || field.after.is_some());
    fields
}

fn standard(fields: &ContactFields) -> [(&'static str, Option<String>); 4] {
    let signed_up = fields.signed_up_at.map(|at| at.format("%-d %b %Y").to_string());
    [
        ("Email", fields.email.clone()),
        ("Name", fields.name.clone()),
        ("Phone", fields.phone.clone()),
        ("Signed up at", signed_up),
    ]
}

/// A value as text, shortened.
fn short(value: &Value) -> String {
    let text = day(value).unwrap_or_else(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    if text.chars().count() <= LONGEST_EXAMPLE {
        return text;
    }
    text.chars().take(LONGEST_EXAMPLE).chain(['…']).collect()
}

/// The day of a value that is a time: one of ours, or milliseconds as Crisp writes them.
fn day(value: &Value) -> Option<String> {
    let plausible = |millis: &i64| (1_000_000_000_000..4_000_000_000_000).contains(millis);
    let crisp = value.as_i64().filter(plausible).and_then(DateTime::from_timestamp_millis);
    let ours =
        value.as_str().filter(|text| text.contains('T')).and_then(|text| text.parse::<DateTime<Utc>>().ok());
    Some(crisp.or(ours)?.format("%-d %b %Y, %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_one_and_other_figures_are_left_alone() {
        assert_eq!(short(&json!(1_767_225_600_000_i64)), "1 Jan 2026, 00:00 UTC");
        assert_eq!(short(&json!("2026-01-01T00:00:00.000Z")), "1 Jan 2026, 00:00 UTC");
        assert_eq!(short(&json!(42)), "42");
        assert_eq!(short(&json!("x".repeat(50))).chars().count(), LONGEST_EXAMPLE + 1);
    }
}
