//! The help page's troubleshooting as a button.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path};
use crisp_sync::diagnosis::{Check, CheckState, diagnosis};
use uuid::Uuid;

use super::{Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::Of;
use crate::moment::{Moment, counted_rows};
use crate::page::{Section, Shell, page};
use crate::words;

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPage {
    shell: Shell,
    head: Head,
    report: Option<Report>,
}

/// What the checks found.
struct Report {
    at: Moment,
    checks: Vec<Found>,
    verdict: String,
}

struct Found {
    title: String,
    state: &'static str,
    class: &'static str,
    detail: String,
    what_to_do: String,
}

/// The button.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    shown(&state, &caller, id, None).await
}

/// Runs the checks. It changes nothing, but asks Crisp: so it takes a button and not a link.
pub(crate) async fn run(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
) -> Result<Response, Failure> {
    let checks = diagnosis(&state.engine, caller.account, id.into()).await?;
    let in_state = |state| checks.iter().filter(|check| check.state == state).count();
    let (failed, warnings) = (in_state(CheckState::Failed), in_state(CheckState::Warning));
    let found = checks.into_iter().map(Found::from).collect();
    let report = Report { at: Moment(crisp_http::now()), checks: found, verdict: verdict(failed, warnings) };
    shown(&state, &caller, id, Some(report)).await
}

fn verdict(failed: usize, warnings: usize) -> String {
    let warned = counted_rows(warnings, "warning", "warnings");
    match (failed, warnings) {
        (0, 0) => "Everything is fine".to_owned(),
        (0, _) => format!("Nothing failed, {warned}"),
        (_, 0) => format!("{failed} failed"),
        (_, _) => format!("{failed} failed, {warned}"),
    }
}

async fn shown(
    state: &AppState,
    caller: &Caller,
    id: Uuid,
    report: Option<Report>,
) -> Result<Response, Failure> {
    let row = find(state, caller, id).await?;
    let shell = Shell::of(caller, Section::Integrations, format!("Checks · {}", name(&row)));
    Ok(page(&ChecksPage { shell, head: Head::of(&row, Tab::Checks), report }))
}

impl From<Check> for Found {
    fn from(check: Check) -> Self {
        let (state, class) = match check.state {
            CheckState::Ok => ("Fine", "good"),
            CheckState::Warning => ("Warning", "warning"),
            CheckState::Failed => ("Failed", "bad"),
        };
        let title = words::check(check.code);
        Self { title, state, class, detail: check.detail, what_to_do: check.what_to_do }
    }
}
