//! Connections, migrations, and the two ways in: as an account, or as the system.

use std::sync::Arc;
use std::time::Duration;

use crisp_domain::ids::AccountId;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures::FutureExt;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::session::AccountSession;
use crate::tls::Address;
use crate::transaction::Transaction;
use crate::turns::Turns;

/// The schema, oldest first.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Advisory lock that lets one process at a time migrate ("crisp" in ASCII).
const MIGRATION_LOCK: i64 = 0x63_72_69_73_70;
/// How long a connection may be waited for before the database counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Set on every connection: no statement and no forgotten (or frozen) transaction holds an account's turn for long.
const SESSION_DEFAULTS: &str = "set statement_timeout = '60s'; set idle_in_transaction_session_timeout = '5s'; \
     set timezone = 'UTC'; set client_min_messages = warning";

/// Where the database is and how much of it one process may take.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// `postgres://…`; TLS by `sslmode` and `sslrootcert`.
    pub url: SecretString,
    /// A replica for the read views; the same database where absent.
    pub read_url: Option<SecretString>,
    /// Connections of this process (each of both databases).
    pub max_connections: usize,
}

impl DatabaseOptions {
    /// The defaults of the contract for one database.
    pub fn new(url: SecretString) -> Self {
        Self { url, read_url: None, max_connections: 10 }
    }
}

/// A pool of connections to the integration's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    address: Address,
    writer: Side,
    reader: Side,
    turns: Turns,
}

/// The primary or the replica: its connections, and whether its user may take the tenant role (asked once).
#[derive(Clone)]
struct Side {
    pool: Pool<AsyncPgConnection>,
    takes_role: Arc<OnceCell<bool>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Database {
    /// Makes the pools. Connections are opened when first needed, so a database that is away is no error yet.
    pub fn connect(options: DatabaseOptions) -> Result<Self, Error> {
        let DatabaseOptions { url, read_url, max_connections } = options;
        let address = Address::parse(&url)?;
        let writer = Side::new(address.clone(), max_connections)?;
        let reader = match read_url {
            Some(url) => Side::new(Address::parse(&url)?, max_connections)?,
            None => writer.clone(),
        };
        Ok(Self { address, writer, reader, turns: Turns::default() })
    }

    /// Whether this can be the address of a database at all; nothing is connected.
    pub fn check_address(url: &SecretString) -> Result<(), Error> {
        Address::parse(url).map(drop)
    }

    /// Brings the schema up to date. Any number of processes may do so at once.
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut connection =
            self.address.connect().await.map_err(|error| Error::Unreachable(error.into()))?;
        connection
            .batch_execute(&format!("set statement_timeout = 0; select pg_advisory_lock({MIGRATION_LOCK})"))
            .await
            .map_err(Error::query("take the migration lock"))?;
        // The harness blocks its thread; it needs one of its own.
        tokio::task::spawn_blocking(move || {
            AsyncMigrationHarness::new(connection).run_pending_migrations(MIGRATIONS).map(|_| ())
        })
        .await
        .map_err(|error| Error::Migration(error.into()))?
        .map_err(Error::Migration)
    }

    /// Whether every embedded migration has run.
    pub async fn is_migrated(&self) -> Result<bool, Error> {
        #[derive(diesel::QueryableByName)]
        struct Applied {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let embedded = diesel::migration::MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS)
            .map_err(Error::Migration)?
            .len();
        let mut connection = self.system().await?;
        let applied: Result<Applied, _> =
            diesel::sql_query("select count(*) as count from __diesel_schema_migrations")
                .get_result(&mut connection)
                .await;
        Ok(applied.is_ok_and(|applied| usize::try_from(applied.count).is_ok_and(|count| count >= embedded)))
    }

    /// A transaction to change rows of `account`; holds the account's write turn until it ends.
    pub async fn write(&self, account: AccountId) -> Result<AccountSession, Error> {
        let turn = self.turns.take(account).await;
        let (connection, settings) = self.writer.enter(account).await?;
        let opening = format!(
            "begin; {settings}; insert into accounts (id, created_at) values ('{account}', now()) on conflict (id) do nothing; \
             select from accounts where id = '{account}' for no key update"
        );
        Ok(AccountSession::begin(connection, account, &opening).await?.holding(turn))
    }

    /// A transaction on the primary that changes rows of `account` without waiting for its write turn: only for
    /// statements that are safe beside any other (appends with natural keys).
    pub async fn append(&self, account: AccountId) -> Result<AccountSession, Error> {
        let (connection, settings) = self.writer.enter(account).await?;
        AccountSession::begin(connection, account, &format!("begin; {settings}")).await
    }

    /// A read-only transaction that sees the rows of `account`, on the replica where there is one.
    pub async fn read(&self, account: AccountId) -> Result<AccountSession, Error> {
        let (connection, settings) = self.reader.enter(account).await?;
        AccountSession::begin(connection, account, &format!("begin transaction read only; {settings}")).await
    }

    /// A read-only transaction on the primary: for what must see the caller's own last write.
    pub async fn read_primary(&self, account: AccountId) -> Result<AccountSession, Error> {
        let (connection, settings) = self.writer.enter(account).await?;
        AccountSession::begin(connection, account, &format!("begin transaction read only; {settings}")).await
    }

    /// Whether sessions take the tenant role, which owns nothing. Where the database user may not, row-level security
    /// still binds it as the tables' owner, unless it is a superuser.
    pub async fn takes_tenant_role(&self) -> Result<bool, Error> {
        let mut connection = self.writer.obtain().await?;
        self.writer.takes_role(&mut connection).await
    }

    /// A bare connection for what belongs to no account: work items, the ledger, claims, sealed secrets.
    pub(crate) async fn system(&self) -> Result<Object<AsyncPgConnection>, Error> {
        self.writer.obtain().await
    }

    /// A transaction of the system, begun with `opening`.
    pub(crate) async fn system_transaction(&self, opening: &str) -> Result<Transaction, Error> {
        Transaction::begin(self.writer.obtain().await?, opening).await
    }

    /// The address, for a listener's connection of its own.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

/// Whether the tenant role can be taken and used here. Postgres 16 tells being a member from being allowed to `SET`.
const MAY_TAKE_ROLE: &str = "select to_regclass('messages') is not null as migrated, coalesce(bool_or(has_table_privilege(r.oid, to_regclass('messages'), 'select') \
     and case when current_setting('server_version_num')::integer >= 160000 \
         then pg_has_role(r.oid, 'set') else pg_has_role(r.oid, 'member') end), false) as may \
     from pg_roles r where r.rolname = 'crisp_tenant'";

#[derive(diesel::QueryableByName)]
struct MayTakeRole {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    migrated: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    may: bool,
}

impl Side {
    fn new(address: Address, size: usize) -> Result<Self, Error> {
        Ok(Self { pool: pool(address, size)?, takes_role: Arc::default() })
    }

    async fn obtain(&self) -> Result<Object<AsyncPgConnection>, Error> {
        self.pool.get().await.map_err(|error| Error::Unreachable(error.into()))
    }

    /// A connection, and the settings that make a transaction on it the account's: the tenant role and the account's
    /// name, as literals, so that they travel with the transaction (Citus rule Q11).
    async fn enter(&self, account: AccountId) -> Result<(Object<AsyncPgConnection>, String), Error> {
        let mut connection = self.obtain().await?;
        let role = if self.takes_role(&mut connection).await? { "set local role crisp_tenant; " } else { "" };
        Ok((connection, format!("{role}set local app.account_id = '{account}'")))
    }

    async fn takes_role(&self, connection: &mut AsyncPgConnection) -> Result<bool, Error> {
        let probe = async || {
            let answer: MayTakeRole = diesel::sql_query(MAY_TAKE_ROLE)
                .get_result(connection)
                .await
                .map_err(Error::query("ask whether the tenant role may be taken"))?;
            if !answer.migrated {
                return Err(Error::Missing("the schema"));
            }
            if !answer.may {
                tracing::warn!(
                    "the database user may not take the role crisp_tenant; row-level security binds it as owner"
                );
            }
            Ok(answer.may)
        };
        self.takes_role.get_or_try_init(probe).await.copied()
    }
}

fn pool(address: Address, size: usize) -> Result<Pool<AsyncPgConnection>, Error> {
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let address = address.clone();
        async move {
            let mut connection = address.connect().await?;
            connection
                .batch_execute(SESSION_DEFAULTS)
                .await
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    // The manager's own copy of the address is never used.
    let manager = AsyncDieselConnectionManager::new_with_config("", config);
    Pool::builder(manager)
        .max_size(size.max(2))
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Unreachable(error.into()))
}
