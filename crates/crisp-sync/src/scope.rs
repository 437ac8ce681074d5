//! What every write step knows: whose rows, which integration, by which settings, and when.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use crisp_domain::{ImportSettings, IntegrationId};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::work::{self, Lease};
use crisp_storage::{AccountSession, Database};
use uuid::Uuid;

use crate::error::Error;

/// One write step: a session in the account's write turn and what it needs to know.
pub(crate) struct Scope {
    pub(crate) session: AccountSession,
    pub(crate) integration: IntegrationRow,
    pub(crate) settings: ImportSettings,
    /// Settings of every integration of the account: a contact may carry profiles of several.
    pub(crate) all_settings: HashMap<Uuid, ImportSettings>,
    pub(crate) now: DateTime<Utc>,
    /// Why this step runs, for the record of decisions.
    pub(crate) cause: &'static str,
}

impl Scope {
    /// Takes the account's turn for a step under `lease`, which must still be held by us.
    pub(crate) async fn open(
        database: &Database,
        lease: &Lease,
        cause: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let mut session = database.write(lease.account).await?;
        work::fence(&mut session, lease).await?;
        let scope = Self::within(session, lease.integration, cause, now).await?;
        if scope.integration.is_live() { Ok(scope) } else { Err(Error::Stopped) }
    }

    /// The same inside a session that was opened elsewhere.
    pub(crate) async fn within(
        mut session: AccountSession,
        integration: IntegrationId,
        cause: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let all = integrations::list(&mut session).await?;
        let mut all_settings = HashMap::with_capacity(all.len());
        let mut own = None;
        for row in all {
            all_settings.insert(row.id, settings_of(&row)?);
            if row.id == integration.as_uuid() {
                own = Some(row);
            }
        }
        let integration = own.ok_or(Error::Stopped)?;
        let settings = settings_of(&integration)?;
        Ok(Self { session, integration, settings, all_settings, now, cause })
    }

    /// The integration's id.
    pub(crate) fn id(&self) -> IntegrationId {
        self.integration.integration_id()
    }

    /// Makes the step durable.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.session.commit().await?)
    }
}

/// The settings of an integration, as they were validated when saved.
pub(crate) fn settings_of(row: &IntegrationRow) -> Result<ImportSettings, Error> {
    ImportSettings::parse(row.settings.clone()).map_err(Error::corrupt("import settings"))
}
