//! The simulator against docs/crisp-api.md.

mod changes;
mod faults;
mod hooks;
mod lists;
mod oddities;
mod rest;

use reqwest::{Method, Response};
use serde_json::Value;
use uuid::Uuid;

use super::{Options, Simulator};

/// A moment that all tests may rely on.
pub(super) const NOW: i64 = 1_767_225_600_000;

/// A plain reader of the API, with nothing clever in it.
pub(super) struct Reader {
    pub(super) crisp: Simulator,
    pub(super) website: Uuid,
    http: reqwest::Client,
}

impl Reader {
    pub(super) async fn start(options: Options) -> Self {
        let crisp = Simulator::start(options.now_ms(NOW)).await.unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirect).no_gzip().build().unwrap();
        Self { website: crisp.website_ids()[0], crisp, http }
    }

    pub(super) async fn send(&self, method: Method, path: &str) -> reqwest::Result<Response> {
        let plugin = self.crisp.plugin();
        let path = path.replace("{w}", &self.website.to_string());
        self.http
            .request(method, format!("{}/{path}", self.crisp.api_url()))
            .basic_auth(plugin.identifier, Some(plugin.key))
            .header("X-Crisp-Tier", "plugin")
            .send()
            .await
    }

    /// Status and the whole envelope.
    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.send(Method::GET, path).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// Status and `data` as a list.
    pub(super) async fn list(&self, path: &str) -> (u16, Vec<Value>) {
        let (status, envelope) = self.get(path).await;
        (status, envelope["data"].as_array().cloned().unwrap_or_default())
    }

    /// All rows of a paged list until 200.
    pub(super) async fn all(&self, list: &str, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1.. {
            let (status, mut more) = self.list(&format!("{list}/{page}?per_page=50&{query}")).await;
            rows.append(&mut more);
            if status == 200 {
                break;
            }
            assert_eq!(status, 206);
        }
        rows
    }

    /// All messages of a conversation, paged backwards.
    pub(super) async fn thread(&self, session: &str) -> Vec<Value> {
        let path = format!("website/{{w}}/conversation/{session}/messages");
        let (mut status, mut thread) = self.list(&path).await;
        while status == 206 {
            let before = thread[0]["timestamp"].as_i64().unwrap();
            let (next, mut older) = self.list(&format!("{path}?timestamp_before={before}")).await;
            older.append(&mut thread);
            (status, thread) = (next, older);
        }
        thread
    }

    /// Lengths of both lists, whose text may hold lone surrogates.
    pub(super) async fn odd_lists(&self) -> (usize, usize) {
        let mut lengths = [0, 0];
        for (length, list) in lengths.iter_mut().zip(["people/profiles", "conversations"]) {
            for page in 1.. {
                let path = format!("website/{{w}}/{list}/{page}?per_page=50");
                let response = self.send(Method::GET, &path).await.unwrap();
                let last = response.status().as_u16() == 200;
                let text = response.text().await.unwrap().replace("\\ud83d ", " ");
                let envelope: Value = serde_json::from_str(&text.replace("\\ud83d", "")).unwrap();
                *length += envelope["data"].as_array().unwrap().len();
                if last {
                    break;
                }
            }
        }
        lengths.into()
    }
}
