//! The order of events.

use std::io::Write as _;
use std::process::ExitCode;

use crisp_settings::process;
use tokio_util::sync::CancellationToken;

use crate::command_line::CommandLine;
use crate::connect;
use crate::farewell;
use crate::import::{self, Imported};
use crate::stage::Stage;
use crate::{directory, trickle};

/// Plays it, and clears up however it ends.
pub(crate) async fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    line.logging.resolve()?.init()?;
    let asked_to_stop = process::stop_on_signal()?;
    let Some(stage) = asked_to_stop.run_until_cancelled(Stage::set(&line)).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let stage = stage?;
    let played = asked_to_stop.run_until_cancelled(play(&stage, &line, &asked_to_stop)).await;
    stage.clear().await;
    // Stopped by somebody: that is how a demo ends.
    played.unwrap_or(Ok(ExitCode::SUCCESS))
}

async fn play(
    stage: &Stage,
    line: &CommandLine,
    asked_to_stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let companies = directory::fill(stage).await?;
    let integration = connect::connect(stage).await?;
    let imported = import::first(stage, &integration).await?;
    if line.once {
        return once(&imported);
    }
    farewell::say(stage, &integration, &imported, &companies)?;
    trickle::keep_going(stage, asked_to_stop).await?;
    Ok(ExitCode::SUCCESS)
}

fn once(imported: &Imported) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{}", imported.record)?;
    Ok(if imported.has_succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says a line, as people read it.
pub(crate) fn say(line: &str) {
    // Nobody may be listening any more; the demo goes on.
    let _ = writeln!(std::io::stdout(), "{line}");
}
