//! The schema by Citus's rules S1 to S7, its comments, and the file in which diesel sees it: read from the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use crate::setting::{Setting, client};

/// Where a table lives once the schema is spread over several machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// On the coordinator: hints and the ledger.
    Local,
    /// Spread by account.
    Tenant,
    /// On every machine.
    Reference,
}

const TABLES: [(&str, Home); 27] = [
    ("accounts", Home::Tenant),
    ("audit_entries", Home::Tenant),
    ("companies", Home::Tenant),
    ("contact_companies", Home::Tenant),
    ("contacts", Home::Tenant),
    ("conversation_companies", Home::Tenant),
    ("conversations", Home::Tenant),
    ("erasures", Home::Tenant),
    ("hooks", Home::Tenant),
    ("integrations", Home::Tenant),
    ("match_decisions", Home::Tenant),
    ("messages", Home::Tenant),
    ("operators", Home::Tenant),
    ("profiles", Home::Tenant),
    ("quota_grants", Home::Local),
    ("quota_state", Home::Local),
    ("quota_waiters", Home::Local),
    ("recent_claims", Home::Local),
    ("request_counts", Home::Local),
    ("sealed_secrets", Home::Local),
    ("sightings", Home::Tenant),
    ("sync_runs", Home::Tenant),
    ("unclaimed_hooks", Home::Local),
    ("unreadable_records", Home::Tenant),
    ("wanted_records", Home::Tenant),
    ("website_claims", Home::Reference),
    ("work_items", Home::Local),
];

/// The tables that are spread by account.
pub(crate) fn tenant_tables() -> Vec<&'static str> {
    TABLES.iter().filter(|(_, home)| *home == Home::Tenant).map(|(name, _)| *name).collect()
}

fn home(table: &str) -> Home {
    TABLES.iter().find(|(name, _)| *name == table).map(|(_, home)| *home).unwrap()
}

/// The account's column: its table is spread by its own id.
fn account_column(table: &str) -> &'static str {
    if table == "accounts" { "id" } else { "account_id" }
}

async fn catalogue() -> (Setting, Client) {
    let setting = Setting::new().await;
    let client = client(setting.url()).await;
    (setting, client)
}

async fn texts(client: &Client, query: &str) -> Vec<Vec<String>> {
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
}

#[tokio::test]
async fn every_table_is_listed_with_its_home() {
    let (_setting, client) = catalogue().await;
    let stored = texts(
        &client,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') \
         and relname <> '__diesel_schema_migrations' order by 1",
    )
    .await
    .concat();
    let mut listed: Vec<_> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    listed.sort();
    assert_eq!(stored, listed);
}

#[tokio::test]
async fn s1_every_key_of_a_tenant_table_has_the_account() {
    let (_setting, client) = catalogue().await;
    let keys = texts(
        &client,
        "select t.relname::text, x.relname::text, (select string_agg(a.attname, ' ') from pg_attribute a \
             where a.attrelid = t.oid and a.attnum = any(i.indkey[0:i.indnkeyatts - 1])) \
         from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
         where t.relnamespace = 'public'::regnamespace and (i.indisunique or i.indisexclusion) \
           and t.relname <> '__diesel_schema_migrations'",
    )
    .await;
    assert!(keys.len() > 20);
    for key in keys {
        let [table, index, columns] = key.as_slice() else { unreachable!() };
        let has_account = columns.split(' ').any(|column| column == account_column(table));
        assert!(has_account || home(table) != Home::Tenant, "{index} on {table} ({columns}) has no account");
    }
}

#[tokio::test]
async fn s2_the_account_is_a_uuid_and_never_null() {
    let (_setting, client) = catalogue().await;
    for table in tenant_tables() {
        let column = account_column(table);
        let found = client
            .query_one(
                "select format_type(atttypid, atttypmod), attnotnull from pg_attribute \
                 where attrelid = $1::text::regclass and attname = $2",
                &[&table, &column],
            )
            .await
            .unwrap();
        assert_eq!((found.get::<_, &str>(0), found.get::<_, bool>(1)), ("uuid", true), "{table}");
    }
}

#[tokio::test]
async fn s3_to_s5_foreign_keys_stay_within_the_account_and_do_nothing_but_cascade() {
    let (_setting, client) = catalogue().await;
    let keys = texts(
        &client,
        "select c.conname::text, t.relname::text, r.relname::text, c.confdeltype::text, c.confupdtype::text, \
             (select string_agg(a.attname || '=' || b.attname, ' ') from unnest(c.conkey, c.confkey) as k(own, theirs) \
                 join pg_attribute a on a.attrelid = t.oid and a.attnum = k.own \
                 join pg_attribute b on b.attrelid = r.oid and b.attnum = k.theirs) \
         from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid \
         where c.contype = 'f' and t.relnamespace = 'public'::regnamespace",
    )
    .await;
    assert!(keys.len() > 20);
    for key in keys {
        let [name, table, parent, on_delete, on_update, pairs] = key.as_slice() else { unreachable!() };
        assert!(!matches!(on_delete.as_str(), "n" | "d"), "{name}: ON DELETE SET NULL or DEFAULT");
        assert_eq!(on_update, "a", "{name}: an ON UPDATE action");
        assert_eq!(
            (home(table), home(parent)),
            (Home::Tenant, Home::Tenant),
            "{name} leaves the tenant tables"
        );
        let pair = format!("account_id={}", account_column(parent));
        assert!(pairs.split(' ').any(|found| found == pair), "{name} ({pairs}) leaves the account");
    }
}

#[tokio::test]
async fn s6_no_trigger_or_rule_on_a_tenant_table() {
    let (_setting, client) = catalogue().await;
    let found = texts(
        &client,
        "select tgrelid::regclass::text from pg_trigger where not tgisinternal \
         union all select ev_class::regclass::text from pg_rewrite w join pg_class c on c.oid = w.ev_class \
             where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace",
    )
    .await;
    assert!(found.concat().iter().all(|table| home(table) == Home::Local), "{found:?}");
}

#[tokio::test]
async fn s7_sequences_are_big_and_local_tables_have_no_identity() {
    let (_setting, client) = catalogue().await;
    let small = texts(
        &client,
        "select seqrelid::regclass::text from pg_sequence where seqtypid <> 'bigint'::regtype",
    )
    .await;
    assert!(small.is_empty(), "{small:?}");
    let identities = texts(
        &client,
        "select attrelid::regclass::text from pg_attribute a join pg_class c on c.oid = a.attrelid \
         where a.attidentity <> '' and c.relnamespace = 'public'::regnamespace",
    )
    .await;
    assert!(identities.is_empty(), "{identities:?}");
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let (_setting, client) = catalogue().await;
    let silent = texts(
        &client,
        "select c.relname || coalesce('.' || a.attname, '') from pg_class c \
         left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') \
           and c.relname <> '__diesel_schema_migrations' \
           and (coalesce(col_description(c.oid, a.attnum), '') = '' or coalesce(obj_description(c.oid, 'pg_class'), '') = '')",
    )
    .await;
    assert!(silent.is_empty(), "without a comment: {silent:?}");
}

#[tokio::test]
async fn every_tenant_table_has_the_second_wall() {
    let (_setting, client) = catalogue().await;
    let walled = texts(
        &client,
        "select c.relname::text from pg_class c join pg_policy p on p.polrelid = c.oid \
         where c.relrowsecurity and (c.relforcerowsecurity or c.relname = 'accounts') order by 1",
    )
    .await
    .concat();
    assert_eq!(walled, tenant_tables());
}

#[tokio::test]
async fn diesel_sees_the_tables_as_they_are() {
    let (_setting, client) = catalogue().await;
    let mut stored: BTreeMap<String, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
    for column in texts(
        &client,
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text \
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> '__diesel_schema_migrations'",
    )
    .await
    {
        let [table, name, kind, not_null] = column.as_slice() else { unreachable!() };
        let kind = diesel_type(kind);
        let kind = if not_null == "true" { kind.to_owned() } else { format!("Nullable<{kind}>") };
        stored.entry(table.clone()).or_default().1.insert(format!("{name} -> {kind}"));
    }
    for key in texts(
        &client,
        "select c.relname::text, a.attname::text from pg_index i join pg_class c on c.oid = i.indrelid \
         cross join unnest(i.indkey) with ordinality as k(number, place) \
         join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number \
         where i.indisprimary and c.relnamespace = 'public'::regnamespace and c.relname <> '__diesel_schema_migrations' \
         order by c.relname, k.place",
    )
    .await
    {
        let [table, name] = key.as_slice() else { unreachable!() };
        stored.get_mut(table).unwrap().0.push(name.clone());
    }
    assert_eq!(in_file(), stored);
}

fn diesel_type(kind: &str) -> &'static str {
    match kind {
        "bigint" => "BigInt",
        "boolean" => "Bool",
        "bytea" => "Bytea",
        "date" => "Date",
        "double precision" => "Double",
        "integer" => "Integer",
        "jsonb" => "Jsonb",
        "text" => "Text",
        "timestamp with time zone" => "Timestamptz",
        "uuid" => "Uuid",
        other => panic!("no column has been a {other} before"),
    }
}

/// `src/schema.rs`: primary key and columns of each table.
fn in_file() -> BTreeMap<String, (Vec<String>, BTreeSet<String>)> {
    let file = include_str!("../../src/schema.rs");
    let tables = file.split("diesel::table! {").skip(1);
    tables
        .map(|table| {
            let (head, columns) = table.split_once(") {").unwrap();
            let (name, key) = head.trim().split_once(" (").unwrap();
            let (columns, _) = columns.split_once('}').unwrap();
            let columns = columns.lines().filter(|line| line.contains(" -> "));
            // A column whose name is a word of Rust has an underscore in the file.
            let columns = columns.map(|line| line.trim().trim_end_matches(',').replace("_ -> ", " -> "));
            (name.to_owned(), (key.split(", ").map(str::to_owned).collect(), columns.collect()))
        })
        .collect()
}

#[tokio::test]
async fn the_migrations_can_be_taken_back_and_made_again() {
    let (_setting, client) = catalogue().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut steps: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    steps.sort();
    for step in steps.iter().rev() {
        client.batch_execute(&std::fs::read_to_string(step.join("down.sql")).unwrap()).await.unwrap();
    }
    let left = texts(
        &client,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' \
         and relname <> '__diesel_schema_migrations'",
    )
    .await;
    assert!(left.is_empty(), "{left:?}");
    for step in &steps {
        client.batch_execute(&std::fs::read_to_string(step.join("up.sql")).unwrap()).await.unwrap();
    }
}
