//! The plugin itself and where it is installed.

use std::fmt;

use secrecy::SecretString;
use serde_json::Value;

use crate::fields::{at, flag, text};
use crate::ids::WebsiteId;

/// The plugin's installation on one website.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whether the plugin may work there. Crisp lists installed websites only, so anything but a plain "no" is a yes.
    pub active: bool,
    /// Since when, as Crisp wrote it.
    pub since: Option<String>,
    /// The plugin's name.
    pub name: Option<String>,
}

impl Subscription {
    /// Reads the `data` of Crisp's answer; `None` where it is no object that could tell of an installation.
    pub fn read(data: &Value) -> Option<Self> {
        data.is_object().then(|| Self {
            active: flag(data, "active").unwrap_or(true),
            since: text(data, "since"),
            name: text(data, "name"),
        })
    }
}

/// What the plugin keeps for one website.
#[derive(Clone)]
pub struct SubscriptionSettings {
    /// Secret of this website and this plugin, which Crisp hands only to the installer's browser: whoever presents it belongs to that workspace.
    pub token: Option<SecretString>,
    /// The plugin's settings on that website; null where there are none.
    pub settings: Value,
}

impl SubscriptionSettings {
    /// Reads the `data` of Crisp's answer.
    pub fn read(data: &Value) -> Self {
        Self {
            token: text(data, "token").map(SecretString::from),
            settings: at(data, "settings").cloned().unwrap_or_default(),
        }
    }
}

impl fmt::Debug for SubscriptionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings may hold codes that prove ownership.
        f.debug_struct("SubscriptionSettings").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A website, by the name its team gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Website {
    /// The website's id.
    pub website_id: WebsiteId,
    /// Its name.
    pub name: Option<String>,
    /// Its internet domain.
    pub domain: Option<String>,
}

impl Website {
    /// Reads the `data` of Crisp's answer about this website.
    pub fn read(website_id: WebsiteId, data: &Value) -> Self {
        Self { website_id, name: text(data, "name"), domain: text(data, "domain") }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_plain_no_makes_a_subscription_inactive() {
        let active = |data| Subscription::read(&data).unwrap().active;
        assert!(!active(json!({"active": false})));
        assert!(active(json!({"active": true})));
        assert!(active(json!({"active": null, "since": 7})));
    }

    #[test]
    fn an_answer_without_a_subscription_is_none() {
        for odd in [json!(null), json!([]), json!(true), json!("x")] {
            assert_eq!(Subscription::read(&odd), None, "{odd}");
        }
    }

    #[test]
    fn the_token_and_the_settings_are_read_and_not_shown() {
        let settings = SubscriptionSettings::read(
            &json!({"token":"tok-123","settings":{"custify_connection_code":"code-9"}}),
        );
        assert_eq!(settings.token.as_ref().unwrap().expose_secret(), "tok-123");
        assert_eq!(settings.settings, json!({"custify_connection_code":"code-9"}));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("tok-123") && !shown.contains("code-9"), "{shown}");
    }
}
