use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crisp_client::{Client, ClientOptions, Credentials, Error, Page, PeopleQuery, Profile, WebsiteId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const IDENTIFIER: &str = "7c3ef21c-1e04-41ce-8c06-5605c346f73e";
pub(crate) const KEY: &str = "cc29e1a5086e428fcc6a697d5837a66d82808e65c5cce006fbf2191ceea80a0a";

pub(crate) fn website() -> WebsiteId {
    "8c842203-7ed8-4e29-a608-7cf78a7d2fcc".parse().unwrap()
}

pub(crate) fn options(base_url: &str) -> ClientOptions {
    let credentials = Credentials::new(IDENTIFIER, &KEY.into());
    let usual = ClientOptions::new(base_url.parse().unwrap(), credentials);
    ClientOptions { first_wait: Duration::from_millis(1), max_attempts: 3, ..usual }
}

pub(crate) fn client(base_url: &str) -> Client {
    Client::new(options(base_url)).unwrap()
}

/// A Crisp that answers everything alike.
pub(crate) async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.into(), "application/json; charset=utf-8")
}

/// The first page of people of a Crisp that answers so.
pub(crate) async fn people(answer: ResponseTemplate) -> Result<Page<Profile>, Error> {
    let server = answering(answer).await;
    client(&server.uri()).people_page(website(), &PeopleQuery::default()).await
}

/// A server that writes these bytes to whoever connects, and hangs up. For answers that no server library would give.
pub(crate) async fn writing(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(bytes).await;
        }
    });
    address
}

/// A server that answers every request of a connection with these bytes and counts the connections.
pub(crate) async fn keeping_alive(bytes: &'static [u8]) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while connection.read(&mut request).await.is_ok_and(|length| length > 0) {
                    let _ = connection.write_all(bytes).await;
                }
            });
        }
    });
    (address, connections)
}
