//! Connecting: an integration is made, somebody presses *Install* on Crisp's page, and Crisp sends the browser back.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use url::Url;

use crate::show::say;
use crate::stage::Stage;

/// An integration that is connected; answers its id.
pub(crate) async fn connect(stage: &Stage) -> anyhow::Result<String> {
    forget_earlier(stage).await?;
    let made = stage.caller.post("/v1/integrations", &json!({})).await?;
    let (id, link) = (text(&made, "id")?, text(&made, "install_url")?);
    let link: Url = link.parse().context("the install link is no address")?;
    let landed = install(stage, &link).await?;
    let connected = stage.caller.get(&format!("/v1/integrations/{id}")).await?;
    if text(&connected, "state")? != "connected" {
        bail!("the installation led to {landed}, but the integration is not connected: {connected}");
    }
    say(&format!("  connected    {} ({})", text(&connected, "website_name")?, stage.website));
    Ok(id)
}

/// What the form on Crisp's install page sends; Crisp then sends the browser to our callback, and that one to the
/// settings page.
async fn install(stage: &Stage, link: &Url) -> anyhow::Result<Url> {
    let payload =
        link.query_pairs().find_map(|(name, value)| (name == "payload").then(|| value.into_owned()));
    let payload = payload.context("the install link has no payload")?;
    let form = [("payload", payload.as_str()), ("website_id", &stage.website.to_string())];
    stage.caller.press(link.as_str(), &form).await
}

/// A database that outlived an earlier demo still has its integration, and a website has one at a time.
async fn forget_earlier(stage: &Stage) -> anyhow::Result<()> {
    let integrations = stage.caller.get("/v1/integrations").await?;
    let items = integrations.get("items").and_then(Value::as_array);
    for integration in items.into_iter().flatten() {
        if text(integration, "state")? != "disconnected" {
            let id = text(integration, "id")?;
            stage.caller.delete(&format!("/v1/integrations/{id}?imported=purge")).await?;
        }
    }
    Ok(())
}

fn text(record: &Value, field: &str) -> anyhow::Result<String> {
    let value = record.get(field).and_then(Value::as_str);
    value.map(str::to_owned).with_context(|| format!("the api's answer has no {field}"))
}
