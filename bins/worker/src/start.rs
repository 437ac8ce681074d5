//! `worker run`, and the engine that all commands need.

use std::num::NonZeroUsize;
use std::time::Duration;

use crisp_http::now;
use crisp_settings::metrics::{self, Gauges};
use crisp_settings::wire::{self, EngineSettings, Schema};
use crisp_settings::{Refused, SettingsArgs, WorkerSettings, process, together};
use crisp_sync::Engine;
use tokio_util::sync::CancellationToken;

use crate::operations;

/// How long handing everything back may take once the process was asked to stop (contract: it ends within 10 s). Work
/// that could not be handed back in time is taken over when its lease lapses.
const GRACE: Duration = Duration::from_secs(8);

/// Takes due work until the process is asked to stop.
pub(crate) async fn run(settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let worker = settings.worker.resolve()?;
    let stop = process::stop_on_signal()?;
    match stop.run_until_cancelled(engine(settings, schema)).await {
        Some(engine) => serve(&engine?, &worker, stop).await,
        None => Ok(()),
    }
}

async fn serve(engine: &Engine, settings: &WorkerSettings, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let gauges = Gauges {
        database: engine.database().clone(),
        ledger: engine.ledger().clone(),
        metrics: metrics.clone(),
        clock: now,
    };
    tokio::spawn(gauges.keep(stop.clone()));
    let listening = match &settings.listen {
        Some(address) => {
            Some(operations::serve(engine.database().clone(), metrics, address, stop.clone()).await?)
        }
        None => None,
    };
    // This process may have been started with the token that others lacked.
    let waiting = crisp_sync::connect::look_again(engine.database()).await?;
    tracing::info!(waiting, syncs_at_a_time = settings.concurrency, "taking due work");
    work(engine, settings.concurrency, stop).await;
    if let Some(listening) = listening {
        listening.await?;
    }
    Ok(())
}

/// Takes due work until `stop` is cancelled, and then finishes or hands back what is under way.
pub async fn work(engine: &Engine, syncs: NonZeroUsize, stop: CancellationToken) {
    let working = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { crisp_sync::worker::run(&engine, syncs.get(), stop).await }
    });
    let in_time = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = working => if ended.is_err() { tracing::error!("the worker's loop panicked") },
        () = in_time => tracing::warn!("some work did not finish in time; its lease lapses and another takes it over"),
    }
}

/// Refuses what cannot be used, all of it at once.
pub(crate) fn check(settings: &SettingsArgs) -> Result<(), Refused> {
    let stored = together(settings.database.resolve(), settings.encryption.resolve());
    let outside = together(settings.crisp.resolve(), settings.sync.resolve());
    let inside = together(settings.api.resolve(), settings.worker.resolve());
    together(together(stored, outside), inside).map(|_| ())
}

/// The engine of these settings.
pub(crate) async fn engine(settings: &SettingsArgs, schema: Schema) -> anyhow::Result<Engine> {
    let database = wire::database(&settings.database.resolve()?)?;
    let ring = wire::key_ring(settings.encryption.resolve()?)?;
    let (crisp, sync, api) = (settings.crisp.resolve()?, settings.sync.resolve()?, settings.api.resolve()?);
    let lease = settings.worker.resolve()?.lease;
    wire::prepare(&database, schema).await?;
    let settings = EngineSettings { crisp: &crisp, sync: &sync, public_url: &api.public_url, lease };
    let engine = wire::engine(&database, &ring, settings, now()).await?;
    // Only the api needs it, but whoever is given a secret stores it.
    wire::hooks_secret(&database, &ring, crisp.hooks_secret.as_ref(), now()).await?;
    Ok(engine)
}
