//! The client: one connection pool, one credential, a gate before every attempt.

mod calls;
mod options;
mod pages;
mod records;
mod reply;
mod request;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backon::Retryable;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use crate::decode;
use crate::error::{Error, Outage};
use crate::gate::{Gate, Outcome, Unlimited};
use crate::ids::WebsiteId;
use crate::pacing;
use crate::page::{Page, Wire};

pub use options::{ClientOptions, Credentials, DEFAULT_BASE_URL, USER_AGENT};
use reply::{Answer, Reply};
use request::Request;

/// Longest time to establish a connection, if the request as a whole may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads from Crisp. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    gate: Arc<dyn Gate>,
}

struct Shared {
    http: reqwest::Client,
    options: ClientOptions,
    /// Websites for which Crisp has proven not to know `filter_inbox_id=all`.
    without_inboxes: Mutex<HashSet<WebsiteId>>,
}

impl Client {
    /// Builds a client that makes requests without any limit of its own.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        let options = options.checked()?;
        let http = http_client(&options)
            .map_err(|source| Error::Setup { what: "its HTTP client", source: Some(source.without_url()) })?;
        let shared = Shared { http, options, without_inboxes: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), gate: Arc::new(Unlimited) })
    }

    /// The same client, connections included, behind another gate.
    #[must_use]
    pub fn with_gate(&self, gate: Arc<dyn Gate>) -> Self {
        Self { shared: Arc::clone(&self.shared), gate }
    }

    /// Reads a list, record by record.
    async fn list<T: Wire>(&self, request: &Request<'_>) -> Result<Page<T>, Error> {
        let answer = self.ask(request).await?;
        let listed = records::records(&answer.data)
            .map_err(|flaw| Error::malformed(within_data(&flaw.path), decode::reason(&flaw.cause)))?;
        Ok(Page {
            records: listed.records,
            damaged: listed.damaged,
            mistyped: listed.mistyped,
            more: answer.more,
        })
    }

    /// Reads one object.
    async fn one<T: Wire>(&self, request: &Request<'_>) -> Result<T, Error> {
        let answer = self.ask(request).await?;
        records::record(&answer.data).map_err(|odd| Error::malformed(within_data(&odd.path), odd.detail))
    }

    /// Reads `data` as it is.
    async fn value(&self, request: &Request<'_>) -> Result<Value, Error> {
        let answer = self.ask(request).await?;
        decode::lenient(answer.data.get())
            .map(|(value, _)| value)
            .map_err(|flaw| Error::malformed(within_data(&flaw.path), decode::reason(&flaw.cause)))
    }

    /// Makes a request, again if that may help.
    async fn ask(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let url = request.url(&self.shared.options.base_url)?;
        let plan = pacing::backoff(self.shared.options.first_wait, self.shared.options.max_attempts);
        let patience = self.gate.patience();
        (|| self.attempt(request.route, url.clone()))
            .retry(plan)
            .when(|error| pacing::worth_retrying(error, patience))
            .adjust(pacing::wait)
            .await
    }

    async fn attempt(&self, route: &'static str, url: Url) -> Result<Answer, Error> {
        self.gate.admit().await.map_err(Error::Refused)?;
        let reply = self.exchange(url).await;
        let outcome = reply.as_ref().map_or(Outcome::NoAnswer, Reply::outcome);
        self.gate.observe(&outcome).await;
        tracing::debug!(route, ?outcome, "asked Crisp");
        reply?.judge()
    }

    async fn exchange(&self, url: Url) -> Result<Reply, Outage> {
        let credentials = &self.shared.options.credentials;
        let request = self.shared.http.get(url).basic_auth(credentials.identifier(), Some(credentials.key()));
        let mut response = request.send().await.map_err(outage)?;
        let mut reply = Reply::new(response.status().as_u16(), response.headers());
        match read_body(&mut response, self.shared.options.max_body_bytes).await {
            Ok(body) => reply.body = body,
            // A status stands whatever became of the words that came with it.
            Err(_) if !reply.is_success() => {}
            Err(outage) => return Err(outage),
        }
        Ok(reply)
    }
}

async fn read_body(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, Outage> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(outage)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Outage::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Redirects could carry the credential elsewhere, a proxy would be read from the environment, and a retry below would
/// pass the gate by: none of them.
fn http_client(options: &ClientOptions) -> Result<reqwest::Client, reqwest::Error> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("x-crisp-tier"), HeaderValue::from_static("plugin"));
    reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .default_headers(headers)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .timeout(options.request_timeout)
        .connect_timeout(options.request_timeout.min(CONNECT_TIMEOUT))
        .build()
}

/// The address may hold an email, so it is taken off the cause.
fn outage(error: reqwest::Error) -> Outage {
    if error.is_timeout() { Outage::TimedOut } else { Outage::Network(error.without_url()) }
}

fn within_data(path: &str) -> String {
    match path {
        "." => "data".to_owned(),
        inner if inner.starts_with('[') => format!("data{inner}"),
        inner => format!("data.{inner}"),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
