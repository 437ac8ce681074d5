//! A worker in this process, by the settings of the program beside it.

use std::time::Duration;

use clap::Parser as _;
use crisp_settings::SettingsArgs;
use crisp_settings::wire::{self, EngineSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{OLD_KEY, World};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Works until it is dropped.
pub(crate) struct Working {
    stop: CancellationToken,
    _task: JoinHandle<()>,
}

impl Working {
    pub(crate) async fn beside(world: &World) -> Self {
        let plugin = world.crisp.plugin();
        let line = [
            "test".to_owned(),
            format!("--database-url={}", world.url),
            format!("--crisp-api-url={}", world.crisp.api_url()),
            format!("--crisp-app-url={}", world.crisp.app_url()),
            format!("--crisp-plugin-id={}", plugin.id),
            format!("--crisp-plugin-identifier={}", plugin.identifier),
            format!("--crisp-plugin-key={}", plugin.key),
            format!("--encryption-keys={OLD_KEY}"),
            "--crisp-daily-quota=0".to_owned(),
        ];
        let args = Line::try_parse_from(line).unwrap().settings;
        let database = wire::database(&args.database.resolve().unwrap()).unwrap();
        let ring = wire::key_ring(args.encryption.resolve().unwrap()).unwrap();
        let (crisp, sync) = (args.crisp.resolve().unwrap(), args.sync.resolve().unwrap());
        let api = args.api.resolve().unwrap();
        let settings = EngineSettings {
            crisp: &crisp,
            sync: &sync,
            public_url: &api.public_url,
            lease: Duration::from_secs(5),
        };
        let engine = wire::engine(&database, &ring, settings, crisp_http::now()).await.unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { crisp_sync::worker::run(&engine, 2, stopped).await });
        Self { stop, _task: task }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
