//! Calling what is under test as any other program does: HTTP, JSON and a bearer token.

use anyhow::{Context, Result};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

/// When tokens of tests end (seconds since 1970): in the year 2100.
const FOREVER: i64 = 4_102_444_800;

/// Somebody who may do everything in an account.
#[derive(Debug, Clone)]
pub struct Caller {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Caller {
    /// With a token signed by `secret` (`AUTH_JWT_HS256_SECRET`), for the api at `base`.
    pub fn new(base: &str, secret: &str, account: uuid::Uuid) -> Result<Self> {
        let permissions = ["integrations:manage", "conversations:read", "directory:write"];
        let claims =
            json!({"sub": "tester", "account_id": account, "permissions": permissions, "exp": FOREVER});
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key)?;
        let http = reqwest::Client::builder().build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), token, http })
    }

    /// The answer to a `GET`, which has to be a success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = request.send().await.context("nobody answers")?.error_for_status()?;
        Ok(answer.json().await?)
    }
}
