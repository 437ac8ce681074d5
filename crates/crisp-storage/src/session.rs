//! A transaction of one account: the wall between tenants and the turn of a writer.

use crisp_domain::ids::AccountId;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Object;

use crate::error::Error;
use crate::transaction::Transaction;
use crate::turns::Turn;

/// A transaction that sees the rows of one account only.
///
/// Made by [`Database::read`](crate::Database::read) and [`Database::write`](crate::Database::write). A write session
/// holds the account's write turn: the changes of one account happen one transaction after another, so what was
/// loaded in it is still true when it is saved. Nothing may be awaited in it but the database.
///
/// Dropped without [`commit`](Self::commit) it is rolled back, also when the future that owned it was cancelled.
#[must_use = "a session that is not committed is rolled back"]
pub struct AccountSession {
    account: AccountId,
    // Before the turn: a transaction ends before the next one of this process begins.
    transaction: Transaction,
    _turn: Option<Turn>,
}

impl std::fmt::Debug for AccountSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AccountSession").field("account", &self.account).finish_non_exhaustive()
    }
}

impl AccountSession {
    /// Begins with `opening`, which must start a transaction for `account`.
    pub(crate) async fn begin(
        connection: Object<AsyncPgConnection>,
        account: AccountId,
        opening: &str,
    ) -> Result<Self, Error> {
        Ok(Self { account, transaction: Transaction::begin(connection, opening).await?, _turn: None })
    }

    /// Keeps this process's turn at the account until the session ends.
    pub(crate) fn holding(self, turn: Turn) -> Self {
        Self { _turn: Some(turn), ..self }
    }

    /// The account whose rows this session sees.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Makes everything done in this session durable.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    pub(crate) fn connection(&mut self) -> Result<&mut AsyncPgConnection, Error> {
        self.transaction.connection()
    }
}
