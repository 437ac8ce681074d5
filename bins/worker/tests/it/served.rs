//! The server of `api serve`, in this process: stopped and started again at will.

use crisp_http::auth::Verifier;
use crisp_settings::metrics::{self, PrometheusHandle};
use crisp_settings::wire;
use testkit::caller::Caller;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stage::{Stage, now};

/// Signs the tokens of the tests.
const SECRET: &str = "nobody has to keep this secret: it is the tests' own";
/// A process gathers its metrics once.
static METRICS: OnceCell<PrometheusHandle> = OnceCell::const_new();

/// A server that answers; it stops with this value.
#[derive(Debug)]
pub struct Served {
    pub base: String,
    stop: CancellationToken,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Served {
    pub async fn start(stage: &Stage) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let hooks = wire::hook_intake(stage.engine.database(), &stage.ring, &stage.crisp, now()).await?;
        let metrics = METRICS.get_or_try_init(async || metrics::install()).await?;
        let parts = api::Parts {
            engine: stage.engine.clone(),
            hooks,
            verifier: Verifier::hs256(&SECRET.into()),
            public_url: base.parse()?,
            metrics: metrics.clone(),
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(api::serve(parts, listener, stop.clone()));
        Ok(Self { base, stop, serving: Some(serving) })
    }

    pub fn hooks_url(&self) -> String {
        format!("{}/crisp/hooks", self.base)
    }

    /// Somebody of the stage's account who may do everything.
    pub fn caller(&self, stage: &Stage) -> anyhow::Result<Caller> {
        Caller::new(&self.base, SECRET, stage.account.as_uuid())
    }

    /// Ends it, and waits until it has.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await??;
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
