//! A transaction that cannot be left open by accident.

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use crate::error::Error;

/// A transaction on a pooled connection.
///
/// Dropped without [`commit`](Self::commit) it is rolled back, also when the future that owned it was cancelled; a
/// connection that cannot be rolled back does not return to the pool.
#[must_use = "a transaction that is not committed is rolled back"]
pub(crate) struct Transaction {
    connection: Option<Object<AsyncPgConnection>>,
}

impl Transaction {
    /// Begins with `opening`, which must start a transaction.
    pub(crate) async fn begin(connection: Object<AsyncPgConnection>, opening: &str) -> Result<Self, Error> {
        let mut transaction = Self { connection: Some(connection) };
        transaction
            .connection()?
            .batch_execute(opening)
            .await
            .map_err(Error::query("begin a transaction"))?;
        Ok(transaction)
    }

    /// Makes everything done in this transaction durable.
    ///
    /// Postgres answers `commit` in a transaction that failed with a silent rollback; the empty `select` fails instead.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.connection()?
            .batch_execute("select; commit")
            .await
            .map_err(Error::query("commit a transaction"))?;
        drop(self.connection.take());
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> Result<&mut AsyncPgConnection, Error> {
        self.connection.as_deref_mut().ok_or(Error::Missing("the transaction's connection"))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        runtime.spawn(async move {
            if connection.batch_execute("rollback").await.is_err() {
                // A connection in an unknown state must not go back to the pool.
                drop(Object::take(connection));
            }
        });
    }
}
