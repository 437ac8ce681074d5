//! The mapping editor: which field of a Crisp profile goes where, tried out on real profiles while one edits.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_domain::ImportSettings;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Problem, Query};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::Refusal;
use crisp_sync::settings::{self, Example};
use serde_json::{Value, json};
use uuid::Uuid;

use super::mapping_form::{self, Row, TARGETS};
use super::mapping_preview::{PreviewPart, previewed, short};
use super::{Done, Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::page::{Section, Shell, page, page_with};
use crate::words;

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
    /// What a script adds where more room is wanted.
    blank: Row,
}

/// A field that profiles of this workspace have.
struct Source {
    path: String,
    name: String,
    examples: String,
}

impl MappingPage {
    fn example(&self, path: &str) -> String {
        let source = self.sources.iter().find(|source| source.path == path && !source.examples.is_empty());
        source.map(|source| format!("e.g. {}", source.examples)).unwrap_or_default()
    }

    fn has_wrong_row(&self) -> bool {
        self.rows.iter().any(|row| !row.errors.is_empty())
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
        blank: Row::blank(),
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

impl From<Example> for Source {
    fn from(example: Example) -> Self {
        let shown: Vec<String> = example.examples.iter().take(2).map(short).collect();
        Self { name: words::source(&example.path), path: example.path, examples: shown.join(" · ") }
    }
}
