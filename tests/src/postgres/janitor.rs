//! The janitor: a thread that drops the databases of this process, and sweeps those of dead ones.
//!
//! It holds an advisory lock under a random number, the *owner*, which is part of the name of each database of
//! this process. A database whose owner's lock is free belongs to nobody: its process is dead, wherever it ran.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// First half of the advisory locks of owners ("test"); arbitrary, but the same for all processes.
const OWNERS: i32 = 0x7465_7374;
/// How long dropping a database may hold up a test that is over.
const DROP_TIMEOUT: Duration = Duration::from_secs(20);

/// A handle to the janitor of one server.
#[derive(Debug)]
pub(super) struct Janitor {
    owner: i32,
    orders: Sender<Order>,
}

struct Order {
    database: String,
    done: Sender<()>,
}

impl Janitor {
    /// Starts the thread; returns when the owner's lock is held and leftovers are swept.
    pub(super) async fn start(maintenance: String) -> Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let (ready, started) = oneshot::channel();
        let owner = i32::from_ne_bytes(owner_bytes());
        thread::Builder::new()
            .name("postgres-janitor".to_owned())
            .spawn(move || serve(&maintenance, owner, ready, &inbox))
            .context("cannot start the janitor")?;
        started.await.context("the janitor ended early")??;
        Ok(Self { owner, orders })
    }

    /// A new name for a database of this process.
    pub(super) fn name(&self) -> String {
        format!("test_{:08x}_{}", self.owner, Uuid::new_v4().simple())
    }

    /// Drops a database, with whatever is still connected to it. Blocks; works inside a runtime, too.
    pub(super) fn drop_database(&self, database: &str) {
        let (done, finished) = mpsc::channel();
        if self.orders.send(Order { database: database.to_owned(), done }).is_ok() {
            let late = finished.recv_timeout(DROP_TIMEOUT) == Err(RecvTimeoutError::Timeout);
            if late {
                tracing::warn!(database, "dropping a test database takes long; it is left to the next sweep");
            }
        }
    }
}

/// Connects for one task; the connection ends with the client.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("cannot connect to Postgres")?;
    tokio::spawn(connection);
    Ok(client)
}

/// The thread: a runtime of its own, so that it works whatever happens to that of a test.
fn serve(maintenance: &str, owner: i32, ready: oneshot::Sender<Result<()>>, inbox: &Receiver<Order>) {
    let opened =
        Builder::new_current_thread().enable_all().build().context("cannot build a runtime").and_then(
            |runtime| {
                let client = runtime.block_on(open(maintenance, owner))?;
                Ok((runtime, client))
            },
        );
    match opened {
        Ok((runtime, client)) => {
            let _ = ready.send(Ok(()));
            obey(&runtime, client, maintenance, inbox);
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
}

/// Drops what it is told to. A server that was restarted meanwhile gets a new connection.
fn obey(runtime: &Runtime, mut client: Client, maintenance: &str, inbox: &Receiver<Order>) {
    while let Ok(Order { database, done }) = inbox.recv() {
        runtime.block_on(async {
            if drop_database(&client, &database).await.is_err()
                && let Ok(fresh) = connect(maintenance).await
            {
                client = fresh;
                // a second failure leaves it to the next sweep
                let _ = drop_database(&client, &database).await;
            }
        });
        let _ = done.send(());
    }
}

async fn open(maintenance: &str, owner: i32) -> Result<Client> {
    let client = connect(maintenance).await?;
    client.execute("SELECT pg_advisory_lock($1, $2)", &[&OWNERS, &owner]).await?;
    if let Err(error) = sweep(&client, owner).await {
        tracing::warn!(error = format!("{error:#}"), "some databases of dead tests are left");
    }
    Ok(client)
}

/// Drops the databases whose owners are dead.
async fn sweep(client: &Client, ourselves: i32) -> Result<()> {
    let rows =
        client.query("SELECT datname::text FROM pg_database WHERE datname LIKE 'test\\_%'", &[]).await?;
    for row in rows {
        let database: String = row.try_get(0)?;
        let Some(owner) = owner_of(&database).filter(|owner| *owner != ourselves) else { continue };
        let row = client.query_one("SELECT pg_try_advisory_lock($1, $2)", &[&OWNERS, &owner]).await?;
        if row.try_get(0)? {
            drop_database(client, &database).await?;
            client.execute("SELECT pg_advisory_unlock($1, $2)", &[&OWNERS, &owner]).await?;
        }
    }
    Ok(())
}

async fn drop_database(client: &Client, database: &str) -> Result<()> {
    Ok(client.batch_execute(&format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)")).await?)
}

fn owner_of(database: &str) -> Option<i32> {
    let (owner, _) = database.strip_prefix("test_")?.split_once('_')?;
    u32::from_str_radix(owner, 16).ok().map(u32::cast_signed)
}

fn owner_bytes() -> [u8; 4] {
    let [first, second, third, fourth, ..] = Uuid::new_v4().into_bytes();
    [first, second, third, fourth]
}
