//! What is imported, how far back, and how often.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_domain::{FieldError, ImportSettings};
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Query};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::{Refusal, settings};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Done, Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::{Form, Of};
use crate::moment::counted;
use crate::page::{Section, Shell, page_with};

/// How far back people usually want to look, in days.
const BACKFILLS: [(&str, &str); 5] =
    [("30", "30 days"), ("90", "3 months"), ("365", "1 year"), ("1095", "3 years"), ("", "Everything")];
/// How often people usually want an update, in seconds.
const SCHEDULES: [(&str, &str); 5] = [
    ("300", "5 minutes"),
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("21600", "6 hours"),
    ("86400", "1 day"),
];

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    shell: Shell,
    head: Head,
    fields: Fields,
    backfills: Vec<Choice>,
    schedules: Vec<Choice>,
    errors: Vec<FieldError>,
}

/// What stands in the form, right or wrong.
#[expect(clippy::struct_excessive_bools, reason = "they are the four switches of the form, each named")]
struct Fields {
    import_people: bool,
    import_conversations: bool,
    include_notes: bool,
    redact: bool,
    /// A preset, or `custom`.
    backfill: String,
    backfill_days: String,
    schedule: String,
    interval_minutes: String,
}

/// One preset, or what is saved and is none.
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

impl SettingsPage {
    fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }
}

impl Fields {
    fn of(settings: &ImportSettings) -> Self {
        let days = settings.backfill_days.map(|days| days.to_string()).unwrap_or_default();
        let seconds = settings.incremental_interval_seconds.unwrap_or_default();
        let is_preset =
            |presets: &[(&str, &str)], value: &str| presets.iter().any(|(preset, _)| *preset == value);
        Self {
            import_people: settings.import_people,
            import_conversations: settings.import_conversations,
            include_notes: settings.include_notes,
            redact: settings.redact,
            backfill: if is_preset(&BACKFILLS, &days) { days.clone() } else { "custom".to_owned() },
            backfill_days: days,
            // What is no whole number of minutes was set elsewhere, and stays what it is.
            schedule: if is_preset(&SCHEDULES, &seconds.to_string()) || !seconds.is_multiple_of(60) {
                seconds.to_string()
            } else {
                "custom".to_owned()
            },
            interval_minutes: minutes(seconds),
        }
    }

    fn sent(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            import_people: form.is_ticked("import_people"),
            import_conversations: form.is_ticked("import_conversations"),
            include_notes: form.is_ticked("include_notes"),
            redact: form.is_ticked("redact"),
            backfill: text("backfill"),
            backfill_days: text("backfill_days"),
            schedule: text("schedule"),
            interval_minutes: text("interval_minutes"),
        }
    }

    /// The whole settings object with these fields in it: it is validated whole, below.
    fn put_into(&self, settings: &ImportSettings) -> Value {
        let days = if self.backfill == "custom" { &self.backfill_days } else { &self.backfill };
        let seconds = match self.schedule.as_str() {
            "custom" => {
                self.interval_minutes.parse::<u64>().map(|minutes| json!(minutes.saturating_mul(60))).ok()
            }
            preset => Some(number(preset)),
        };
        json!({
            "import_people": self.import_people,
            "import_conversations": self.import_conversations,
            "include_notes": self.include_notes,
            "redact": self.redact,
            "backfill_days": if self.backfill == "custom" && days.is_empty() { json!("") } else { number(days) },
            "incremental_interval_seconds": seconds.unwrap_or_else(|| json!("")),
            "mapping": settings.mapping,
        })
    }
}

fn minutes(seconds: u32) -> String {
    if seconds == 0 { String::new() } else { seconds.div_ceil(60).to_string() }
}

/// A number as JSON; nothing is null, and what is no number stays text, so that it is refused at its field.
fn number(text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(number) => json!(number),
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => json!(text),
    }
}

fn choices(presets: &[(&'static str, &'static str)], chosen: &str) -> Vec<Choice> {
    let choice = |(value, words): &(&str, &str)| Choice {
        value: (*value).to_owned(),
        words: (*words).to_owned(),
        chosen: *value == chosen,
    };
    presets.iter().map(choice).collect()
}

/// The presets of the schedule, and the saved one where it is neither of them nor a whole number of minutes.
fn schedules(chosen: &str) -> Vec<Choice> {
    let mut all = choices(&SCHEDULES, chosen);
    if let Ok(seconds) = chosen.parse::<i64>()
        && !all.iter().any(|choice| choice.chosen)
    {
        let words = counted(seconds, "second", "seconds");
        all.insert(0, Choice { value: chosen.to_owned(), words, chosen: true });
    }
    all
}

fn show_form(
    caller: &Caller,
    row: &IntegrationRow,
    done: &Done,
    fields: Fields,
    errors: Vec<FieldError>,
) -> Response {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let title = format!("Import settings · {}", name(row));
    let page = SettingsPage {
        shell: Shell::of(caller, Section::Integrations, title).noting(done.notice()),
        head: Head::of(row, Tab::Settings),
        backfills: choices(&BACKFILLS, &fields.backfill),
        schedules: schedules(&fields.schedule),
        fields,
        errors,
    };
    page_with(status, &page)
}

/// The form, with what is saved.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(done)): Of<Query<Done>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let saved = settings::shown(&state.engine, &row)?;
    Ok(show_form(&caller, &row, &done, Fields::of(&saved), Vec::new()))
}

/// Saves the form, or shows it again with what is wrong at each field.
pub(crate) async fn save(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    form: Form,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let saved = settings::shown(&state.engine, &row)?;
    let fields = Fields::sent(&form);
    let wanted = fields.put_into(&saved);
    match settings::put(&state.engine, caller.account, id.into(), &caller.subject, wanted).await {
        Ok(_) => {
            let next = if Head::of(&row, Tab::Settings).step.is_some() {
                "mapping"
            } else {
                "settings?done=settings"
            };
            Ok(Redirect::to(&format!("/integrations/{id}/{next}")).into_response())
        }
        Err(Refusal::Invalid(errors)) => Ok(show_form(&caller, &row, &Done::default(), fields, errors)),
        Err(refusal) => Err(refusal.into()),
    }
}
