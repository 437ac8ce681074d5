//! Calling the api, as any other program does: HTTP, JSON and a bearer token.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN_HOLDS: TimeDelta = TimeDelta::days(7);

/// Somebody with a token of the demo's account.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) url: Url,
    pub(crate) token: String,
    http: Client,
}

impl Caller {
    /// Makes a token that may do everything in the account that belongs to this website.
    pub(crate) fn new(
        url: Url,
        website: Uuid,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let claims = json!({
            "sub": "demo",
            // The same at every start: a database that outlives the demo is found again.
            "account_id": Uuid::new_v5(&website, b"account of the demo"),
            "permissions": ["integrations:manage", "conversations:read", "directory:write"],
            "exp": (now + TOKEN_HOLDS).timestamp(),
        });
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key)?;
        let http = Client::builder().connect_timeout(PATIENCE).build()?;
        Ok(Self { url, token, http })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.call(Method::DELETE, path, None).await.map(drop)
    }

    /// An answer that goes on and on.
    pub(crate) async fn stream(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.http.get(self.url.join(path)?).bearer_auth(&self.token);
        request.send().await?.error_for_status().with_context(|| format!("GET {path}"))
    }

    /// A page as a browser opens it, without a token, following wherever it is sent. Answers where that was.
    pub(crate) async fn press(&self, button: &str, form: &[(&str, &str)]) -> anyhow::Result<Url> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(button).timeout(PATIENCE).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.send().await.context("Crisp's install page cannot be opened")?.url().clone())
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let named = format!("{method} {path}");
        let mut request =
            self.http.request(method, self.url.join(path)?).bearer_auth(&self.token).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.context(named.clone())?;
        let status = response.status();
        let text = response.text().await.context(named.clone())?;
        if !status.is_success() {
            bail!("{named} was answered with {status}: {text}");
        }
        if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text).context(named) }
    }
}
