//! Custify accounts as the integration knows them.

use crisp_domain::ids::AccountId;
use diesel::QueryDsl;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::schema::accounts;

impl Database {
    /// Every account, for sweeps that visit one after another.
    pub async fn list_accounts(&self) -> Result<Vec<AccountId>, Error> {
        let mut connection = self.system().await?;
        let ids: Vec<Uuid> = accounts::table
            .select(accounts::id)
            .load(&mut connection)
            .await
            .map_err(Error::query("list accounts"))?;
        Ok(ids.into_iter().map(AccountId::from).collect())
    }
}
