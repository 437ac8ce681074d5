//! Which tests may run beside others: most, but what measures times or rates wants the machine for itself.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// For a test that may run beside others.
pub async fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// For a test that measures.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}
