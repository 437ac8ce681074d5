//! Crisp: where it is, who we are to it, and how much we may ask.

use std::num::NonZeroU32;
use std::time::Duration;

use crisp_client::PluginId;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::refused::{Found, Refusal, Refused};
use crate::value;

const API_URL: &str = "CRISP_API_URL";
const APP_URL: &str = "CRISP_APP_URL";
const PLUGIN_ID: &str = "CRISP_PLUGIN_ID";
const IDENTIFIER: &str = "CRISP_PLUGIN_IDENTIFIER";
const KEY: &str = "CRISP_PLUGIN_KEY";
const HOOKS_SECRET: &str = "CRISP_HOOKS_SECRET";
const DAILY_QUOTA: &str = "CRISP_DAILY_QUOTA";
const QUOTA_WINDOW: &str = "CRISP_QUOTA_WINDOW_SECONDS";
const REQUEST_TIMEOUT: &str = "CRISP_REQUEST_TIMEOUT_SECONDS";

const DEFAULT_API_URL: &str = "https://api.crisp.chat/v1";
const DEFAULT_APP_URL: &str = "https://app.crisp.chat";
const DEFAULT_DAILY_QUOTA: &str = "5000";
const DEFAULT_QUOTA_WINDOW: &str = "86400";
const DEFAULT_REQUEST_TIMEOUT: &str = "10";
/// Longer than any answer that is worth waiting for, in seconds.
const LONGEST_REQUEST_TIMEOUT: u64 = 600;

/// The flags and variables of Crisp.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the flags are named after the fields, and the contract names the flags"
)]
#[command(next_help_heading = "Crisp")]
pub struct CrispArgs {
    /// Base address of Crisp's REST API.
    #[arg(long, global = true, env = API_URL, default_value = DEFAULT_API_URL, value_name = "URL")]
    crisp_api_url: String,
    /// Base address of Crisp's app, from which the install link is made.
    #[arg(long, global = true, env = APP_URL, default_value = DEFAULT_APP_URL, value_name = "URL")]
    crisp_app_url: String,
    /// Id (UUID) of the plugin, from its page in Crisp's marketplace. Required.
    #[arg(long, global = true, env = PLUGIN_ID, value_name = "UUID")]
    crisp_plugin_id: Option<String>,
    /// Identifier of the plugin token. Stored encrypted at the first start; where absent, what is stored is used.
    #[arg(long, global = true, env = IDENTIFIER, hide_env_values = true, value_name = "IDENTIFIER")]
    crisp_plugin_identifier: Option<SecretString>,
    /// A file that holds `CRISP_PLUGIN_IDENTIFIER`.
    #[arg(long, global = true, env = "CRISP_PLUGIN_IDENTIFIER_FILE", value_name = "PATH")]
    crisp_plugin_identifier_file: Option<String>,
    /// Key of the plugin token, kept like its identifier.
    #[arg(long, global = true, env = KEY, hide_env_values = true, value_name = "KEY")]
    crisp_plugin_key: Option<SecretString>,
    /// A file that holds `CRISP_PLUGIN_KEY`.
    #[arg(long, global = true, env = "CRISP_PLUGIN_KEY_FILE", value_name = "PATH")]
    crisp_plugin_key_file: Option<String>,
    /// Signing secret of the plugin's web hooks, kept like the plugin token.
    #[arg(long, global = true, env = HOOKS_SECRET, hide_env_values = true, value_name = "SECRET")]
    crisp_hooks_secret: Option<SecretString>,
    /// A file that holds `CRISP_HOOKS_SECRET`.
    #[arg(long, global = true, env = "CRISP_HOOKS_SECRET_FILE", value_name = "PATH")]
    crisp_hooks_secret_file: Option<String>,
    /// How many REST requests the plugin may make in a day, for all accounts together; 0 for no limit.
    #[arg(long, global = true, env = DAILY_QUOTA, default_value = DEFAULT_DAILY_QUOTA, value_name = "REQUESTS", allow_negative_numbers = true)]
    crisp_daily_quota: String,
    /// How long that "day" is.
    #[arg(long, global = true, env = QUOTA_WINDOW, default_value = DEFAULT_QUOTA_WINDOW, value_name = "SECONDS", allow_negative_numbers = true)]
    crisp_quota_window_seconds: String,
    /// How long one request to Crisp may take.
    #[arg(long, global = true, env = REQUEST_TIMEOUT, default_value = DEFAULT_REQUEST_TIMEOUT, value_name = "SECONDS", allow_negative_numbers = true)]
    crisp_request_timeout_seconds: String,
}

/// Crisp, checked.
#[derive(Debug, Clone)]
pub struct CrispSettings {
    /// Base of the REST API, without a slash at its end.
    pub api_url: Url,
    /// Base of the install link, without a path of only a slash.
    pub app_url: Url,
    /// The plugin's id.
    pub plugin_id: PluginId,
    /// The plugin token, or `None`: then the stored one is used.
    pub credentials: Option<PluginCredentials>,
    /// The signing secret of web hooks, or `None`: then the stored one is used.
    pub hooks_secret: Option<SecretString>,
    /// Requests in a window, or `None` for no limit.
    pub daily_quota: Option<NonZeroU32>,
    /// The length of that window.
    pub quota_window: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
}

/// The plugin token: both halves or none.
#[derive(Debug, Clone)]
pub struct PluginCredentials {
    /// Its public half; kept as a secret all the same.
    pub identifier: SecretString,
    /// Its secret half.
    pub key: SecretString,
}

/// The plugin's secrets, as far as they are given.
#[derive(Debug, Clone)]
pub struct PluginSecrets {
    /// The plugin token.
    pub credentials: Option<PluginCredentials>,
    /// The signing secret of web hooks.
    pub hooks_secret: Option<SecretString>,
}

impl CrispArgs {
    /// The plugin's secrets alone, for the command that stores them: at least one of them must be given.
    pub fn resolve_secrets(&self) -> Result<PluginSecrets, Refused> {
        let mut found = Found::default();
        let (credentials, hooks_secret) = (found.read(self.credentials()), found.read(self.hooks_secret()));
        let secrets = credentials.zip(hooks_secret);
        let secrets = secrets.map(|(credentials, hooks_secret)| PluginSecrets { credentials, hooks_secret });
        let secrets = found.finish(secrets)?;
        match &secrets {
            PluginSecrets { credentials: None, hooks_secret: None } => Err(nothing_to_store().into()),
            PluginSecrets { .. } => Ok(secrets),
        }
    }

    /// The settings, with the plugin's id required and the plugin's secrets optional.
    pub fn resolve(&self) -> Result<CrispSettings, Refused> {
        let mut found = Found::default();
        let api = found.read(base(API_URL, &self.crisp_api_url, DEFAULT_API_URL));
        let app = found.read(base(APP_URL, &self.crisp_app_url, DEFAULT_APP_URL));
        let plugin_id = found.read(plugin_id(self.crisp_plugin_id.as_deref()));
        let credentials = found.read(self.credentials());
        let hooks_secret = found.read(self.hooks_secret());
        let quota = found.read(value::number(
            DAILY_QUOTA,
            &self.crisp_daily_quota,
            DEFAULT_DAILY_QUOTA,
            0..=u32::MAX,
        ));
        let quota_window =
            found.read(value::seconds(QUOTA_WINDOW, &self.crisp_quota_window_seconds, DEFAULT_QUOTA_WINDOW));
        let timeout = found.read(request_timeout(&self.crisp_request_timeout_seconds));
        let settings = (|| {
            Some(CrispSettings {
                api_url: api?,
                app_url: app?,
                plugin_id: plugin_id?,
                credentials: credentials?,
                hooks_secret: hooks_secret?,
                daily_quota: NonZeroU32::new(quota?),
                quota_window: quota_window?,
                request_timeout: timeout?,
            })
        })();
        found.finish(settings)
    }

    /// The plugin token, if it is given.
    fn credentials(&self) -> Result<Option<PluginCredentials>, Refusal> {
        let given = self.crisp_plugin_identifier.as_ref();
        let identifier = value::secret(IDENTIFIER, given, self.crisp_plugin_identifier_file.as_deref())?;
        let key = value::secret(KEY, self.crisp_plugin_key.as_ref(), self.crisp_plugin_key_file.as_deref())?;
        match (identifier, key) {
            (Some(identifier), Some(key)) => credentials(identifier, key).map(Some),
            (None, None) => Ok(None),
            (Some(_), None) => Err(half_missing(KEY, IDENTIFIER)),
            (None, Some(_)) => Err(half_missing(IDENTIFIER, KEY)),
        }
    }

    fn hooks_secret(&self) -> Result<Option<SecretString>, Refusal> {
        value::secret(HOOKS_SECRET, self.crisp_hooks_secret.as_ref(), self.crisp_hooks_secret_file.as_deref())
    }
}

fn base(name: &'static str, given: &str, default: &str) -> Result<Url, Refusal> {
    value::address(name, value::present(Some(given)).unwrap_or(default), default)
}

fn plugin_id(given: Option<&str>) -> Result<PluginId, Refusal> {
    const REMEDY: &str = "It is the UUID on the plugin's page at marketplace.crisp.chat.";
    let text = value::present(given).ok_or_else(|| Refusal::new(PLUGIN_ID, "is not set", REMEDY))?;
    let wrong = |_| Refusal::new(PLUGIN_ID, "is no UUID", REMEDY);
    text.parse().map_err(wrong)
}

/// HTTP's basic authentication separates the two by a colon, so the first can't have one.
fn credentials(identifier: SecretString, key: SecretString) -> Result<PluginCredentials, Refusal> {
    if identifier.expose_secret().contains(':') {
        return Err(Refusal::new(
            IDENTIFIER,
            "has a colon inside, which no identifier has",
            "Give the two halves of the plugin token apart, the second one as CRISP_PLUGIN_KEY.",
        ));
    }
    Ok(PluginCredentials { identifier, key })
}

fn nothing_to_store() -> Refusal {
    Refusal::new(
        IDENTIFIER,
        format!("is not set, and neither are {KEY} and {HOOKS_SECRET}"),
        format!(
            "Set {IDENTIFIER} and {KEY} to the two halves of the plugin token, or {HOOKS_SECRET} to the signing secret."
        ),
    )
}

fn half_missing(missing: &'static str, given: &'static str) -> Refusal {
    Refusal::new(
        missing,
        format!("is not set, but {given} is"),
        "The plugin token has two halves: set both or none.",
    )
}

fn request_timeout(given: &str) -> Result<Duration, Refusal> {
    value::number(REQUEST_TIMEOUT, given, DEFAULT_REQUEST_TIMEOUT, 1..=LONGEST_REQUEST_TIMEOUT)
        .map(Duration::from_secs)
}
