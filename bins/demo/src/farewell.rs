//! What to open and what to paste.

use std::io::Write as _;

use serde_json::Value;

use crate::import::Imported;
use crate::stage::Stage;

/// Says where everything is.
pub(crate) fn say(
    stage: &Stage,
    integration: &str,
    imported: &Imported,
    companies: &[String],
) -> anyhow::Result<()> {
    let (url, token) = (stage.caller.url.as_str().trim_end_matches('/'), &stage.caller.token);
    let company = companies.get(2).or(companies.first()).map_or("cmp-00001", String::as_str);
    let (crisp, summary) = (stage.crisp.app_url(), summary(imported));
    writeln!(
        std::io::stdout(),
        "
{summary}

Open {url}/ and sign in with this token:

{token}

Or paste into a shell:

export TOKEN={token}
curl -s -H \"Authorization: Bearer $TOKEN\" {url}/v1/integrations/{integration}
curl -s -H \"Authorization: Bearer $TOKEN\" '{url}/v1/contacts?source=crisp&limit=3'
curl -s -H \"Authorization: Bearer $TOKEN\" '{url}/v1/companies/{company}/conversations?limit=3'
curl -s -H \"Authorization: Bearer $TOKEN\" {url}/v1/companies/{company}/support
curl -s -H \"Authorization: Bearer $TOKEN\" {url}/v1/integrations/{integration}/diagnosis
curl -s {url}/openapi.json
curl -s {url}/metrics

Crisp is simulated at {crisp}. Every few seconds somebody writes there; it arrives here by web hook.
Ctrl-C ends everything."
    )?;
    Ok(())
}

fn summary(imported: &Imported) -> String {
    let count = |path: &str| imported.record.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    format!(
        "The first import {}: {} people, {} conversations ({} more match nobody), {} messages, {} requests to Crisp.",
        imported.state(),
        count("/people/created") + count("/people/updated"),
        count("/conversations/created"),
        count("/conversations/skipped"),
        count("/messages/created"),
        count("/crisp_requests"),
    )
}
