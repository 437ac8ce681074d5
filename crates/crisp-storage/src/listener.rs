//! Hearing that work became due, without asking for it all the time.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::StreamExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::database::Database;
use crate::tls::Address;
use crate::work::CHANNEL;

/// Shortest wait before a lost connection is opened again; up to as much again is added by chance.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// Longest such wait.
const RECONNECT_AT_MOST: Duration = Duration::from_secs(15);

/// Wake-ups of [`work::CHANNEL`](crate::work::CHANNEL), from a connection of its own.
///
/// It never fails: while the database is away it tries to come back, and wakes once when it has, because what was
/// due meanwhile was not heard. A wake-up is only a hint; whoever hears one looks what is due. Made by
/// [`Database::listener`].
#[derive(Debug)]
pub struct WorkListener {
    heard: watch::Receiver<u64>,
    task: AbortHandle,
}

impl Database {
    /// Starts to listen. Ends when the listener is dropped.
    pub fn listener(&self) -> WorkListener {
        let (wake, heard) = watch::channel(0);
        let task = tokio::spawn(listen(self.address().clone(), wake)).abort_handle();
        WorkListener { heard, task }
    }
}

impl WorkListener {
    /// Waits until something became due since the last call. Several signals may be one wake-up. Cancel-safe.
    pub async fn heard(&mut self) {
        if self.heard.changed().await.is_err() {
            // The runtime is shutting down: nothing will be heard any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for WorkListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(address: Address, wake: watch::Sender<u64>) {
    let mut wait = RECONNECT_AFTER;
    loop {
        if let Ok(connection) = subscribe(&address).await {
            wait = RECONNECT_AFTER;
            forward(connection, &wake).await;
        }
        tracing::debug!("the connection that listens for due work was lost");
        tokio::time::sleep(wait.mul_f64(1.0 + fastrand::f64())).await;
        wait = (wait * 2).min(RECONNECT_AT_MOST);
    }
}

async fn subscribe(address: &Address) -> diesel::ConnectionResult<AsyncPgConnection> {
    let mut connection = address.connect().await?;
    let listen = format!("listen {CHANNEL}");
    connection.batch_execute(&listen).await.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Passes wake-ups on until the connection ends.
async fn forward(mut connection: AsyncPgConnection, wake: &watch::Sender<u64>) {
    wake.send_modify(|count| *count = count.wrapping_add(1));
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    // The stream's first error is its last word.
    while let Some(Ok(_)) = notifications.next().await {
        wake.send_modify(|count| *count = count.wrapping_add(1));
    }
}
