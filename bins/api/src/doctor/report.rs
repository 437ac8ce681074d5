//! What was checked, and what came of it.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Failed,
}

/// One check.
#[derive(Debug)]
struct Check {
    what: &'static str,
    state: State,
    detail: String,
    what_to_do: String,
}

/// All checks, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Check>);

impl Report {
    pub(super) fn ok(&mut self, what: &'static str, detail: impl Into<String>) {
        self.add(what, State::Ok, detail, "");
    }

    pub(super) fn warn(
        &mut self,
        what: &'static str,
        detail: impl Into<String>,
        what_to_do: impl Into<String>,
    ) {
        self.add(what, State::Warning, detail, what_to_do);
    }

    pub(super) fn fail(
        &mut self,
        what: &'static str,
        detail: impl Into<String>,
        what_to_do: impl Into<String>,
    ) {
        self.add(what, State::Failed, detail, what_to_do);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.iter().any(|check| check.state == State::Failed)
    }

    fn add(
        &mut self,
        what: &'static str,
        state: State,
        detail: impl Into<String>,
        what_to_do: impl Into<String>,
    ) {
        self.0.push(Check { what, state, detail: detail.into(), what_to_do: what_to_do.into() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["", "check", "what is so", "what to do"]);
        for Check { what, state, detail, what_to_do } in &self.0 {
            let state = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "FAILED",
            };
            table.add_row([state, what, detail, what_to_do]);
        }
        write!(out, "{table}")
    }
}
