//! What Citus asks of statements on tenant rows, held without Citus.
//!
//! Every function that takes a session is called once (or once for each shape its statement has), and what it sends to
//! Postgres is overheard. A function of the crate that is called nowhere here fails a test, so none is forgotten.

#[path = "plans/hearing.rs"]
mod hearing; // calls every function and overhears its statements
#[path = "plans/reading.rs"]
mod reading;
#[path = "plans/sources.rs"]
mod sources; // which functions the crate has
#[path = "plans/writing.rs"]
mod writing;

use hearing::{Heard, hear};
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

use crate::setting::{Setting, client};

/// Tenant tables and the column that names the account.
const TENANT_TABLES: [(&str, &str); 18] = [
    ("accounts", "id"),
    ("audit_entries", "account_id"),
    ("companies", "account_id"),
    ("contact_companies", "account_id"),
    ("contacts", "account_id"),
    ("conversation_companies", "account_id"),
    ("conversations", "account_id"),
    ("erasures", "account_id"),
    ("hooks", "account_id"),
    ("integrations", "account_id"),
    ("match_decisions", "account_id"),
    ("messages", "account_id"),
    ("operators", "account_id"),
    ("profiles", "account_id"),
    ("sightings", "account_id"),
    ("sync_runs", "account_id"),
    ("unreadable_records", "account_id"),
    ("wanted_records", "account_id"),
];

/// The one statement that is meant to run on every shard: the walk from account to account.
const ALL_ACCOUNTS: &str = r#"SELECT "accounts"."id" FROM "accounts""#;

#[tokio::test]
async fn every_function_that_takes_a_session_is_called_here() {
    let Heard { called, .. } = hear().await;
    let forgotten: Vec<String> = sources::functions()
        .into_iter()
        .filter(|function| !function.names().any(|name| called.contains(&name)))
        .map(|function| function.full_name())
        .collect();
    assert!(forgotten.is_empty(), "call these in tests/it/plans/reading.rs or writing.rs: {forgotten:?}");
}

#[tokio::test]
async fn every_scan_of_tenant_rows_names_the_account() {
    let Heard { statements, setting, .. } = hear().await;
    assert!(statements.len() > 100, "only {} statements were overheard", statements.len());
    let client = planner(&setting).await;
    let mut faults = Vec::new();
    for statement in statements.iter().filter(|statement| *statement != ALL_ACCOUNTS) {
        let plan = generic_plan(&client, statement).await;
        faults.extend(unbound_scans(&plan).into_iter().map(|scan| format!("{scan}\n    in: {statement}")));
    }
    assert!(faults.is_empty(), "these would run on every shard:\n{}", faults.join("\n"));
}

#[tokio::test]
async fn a_scan_that_the_account_reaches_only_row_by_row_is_found() {
    let setting = Setting::new().await;
    let client = planner(&setting).await;
    for (statement, faults) in [
        (
            "select from contacts k join profiles p on p.account_id = k.account_id and p.contact_id = k.id where k.account_id = $1",
            0,
        ),
        ("select from contacts where account_id = any($1)", 1),
        (
            "select (select count(*) from messages m where m.account_id = c.account_id and m.conversation_id = c.id) \
          from conversations c where c.account_id = $1",
            1,
        ),
        ("select from unnest($1::uuid[]) as u(id) join hooks h on h.account_id = u.id", 1),
        (
            "delete from hooks where account_id = $1 and id in (select h.id from hooks h where h.integration_id = $2)",
            1,
        ),
    ] {
        let plan = generic_plan(&client, statement).await;
        assert_eq!(unbound_scans(&plan).len(), faults, "{statement}: {plan:#}");
    }
}

async fn planner(setting: &Setting) -> tokio_postgres::Client {
    let client = client(setting.url()).await;
    client.batch_execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    client
}

/// How Postgres runs the statement when it knows none of its values.
async fn generic_plan(client: &tokio_postgres::Client, statement: &str) -> Value {
    let parameters = (1..100).take_while(|number| statement.contains(&format!("${number}"))).count();
    let nulls = vec!["null"; parameters].join(", ");
    let arguments = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let script = format!(
        "prepare heard as {statement}; explain (format json) execute heard{arguments}; deallocate heard"
    );
    let answer = client.simple_query(&script).await;
    let answer = answer.unwrap_or_else(|error| panic!("{:?}: {statement}", error.as_db_error()));
    let row = answer
        .iter()
        .find_map(|message| if let SimpleQueryMessage::Row(row) = message { row.get(0) } else { None });
    let plans: Value = serde_json::from_str(row.expect("a plan")).unwrap();
    plans[0]["Plan"].clone()
}

/// Scans of tenant tables whose conditions do not name the account.
fn unbound_scans(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let table = plan["Relation Name"].as_str().unwrap_or_default();
    let tenant = TENANT_TABLES.iter().find(|(name, _)| *name == table);
    if let Some((_, column)) = tenant.filter(|_| plan["Node Type"] != "ModifyTable") {
        let conditions: Vec<&str> =
            ["Index Cond", "Recheck Cond", "Filter"].iter().filter_map(|name| plan[name].as_str()).collect();
        if !conditions.iter().any(|condition| names_account(condition, column)) {
            found.push(format!("{} of {table}: {conditions:?}", plan["Node Type"]));
        }
    }
    let below = plan["Plans"].as_array().into_iter().flatten();
    found.extend(below.flat_map(unbound_scans));
    found
}

/// Whether a condition compares this very column with a parameter.
fn names_account(condition: &str, column: &str) -> bool {
    let equals = format!("{column} = $");
    condition.match_indices(&equals).any(|(place, _)| {
        !condition[..place].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

#[test]
fn a_condition_on_another_column_is_not_the_accounts() {
    assert!(names_account("((account_id = $1) AND (id = $2))", "account_id"));
    assert!(names_account("(c.account_id = $1)", "account_id"));
    assert!(!names_account("(account_id = c.account_id)", "account_id"));
    assert!(!names_account("(contact_id = $1)", "id"));
}
