//! The HTTP server: where it listens and how it is reached.

use url::Url;

use crate::listen::ListenAddress;
use crate::refused::{Found, Refusal, Refused};
use crate::value;

const LISTEN: &str = "API_LISTEN";
const PUBLIC_URL: &str = "API_PUBLIC_URL";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The flags and variables of the HTTP server.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP server")]
pub struct ApiArgs {
    /// Address to listen on; 0.0.0.0:8080 for all interfaces.
    #[arg(long, global = true, env = LISTEN, default_value = DEFAULT_LISTEN, value_name = "HOST:PORT")]
    api_listen: String,
    /// How browsers and Crisp reach this server. Without it: `http://` and the address it listens on.
    #[arg(long, global = true, env = PUBLIC_URL, value_name = "URL")]
    api_public_url: Option<String>,
}

/// The HTTP server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// Where it listens.
    pub listen: ListenAddress,
    /// How browsers and Crisp reach it.
    pub public_url: Url,
}

impl ApiArgs {
    /// The address and the public address; both have defaults.
    pub fn resolve(&self) -> Result<ApiSettings, Refused> {
        let mut found = Found::default();
        let listen = value::present(Some(&self.api_listen)).unwrap_or(DEFAULT_LISTEN);
        let listen = found.read(listen_address(LISTEN, listen));
        let public_url = listen.as_ref().and_then(|listen| found.read(self.public_url(listen)));
        let settings = listen.zip(public_url).map(|(listen, public_url)| ApiSettings { listen, public_url });
        found.finish(settings)
    }

    fn public_url(&self, listen: &ListenAddress) -> Result<Url, Refusal> {
        let of_listen = format!("http://{listen}");
        let given = value::present(self.api_public_url.as_deref()).unwrap_or(&of_listen);
        value::address(PUBLIC_URL, given, "https://crisp.example.com")
    }
}

pub(crate) fn listen_address(name: &'static str, given: &str) -> Result<ListenAddress, Refusal> {
    let wrong = |_| {
        Refusal::new(name, format!("is {given:?}, which is no host:port"), "Give it as in 127.0.0.1:8080.")
    };
    given.parse().map_err(wrong)
}
