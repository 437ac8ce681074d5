//! `api doctor`: what an operator would check one by one, with what to do about each.

use std::io::Write as _;
use std::process::ExitCode;

use crisp_settings::{Refused, SettingsArgs};

mod crisp;
mod database;
mod report;
mod settings;

use report::Report;
use settings::Resolved;

/// Checks everything; the exit code is 0 if nothing failed, 2 if a setting is refused, else 1.
pub(crate) async fn run(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let resolved = Resolved::of(args, &mut report);
    let refused = report.has_failed();
    if let Some(stored) = database::check(&resolved, &mut report).await {
        crisp::check(&resolved, &stored, &mut report).await;
    }
    writeln!(std::io::stdout(), "{report}")?;
    Ok(match (refused, report.has_failed()) {
        (true, _) => ExitCode::from(Refused::EXIT_CODE),
        (false, true) => ExitCode::FAILURE,
        (false, false) => ExitCode::SUCCESS,
    })
}
