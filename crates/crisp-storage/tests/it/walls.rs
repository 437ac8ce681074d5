//! Row-level security: what one account's transaction sees and may write, with two accounts full of the same rows.

use crisp_domain::ids::{AccountId, IntegrationId};
use crisp_storage::{Database, DatabaseOptions, integrations};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::catalogue::tenant_tables;
use crate::setting::{Setting, client, now};

/// One row in every tenant table; the same ids and texts for whichever account.
const ROWS: &str = "
insert into accounts values ('{account}', now()) on conflict do nothing;
insert into integrations (account_id, id, state, connection_code, settings, created_at, updated_at)
    values ('{account}', '{id}', 'active', 'code', '{}', now(), now());
insert into audit_entries values ('{account}', '{id}', now(), 'somebody', 'something', null, '{}');
insert into companies values ('{account}', '{id}', 'c1', 'Acme', now(), now());
insert into contacts (account_id, id, external_id, email_key, attributes, from_crisp, created_at, updated_at)
    values ('{account}', '{id}', 'p1', 'ana@x.example', '{}', '{}', now(), now());
insert into contact_companies values ('{account}', '{id}', '{id}', 0);
insert into profiles (account_id, integration_id, people_id, contact_id, raw, created_at, updated_at)
    values ('{account}', '{id}', 'people', '{id}', '{}', now(), now());
insert into erasures values ('{account}', 'a', 'a', now());
insert into conversations (account_id, id, integration_id, session_id, status, contact_id, created_at, updated_at)
    values ('{account}', '{id}', '{id}', 'session', 'pending', '{id}', now(), now());
insert into conversation_companies values ('{account}', '{id}', '{id}', now());
insert into messages (account_id, conversation_id, fingerprint, id, created_at, updated_at)
    values ('{account}', '{id}', 1, '{id}', now(), now());
insert into match_decisions values ('{account}', '{id}', '{id}', now(), 'test', '{}');
insert into operators values ('{account}', '{id}', 'operator', 'Ola', now());
insert into unreadable_records values ('{account}', '{id}', 'profile', 'people', 'odd', now());
insert into sync_runs (account_id, id, integration_id, kind, trigger, state, queued_at, updated_at)
    values ('{account}', '{id}', '{id}', 'full', 'manual', 'running', now(), now());
insert into sightings values ('{account}', '{id}', 'profile', 'people');
insert into hooks (account_id, id, integration_id, dedupe_key, event, body, received_at)
    values ('{account}', '{id}', '{id}', 'a', 'event', 'body', now());
insert into wanted_records (account_id, integration_id, kind, external_id, reason, due_at, created_at)
    values ('{account}', '{id}', 'profile', 'people', 'test', now(), now());
";

struct Walls {
    _setting: Setting,
    client: Client,
    own: AccountId,
    other: AccountId,
}

impl Walls {
    async fn new() -> Self {
        let setting = Setting::new().await;
        let client = client(setting.url()).await;
        let (own, other, id) =
            (AccountId::new_v7(now()), AccountId::new_v7(now()), IntegrationId::new_v7(now()));
        for account in [own, other] {
            let rows = ROWS.replace("{account}", &account.to_string()).replace("{id}", &id.to_string());
            client.batch_execute(&rows).await.unwrap();
        }
        Self { _setting: setting, client, own, other }
    }

    /// Runs a statement as [`Database`] would run it for the account; nothing of it stays.
    async fn run(&self, account: Option<AccountId>, statement: &str) -> Result<i64, SqlState> {
        let account = account.map_or_else(String::new, |id| format!("set local app.account_id = '{id}'"));
        self.client.batch_execute(&format!("begin; set local role crisp_tenant; {account}")).await.unwrap();
        let counted = format!("with done as ({statement}) select count(*) from done");
        let answer = self.client.query_one(&counted, &[]).await;
        self.client.batch_execute("rollback").await.unwrap();
        answer.map(|row| row.get(0)).map_err(|error| error.code().cloned().unwrap())
    }
}

fn key(table: &str) -> &'static str {
    if table == "accounts" { "id" } else { "account_id" }
}

#[tokio::test]
async fn an_account_sees_its_own_rows_and_no_others() {
    let walls = Walls::new().await;
    for table in tenant_tables() {
        let all = format!("select * from {table}");
        let theirs = format!("select * from {table} where {} = '{}'", key(table), walls.other);
        assert_eq!(walls.run(Some(walls.own), &all).await, Ok(1), "{table}");
        assert_eq!(walls.run(Some(walls.own), &theirs).await, Ok(0), "{table}");
        assert_eq!(walls.run(None, &all).await, Ok(0), "{table} without an account");
    }
}

#[tokio::test]
async fn an_account_can_neither_make_nor_change_nor_delete_rows_of_another() {
    let walls = Walls::new().await;
    for table in tenant_tables() {
        let (key, other) = (key(table), walls.other);
        let insert = format!(
            "insert into {table} select r.* from {table} t cross join lateral \
             jsonb_populate_record(null::{table}, to_jsonb(t) || jsonb_build_object('{key}', '{other}')) r returning 1"
        );
        assert_eq!(
            walls.run(Some(walls.own), &insert).await,
            Err(SqlState::INSUFFICIENT_PRIVILEGE),
            "{table}"
        );
        let update = format!("update {table} set {key} = '{other}' returning 1");
        assert_eq!(
            walls.run(Some(walls.own), &update).await,
            Err(SqlState::INSUFFICIENT_PRIVILEGE),
            "{table}"
        );
        if table != "audit_entries" {
            let delete = format!("delete from {table} where {key} = '{other}' returning 1");
            assert_eq!(walls.run(Some(walls.own), &delete).await, Ok(0), "{table}");
        }
    }
}

#[tokio::test]
async fn the_audit_log_is_append_only_and_secrets_are_out_of_reach() {
    let walls = Walls::new().await;
    for statement in [
        "update audit_entries set actor = 'nobody' returning 1",
        "delete from audit_entries returning 1",
        "select 1 from sealed_secrets",
        "select 1 from quota_state",
        "select 1 from quota_grants",
        "delete from request_counts returning 1",
        "update quota_waiters set returns_at = now() returning 1",
        "insert into unclaimed_hooks values ('2026-01-01', 1) returning 1",
        "delete from work_items returning 1",
        "update website_claims set claimed_at = now() returning 1",
        "delete from recent_claims returning 1",
    ] {
        let answer = walls.run(Some(walls.own), statement).await;
        assert_eq!(answer, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{statement}");
    }
}

#[tokio::test]
async fn an_account_neither_sees_nor_makes_nor_ends_another_accounts_claim() {
    let walls = Walls::new().await;
    let claim = |account: AccountId| {
        format!(
            "insert into website_claims values (gen_random_uuid(), '{account}', gen_random_uuid(), now())"
        )
    };
    walls.client.batch_execute(&claim(walls.other)).await.unwrap();
    let own = walls.own;
    assert_eq!(walls.run(Some(own), "select * from website_claims").await, Ok(0));
    assert_eq!(walls.run(Some(walls.other), "select * from website_claims").await, Ok(1));
    assert_eq!(walls.run(Some(own), "delete from website_claims returning 1").await, Ok(0));
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(walls.run(Some(own), &format!("{} returning 1", claim(walls.other))).await, refused);
    assert_eq!(walls.run(Some(own), &format!("{} returning 1", claim(own))).await, Ok(1));
    let remembered = claim(walls.other).replace(
        "website_claims values (gen_random_uuid(), ",
        "recent_claims values (gen_random_uuid(), gen_random_uuid(), ",
    );
    assert_eq!(walls.run(Some(own), &format!("{remembered} returning 1")).await, refused);
}

/// A user who may neither make roles nor take any, with a schema of its own.
async fn restricted(setting: &Setting) -> Database {
    let admin = client(setting.url()).await;
    admin
        .batch_execute(
            "do $$ begin create role crisp_tests_restricted login password 'restricted'; \
             exception when duplicate_object or unique_violation then null; end $$; \
             create schema restricted authorization crisp_tests_restricted",
        )
        .await
        .unwrap();
    let (_, place) = setting.url().split_once('@').unwrap();
    let separator = if place.contains('?') { '&' } else { '?' };
    let url = format!(
        "postgres://crisp_tests_restricted:restricted@{place}{separator}options=-csearch_path%3Drestricted"
    );
    Database::connect(DatabaseOptions::new(url.into())).unwrap()
}

#[tokio::test]
async fn without_the_role_the_owner_is_bound_by_the_same_wall() {
    let setting = Setting::new().await;
    assert!(setting.database.takes_tenant_role().await.unwrap());
    let database = restricted(&setting).await;
    let account = AccountId::new_v7(now());
    assert!(
        database.read(account).await.is_err(),
        "nothing is remembered of a database that is not migrated"
    );
    database.migrate().await.unwrap();
    assert!(!database.takes_tenant_role().await.unwrap());

    let id = IntegrationId::new_v7(now());
    let mut session = database.write(account).await.unwrap();
    let row =
        integrations::IntegrationRow::draft(account, id, "code".to_owned(), serde_json::json!({}), now());
    integrations::insert(&mut session, &row).await.unwrap();
    session.commit().await.unwrap();

    let mut session = database.read(account).await.unwrap();
    assert_eq!(integrations::list(&mut session).await.unwrap().len(), 1);
    let owner =
        client(&setting.url().replacen("postgres://postgres@", "postgres://crisp_tests_restricted@", 1))
            .await;
    let seen = owner.query_one("select count(*) from restricted.integrations", &[]).await.unwrap();
    assert_eq!(seen.get::<_, i64>(0), 0, "the owner sees nothing without an account");
    assert_eq!(database.list_accounts().await.unwrap(), [account], "but which accounts there are");
}
