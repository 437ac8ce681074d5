//! Filling the directory, as Custify's own services do: companies and who works there.

use anyhow::Context as _;
use serde_json::{Value, json};
use testkit::simulator::Member;

use crate::show::say;
use crate::stage::Stage;

/// Rows that the api takes at a time.
const BATCH: usize = 1_000;

/// Writes all companies and contacts; answers the companies' external ids.
pub(crate) async fn fill(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let directory = stage.crisp.directory(stage.website);
    let mut companies: Vec<String> = Vec::new();
    let mut rows: Vec<Value> = Vec::new();
    for company in directory.companies() {
        rows.push(json!({"external_id": company.external_id, "name": company.name}));
        companies.push(company.external_id);
    }
    write(stage, "companies", &rows).await?;
    let mut members = directory.members();
    let mut contacts = 0;
    loop {
        let rows: Vec<Value> = members.by_ref().take(BATCH).map(|member| contact(&member)).collect();
        if rows.is_empty() {
            break;
        }
        contacts += rows.len();
        write(stage, "contacts", &rows).await?;
    }
    say(&format!("  directory    {} companies, {contacts} contacts", companies.len()));
    Ok(companies)
}

fn contact(member: &Member) -> Value {
    json!({
        "external_id": format!("contact:{}", member.email),
        "email": member.email,
        "name": member.name,
        "companies": [member.company_external_id],
    })
}

async fn write(stage: &Stage, what: &str, rows: &[Value]) -> anyhow::Result<()> {
    for rows in rows.chunks(BATCH) {
        let batch = json!({ what: rows });
        stage.caller.post("/v1/directory/batch", &batch).await.context("the directory cannot be written")?;
    }
    Ok(())
}
