//! Templates: databases that were migrated once, to be copied for every test.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::address::Address;

/// Makes sure of the template for this key, and gives its name. One process at a time prepares one.
pub(super) async fn ensure<P>(
    maintenance: &Client,
    address: &Address,
    key: &str,
    prepare: P,
) -> Result<String>
where
    P: AsyncFnOnce(String) -> Result<()>,
{
    let digest = Sha256::digest(key.as_bytes());
    let name = format!("template_{}", hex::encode(digest.first_chunk::<12>().map_or(&[][..], |chunk| chunk)));
    if exists(maintenance, &name).await? {
        return Ok(name);
    }
    let lock = digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    // the lock goes with the connection, also where this future is dropped
    maintenance.execute("SELECT pg_advisory_lock($1)", &[&lock]).await?;
    let made = make(maintenance, address, &name, prepare).await;
    maintenance.execute("SELECT pg_advisory_unlock($1)", &[&lock]).await?;
    made.map(|()| name)
}

async fn make<P>(maintenance: &Client, address: &Address, name: &str, prepare: P) -> Result<()>
where
    P: AsyncFnOnce(String) -> Result<()>,
{
    if exists(maintenance, name).await? {
        return Ok(());
    }
    // what somebody began and did not finish is not marked as a template
    maintenance.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await?;
    maintenance.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await?;
    prepare(address.database(name)).await.context("cannot prepare the template database")?;
    // nobody may be connected to what is copied
    let seal = format!("ALTER DATABASE \"{name}\" WITH ALLOW_CONNECTIONS false IS_TEMPLATE true");
    maintenance.batch_execute(&seal).await?;
    let expel = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
    maintenance.execute(expel, &[&name]).await?;
    Ok(())
}

async fn exists(maintenance: &Client, name: &str) -> Result<bool> {
    let query = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate AND NOT datallowconn";
    Ok(maintenance.query_opt(query, &[&name]).await?.is_some())
}
