//! What every verb needs: the database, the way to Crisp, and how the process is set up.

use std::sync::Arc;
use std::time::Duration;

use crisp_client::{Client, PluginId};
use crisp_domain::AccountId;
use crisp_storage::Database;
use crisp_storage::erasure::ErasureKey;
use crisp_storage::quota::{Ledger, Purpose, QuotaOptions};
use crisp_storage::vault::KeyRing;
use url::Url;

use crate::forecast::Recent;
use crate::meter::Meter;
use crate::refusal::Refusal;
use crate::settings::SampleCache;

/// How this process is set up; the values are the contract's settings.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The plugin whose installations are served.
    pub plugin_id: PluginId,
    /// Base of the install link.
    pub app_url: Url,
    /// How browsers reach the `api`.
    pub public_url: Url,
    /// Schedule of incremental syncs where an integration has none of its own.
    pub incremental_interval: Duration,
    /// How often a full reconciliation pass runs.
    pub reconcile_interval: Duration,
    /// How long an applied hook is kept.
    pub hooks_retention: Duration,
    /// The request budget that all processes share.
    pub quota: QuotaOptions,
    /// How long a lease holds unless renewed.
    pub lease: Duration,
    /// Name of this process in leases, for people.
    pub worker_name: String,
}

/// The verbs' common ground. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) database: Database,
    pub(crate) ledger: Ledger,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) erasure: Arc<ErasureKey>,
    pub(crate) forecasts: Arc<Recent>,
    pub(crate) samples: Arc<SampleCache>,
    crisp: Client,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Engine {
    /// Puts the parts together. `crisp` is a client without a gate: every use of it gets the ledger's.
    pub fn new(
        database: Database,
        crisp: Client,
        ring: KeyRing,
        erasure: ErasureKey,
        options: EngineOptions,
    ) -> Self {
        let ledger = Ledger::new(database.clone(), options.quota);
        Self {
            database,
            ledger,
            options: Arc::new(options),
            ring: Arc::new(ring),
            erasure: Arc::new(erasure),
            forecasts: Arc::default(),
            samples: Arc::default(),
            crisp,
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The request ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How the process is set up.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Refuses a click where the account's people have had their share of requests.
    pub(crate) async fn admit_click(&self, account: AccountId) -> Result<(), Refusal> {
        let wait = self.ledger.interactive_wait(account).await?;
        wait.map_or(Ok(()), |wait| Err(Refusal::TooManyRequests { until: wait.until }))
    }

    /// A way to Crisp for an account and a purpose, and the meter that counts it.
    pub(crate) fn crisp(&self, account: AccountId, purpose: Purpose) -> (Client, Arc<Meter>) {
        let meter = Meter::new(self.ledger.clone(), account, purpose);
        (self.crisp.with_gate(meter.clone()), meter)
    }
}
