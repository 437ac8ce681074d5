//! A database for one test.

use std::fmt;

use anyhow::{Context, Result};

use super::cluster::{Cluster, Purpose};
use super::{janitor, template};

/// A database that nobody else uses, dropped with this value together with what is connected to it.
pub struct Database {
    cluster: Cluster,
    name: String,
    url: String,
}

impl Database {
    /// A copy of the template for this key on the server of the tests.
    ///
    /// `template_key` names what `prepare` does, such as a hash of the migrations. `prepare` is called with the
    /// address of an empty database, once for all processes as long as the server lives.
    pub async fn fresh<P>(template_key: &str, prepare: P) -> Result<Self>
    where
        P: AsyncFnOnce(String) -> Result<()>,
    {
        let cluster = Cluster::start_or_join(Purpose::Tests).await?;
        Self::fresh_in(&cluster, template_key, prepare).await
    }

    /// The same on a given server, such as a dedicated one.
    pub async fn fresh_in<P>(cluster: &Cluster, template_key: &str, prepare: P) -> Result<Self>
    where
        P: AsyncFnOnce(String) -> Result<()>,
    {
        let name = cluster.janitor().await?.name();
        let maintenance = janitor::connect(&cluster.address().maintenance()).await?;
        let template = template::ensure(&maintenance, cluster.address(), template_key, prepare).await?;
        // copying files is faster than writing them through the log, for databases this small
        let copy = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\" STRATEGY FILE_COPY");
        maintenance.batch_execute(&copy).await.context("cannot copy the template database")?;
        Ok(Self { url: cluster.url(&name), name, cluster: cluster.clone() })
    }

    /// Its address, for any Postgres client.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

impl fmt::Debug for Database {
    /// Leaves out the address: it may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.cluster.drop_database(&self.name);
    }
}
