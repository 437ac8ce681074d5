//! What may still be asked of Crisp, and who asked.

use std::collections::BTreeMap;

use crisp_domain::AccountId;
use crisp_storage::Error;
use crisp_storage::quota::{Ledger, LedgerState, Usage};
use metrics::{describe_gauge, gauge};

use super::labels::Accounts;

/// Says what the figures are, for whoever reads `/metrics`.
pub(super) fn describe() {
    describe_gauge!(
        "crisp_budget_limit",
        "Requests to Crisp that all processes together may make in a window"
    );
    describe_gauge!(
        "crisp_budget_used",
        "Requests that count in the current window; open grants count whole"
    );
    describe_gauge!("crisp_budget_left", "Requests that are left now, by what they are for");
    describe_gauge!("crisp_budget_blocked", "1 while Crisp refuses requests, else 0");
    describe_gauge!("crisp_budget_used_by_account", "Requests in the current window, by account and purpose");
}

/// The shared budget, and who used it.
#[derive(Debug)]
pub(super) struct Budget {
    state: LedgerState,
    usage: Vec<Usage>,
}

impl Budget {
    pub(super) async fn read(ledger: &Ledger) -> Result<Self, Error> {
        Ok(Self { state: ledger.state().await?, usage: ledger.usage().await? })
    }

    /// The accounts that have a figure of their own.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.usage.iter().map(|usage| usage.account)
    }

    /// Sets the gauges. Where nothing is limited there are no figures of what is left.
    pub(super) fn set(&self, accounts: &mut Accounts) {
        let Self { state, usage } = self;
        gauge!("crisp_budget_used").set(figure(state.used));
        gauge!("crisp_budget_blocked").set(if state.blocked_until.is_some() { 1.0 } else { 0.0 });
        let left = [("live", state.remaining_live), ("backfill", state.remaining_backfill)];
        for (purpose, left) in left {
            if let Some(left) = left {
                gauge!("crisp_budget_left", "purpose" => purpose).set(figure(left));
            }
        }
        if let Some(limit) = state.limit {
            gauge!("crisp_budget_limit").set(figure(limit));
        }
        let mut used: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        for usage in usage {
            *used.entry((accounts.label(usage.account), usage.purpose.into())).or_default() += usage.requests;
        }
        for ((account, purpose), requests) in used {
            gauge!("crisp_budget_used_by_account", "account" => account, "purpose" => purpose)
                .set(figure(requests));
        }
    }
}

/// A count as a gauge holds it; beyond what 32 bits count nobody reads the difference.
pub(super) fn figure(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
