//! What every process does first and last: panics without their message, a runtime, an end in good order.

use std::error::Error;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::refused::Refused;
use crate::wire::WireError;

/// How long threads that still wait for something may hold up the end of a process.
const AFTER_THE_END: Duration = Duration::from_millis(500);

/// Runs a command to its end and turns what became of it into the exit code of the process.
///
/// A refused setting is told line by line and ends with 2, any other error is told with its causes and ends with 1.
pub fn run<E>(command: impl Future<Output = Result<ExitCode, E>>) -> ExitCode
where
    E: AsRef<dyn Error + 'static>,
{
    std::panic::set_hook(Box::new(report_panic));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(AFTER_THE_END);
    outcome.unwrap_or_else(|error| fail(error.as_ref()))
}

/// A token that is cancelled when the process is asked to end, by SIGTERM or Ctrl-C.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        stopped.cancel();
    });
    Ok(stop)
}

/// Why a command did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error(
    "asked to stop before everything was done; what is done stays, and running it again goes on from there"
)]
pub struct AskedToStop;

/// Runs a command that ends by itself; asked to stop before, it lets go in good order and says so.
pub async fn until_asked_to_stop<T, E>(command: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    E: From<AskedToStop> + From<std::io::Error>,
{
    let stop = stop_on_signal()?;
    stop.run_until_cancelled(command).await.unwrap_or_else(|| Err(AskedToStop.into()))
}

/// An error with all its causes, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = causes(error).map(ToString::to_string).collect();
    // A transparent error and the one inside it say the same.
    said.dedup();
    said.join(": ")
}

/// The error, its cause, the cause of that, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn fail(error: &(dyn Error + 'static)) -> ExitCode {
    if let Some(refused) = causes(error).find_map(refused) {
        eprintln!("{refused}");
        return ExitCode::from(Refused::EXIT_CODE);
    }
    eprintln!("error: {}", chain(error));
    ExitCode::FAILURE
}

fn refused<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Refused> {
    match error.downcast_ref::<WireError>() {
        Some(WireError::Refused(refused)) => Some(refused),
        Some(_) | None => error.downcast_ref(),
    }
}

/// Says where, and not what: the message of a panic may quote what it was about.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, "panicked");
    } else {
        eprintln!("panicked at {place}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refused::Refusal;

    #[test]
    fn a_refusal_is_found_wherever_it_stands_in_the_chain() {
        let refused: Refused = Refusal::new("LOG", "is odd", "Mend it.").into();
        assert_eq!(super::refused(&refused), Some(&refused));
        let wired = WireError::from(refused.clone());
        assert_eq!(super::refused(&wired), Some(&refused));
        assert_eq!(super::refused(&WireError::NotMigrated), None);
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        let error = WireError::Storage(crisp_storage::Error::LeaseLost);
        assert_eq!(chain(&error), "the database cannot be used: the lease on this work was lost");
    }
}
