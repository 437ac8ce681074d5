//! What Crisp says about the plugin on a website, and whether it proves whose the website is.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::{Client, Error, WebsiteId};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::AccountSession;
use crisp_storage::erasure::ErasureKey;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::quota::Purpose;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::clock;
use crate::engine::Engine;
use crate::error::{Attention, chain_of};
use crate::patience::{FOR_A_LOOK, within};
use crate::refusal::Refusal;

/// Where in the plugin's settings the connection code is looked for.
const CODE_KEY: &str = "custify_connection_code";
/// How long a proof by callback outlives the connection: a mistaken disconnect can be undone, a website that went to
/// somebody else long ago cannot be taken back without a fresh proof.
pub(crate) const PROOF_OUTLIVES: TimeDelta = TimeDelta::hours(24);

/// How it was proven that a website is the account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The installer's browser carried the website's token.
    Callback,
    /// It did so before.
    EarlierCallback,
    /// The plugin's settings in Crisp hold the connection code.
    ConnectionCode,
}

impl Proof {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::EarlierCallback => "earlier_callback",
            Self::ConnectionCode => "connection_code",
        }
    }
}

/// The plugin on one website, as Crisp tells it.
pub(super) struct Inspection {
    pub(super) website: WebsiteId,
    pub(super) token: Option<SecretString>,
    pub(super) name: Option<String>,
    settings: Value,
}

/// Asks Crisp about the plugin on a website; `None` where it is not installed.
pub(super) async fn inspect(
    engine: &Engine,
    account: AccountId,
    website: WebsiteId,
) -> Result<Option<Inspection>, Error> {
    let (client, meter) = engine.crisp(account, Purpose::Interactive);
    let outcome = within(FOR_A_LOOK, ask(engine, &client, website)).await;
    meter.close().await;
    match outcome {
        Ok(inspection) => Ok(inspection),
        Err(Error::NotSubscribed | Error::NotFound) => Ok(None),
        Err(error) => {
            tracing::warn!(%website, error = chain_of(&error), "Crisp could not be asked about a website");
            Err(error)
        }
    }
}

async fn ask(engine: &Engine, client: &Client, website: WebsiteId) -> Result<Option<Inspection>, Error> {
    let plugin = engine.options.plugin_id;
    if !client.subscription(website, plugin).await?.active {
        return Ok(None);
    }
    let kept = client.subscription_settings(website, plugin).await?;
    let name = match client.website(website).await {
        Ok(found) => found.name.map(|name| crisp_domain::text::storable(&name)),
        // The name is a nicety.
        Err(Error::Forbidden | Error::PlanMissing | Error::Malformed { .. } | Error::Rejected { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Some(Inspection { website, token: kept.token, name, settings: kept.settings }))
}

impl Inspection {
    /// Whether `presented` is the token that Crisp keeps for this website and plugin.
    pub(super) fn has_token(&self, presented: &SecretString) -> bool {
        self.token.as_ref().is_some_and(|token| same(token.expose_secret(), presented.expose_secret()))
    }

    /// What proves the website for this integration without a new callback, if anything does.
    pub(super) fn proof(&self, row: &IntegrationRow, past: &Past<'_>, now: DateTime<Utc>) -> Option<Proof> {
        if self.is_proven_before(row, past, now) {
            return Some(Proof::EarlierCallback);
        }
        self.has_code(&row.connection_code).then_some(Proof::ConnectionCode)
    }

    /// Whether the plugin's settings in Crisp hold this connection code.
    fn has_code(&self, code: &str) -> bool {
        let held = self.settings.get(CODE_KEY).and_then(Value::as_str);
        held.is_some_and(|held| same(code.trim(), held.trim()))
    }

    /// An earlier proof holds while nothing says that the website has changed hands since: the plugin was not
    /// uninstalled, nobody else proved it, and Crisp keeps the very token of then.
    fn is_proven_before(&self, row: &IntegrationRow, past: &Past<'_>, now: DateTime<Utc>) -> bool {
        let gone_for = row.disconnected_at.map_or(TimeDelta::zero(), |gone_at| now - gone_at);
        let uninstalled: &str = Attention::PluginUninstalled.into();
        let hash = self.token.as_ref().map(|token| past.key.hash_website_token(past.account, token));
        let token_then = row.proven_token_hash.as_deref();
        row.proven_website_id == Some(self.website.as_uuid())
            && gone_for < PROOF_OUTLIVES
            && row.disconnect_reason.as_deref() != Some(uninstalled)
            && !past.claimed_by_another
            && hash.zip(token_then).is_some_and(|(now, then)| bool::from(now.as_slice().ct_eq(then)))
    }

    /// What happened to the website while the account did not hold it, for as long as a proof outlives a connection.
    pub(super) async fn past<'a>(&self, engine: &'a Engine, account: AccountId) -> Result<Past<'a>, Refusal> {
        let since = clock::now() - PROOF_OUTLIVES;
        let claimed_by_another = engine.database.was_claimed_by_another(self.website, account, since).await?;
        Ok(Past { claimed_by_another, key: &engine.erasure, account })
    }
}

/// What a proof of earlier is held against.
pub(super) struct Past<'a> {
    claimed_by_another: bool,
    key: &'a ErasureKey,
    account: AccountId,
}

/// What proves the website to be the account's: what the integration itself has to show, else what another one of the
/// account has. A proof tells whose the website is, and that is the same for all integrations of an account.
pub(super) async fn proof_of_account(
    session: &mut AccountSession,
    inspection: &Inspection,
    integration: IntegrationId,
    past: &Past<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Proof>, crisp_storage::Error> {
    let rows = integrations::list(session).await?;
    let (own, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.integration_id() == integration);
    Ok(own.into_iter().chain(others).find_map(|row| inspection.proof(row, past, now)))
}

/// Compares two secrets in a time that tells nothing but their length. An empty secret equals none.
fn same(left: &str, right: &str) -> bool {
    !left.is_empty() && bool::from(left.as_bytes().ct_eq(right.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn inspection(token: Option<&str>, settings: Value) -> Inspection {
        let website = WebsiteId::new(Uuid::from_u128(9));
        Inspection { website, token: token.map(SecretString::from), name: None, settings }
    }

    #[test]
    fn only_the_very_token_is_the_token() {
        let inspected = inspection(Some("tok-123"), json!({}));
        assert!(inspected.has_token(&"tok-123".into()));
        for guess in ["", "tok-12", "tok-1234", "TOK-123"] {
            assert!(!inspected.has_token(&guess.into()), "{guess}");
        }
        assert!(!inspection(None, json!({})).has_token(&"".into()));
        assert!(!inspection(Some(""), json!({})).has_token(&"".into()));
    }

    #[test]
    fn the_connection_code_proves_and_nothing_like_it() {
        let proves = |settings| inspection(None, settings).has_code("custify-1");
        assert!(proves(json!({"custify_connection_code": " custify-1\n"})));
        for odd in
            [json!({}), json!(null), json!({"custify_connection_code": 1}), json!({"code": "custify-1"})]
        {
            assert!(!proves(odd));
        }
        assert!(!inspection(None, json!({"custify_connection_code": ""})).has_code(""));
    }
}
