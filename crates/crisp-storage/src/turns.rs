//! Turns of one process at an account's rows.
//!
//! The account's write turn is a row lock, so whoever waits for it holds a connection. Where many tasks of a process
//! write for one account, they would hold the whole pool between them; so they queue up here first, and only the one
//! whose turn it is takes a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crisp_domain::ids::AccountId;
use tokio::sync::OwnedMutexGuard;

/// A turn; the next one begins when it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// The queues of all accounts that somebody writes for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>>);

/// From so many queues on, those that nobody stands in are taken down.
const MANY: usize = 1_000;

impl Turns {
    /// Waits for a turn at `account`; first come, first served.
    pub(crate) async fn take(&self, account: AccountId) -> Turn {
        self.queue(account).lock_owned().await
    }

    fn queue(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
        // Nothing in here panics, and a map of locks cannot be left half changed.
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MANY {
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        queues.entry(account).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(number: usize) -> AccountId {
        AccountId::from(Uuid::from_u128(u128::try_from(number).unwrap()))
    }

    #[tokio::test]
    async fn one_account_has_one_turn_at_a_time_and_keeps_no_other_waiting() {
        let turns = Turns::default();
        let first = turns.take(account(1)).await;
        assert!(turns.queue(account(1)).try_lock().is_err());
        drop(turns.take(account(2)).await);
        drop(first);
        drop(turns.take(account(1)).await);
    }

    #[tokio::test]
    async fn queues_that_nobody_stands_in_are_taken_down() {
        let turns = Turns::default();
        let held = turns.take(account(0)).await;
        for number in 1..=2 * MANY {
            drop(turns.take(account(number)).await);
        }
        assert!(turns.0.lock().unwrap().len() <= MANY);
        assert!(turns.queue(account(0)).try_lock().is_err(), "a turn that is held stays held");
        drop(held);
    }
}
