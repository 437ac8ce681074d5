//! Wakes the hooks lane of an integration, once its hooks are durable.
//!
//! Not in the transaction that stores them: whoever applies hooks holds the lane's work item until the batch is
//! committed, and a delivery must not wait for that. A wake-up that a crash loses is restored by the sweep.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::Database;
use crisp_storage::work::Lane;

use crate::clock;

/// Wake-ups on their way. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Waker {
    database: Database,
    /// The integrations that are being woken, and whether more came meanwhile: one connection each at the most.
    under_way: Arc<Mutex<HashMap<IntegrationId, bool>>>,
}

impl Waker {
    pub(super) fn new(database: Database) -> Self {
        Self { database, under_way: Arc::default() }
    }

    /// Wakes the lane, now or as soon as the wake-up under way is through.
    pub(super) fn wake(&self, account: AccountId, integration: IntegrationId) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = under_way.get_mut(&integration) {
            *again = true;
            return;
        }
        under_way.insert(integration, false);
        drop(under_way);
        let waker = self.clone();
        tokio::spawn(async move {
            loop {
                waker.signal(account, integration).await;
                if !waker.is_asked_again(integration) {
                    return;
                }
            }
        });
    }

    async fn signal(&self, account: AccountId, integration: IntegrationId) {
        if let Err(error) = self.database.signal(account, integration, Lane::Hooks, clock::now()).await {
            let error = crate::Error::from(error);
            tracing::warn!(%integration, error = error.chain(), "a lane could not be woken; the sweep will");
        }
    }

    fn is_asked_again(&self, integration: IntegrationId) -> bool {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let again = under_way.get(&integration) == Some(&true);
        if again {
            under_way.insert(integration, false);
        } else {
            under_way.remove(&integration);
        }
        again
    }
}
