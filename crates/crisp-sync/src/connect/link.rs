//! The install link and its payload: single-use, expiring, bound to account, integration and user.
//!
//! The payload is `account ‖ integration ‖ user tag ‖ MAC` in base64url. Its key is a nonce that only the integration's
//! row holds; using the link erases the nonce, and with it every payload that was made from it. Two people looking at
//! the same settings page get two payloads of one nonce, so neither spoils the other's link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::IntegrationRow;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::engine::EngineOptions;

/// How long an install link may be used.
pub(super) const LINK_LIVES: TimeDelta = TimeDelta::hours(24);
/// Bytes of a payload: two UUIDs, a tag of 16 and a MAC of 32.
const PAYLOAD_BYTES: usize = 16 + 16 + TAG_BYTES + 32;
const TAG_BYTES: usize = 16;

/// An address that installs the plugin. `Debug` does not show its payload.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallLink(String);

impl InstallLink {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page that installs the plugin, without anything that connects the installation to an integration.
    pub(super) fn plain(options: &EngineOptions) -> Self {
        let base = options.app_url.as_str().trim_end_matches('/');
        Self(format!("{base}/initiate/plugin/{}/", options.plugin_id))
    }
}

impl std::fmt::Debug for InstallLink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InstallLink(…)")
    }
}

/// A payload that came back from Crisp, taken apart; nothing of it is believed yet.
#[derive(Clone, Copy)]
pub(super) struct Payload {
    pub(super) account: AccountId,
    pub(super) integration: IntegrationId,
    tag: [u8; TAG_BYTES],
    mac: [u8; 32],
}

impl Payload {
    /// Takes a payload apart; `None` if it has not the form of one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > 2 * PAYLOAD_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text.trim_end_matches('='))
            .ok()
            .filter(|bytes| bytes.len() == PAYLOAD_BYTES)?;
        let (account, rest) = bytes.split_first_chunk::<16>()?;
        let (integration, rest) = rest.split_first_chunk::<16>()?;
        let (tag, rest) = rest.split_first_chunk::<TAG_BYTES>()?;
        Some(Self {
            account: AccountId::new(Uuid::from_bytes(*account)),
            integration: IntegrationId::new(Uuid::from_bytes(*integration)),
            tag: *tag,
            mac: rest.try_into().ok()?,
        })
    }

    /// Whether it was made for this integration, from the nonce that is valid now.
    pub(super) fn is_genuine(&self, row: &IntegrationRow, now: DateTime<Utc>) -> bool {
        let Some(nonce) = valid_nonce(row, now) else { return false };
        mac(nonce, self.account, self.integration, self.tag).ct_eq(&self.mac).into()
    }

    /// Whether it was made for this user.
    pub(super) fn is_for(&self, user: &str) -> bool {
        tag(self.account, user).ct_eq(&self.tag).into()
    }
}

/// The link for `user`, if the integration has a nonce that is still good.
pub(super) fn current(
    options: &EngineOptions,
    row: &IntegrationRow,
    user: &str,
    now: DateTime<Utc>,
) -> Option<InstallLink> {
    let nonce = valid_nonce(row, now)?;
    let (account, integration) = (AccountId::new(row.account_id), row.integration_id());
    let tag = tag(account, user);
    let mut payload = Vec::with_capacity(PAYLOAD_BYTES);
    payload.extend_from_slice(row.account_id.as_bytes());
    payload.extend_from_slice(row.id.as_bytes());
    payload.extend_from_slice(&tag);
    payload.extend_from_slice(&mac(nonce, account, integration, tag));
    let page = InstallLink::plain(options);
    Some(InstallLink(format!("{}?payload={}", page.as_str(), URL_SAFE_NO_PAD.encode(payload))))
}

/// Gives the integration a new nonce: links made before are worth nothing from now on.
pub(super) fn renew(row: &mut IntegrationRow, user: &str, now: DateTime<Utc>) {
    // Two random UUIDs hold 244 bits of the system's randomness.
    row.install_nonce = Some([*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat());
    row.install_expires_at = Some(now + LINK_LIVES);
    row.install_requested_by = Some(user.to_owned());
}

/// Makes every link of the integration worthless.
pub(super) fn spend(row: &mut IntegrationRow) {
    row.install_nonce = None;
    row.install_expires_at = None;
}

fn valid_nonce(row: &IntegrationRow, now: DateTime<Utc>) -> Option<&[u8]> {
    let fresh = row.install_expires_at.is_some_and(|expires_at| now < expires_at);
    row.install_nonce.as_deref().filter(|nonce| fresh && nonce.len() >= 32)
}

fn tag(account: AccountId, user: &str) -> [u8; TAG_BYTES] {
    let digest =
        Sha256::new().chain_update(account.as_uuid().as_bytes()).chain_update(user.as_bytes()).finalize();
    digest.first_chunk::<TAG_BYTES>().copied().unwrap_or_default()
}

fn mac(nonce: &[u8], account: AccountId, integration: IntegrationId, tag: [u8; TAG_BYTES]) -> [u8; 32] {
    // A key of any length is taken, so there is nothing to fail; were it otherwise, no payload would be genuine.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(nonce) else {
        return Sha256::digest(Uuid::new_v4()).into();
    };
    mac.update(account.as_uuid().as_bytes());
    mac.update(integration.as_uuid().as_bytes());
    mac.update(&tag);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crisp_client::PluginId;
    use crisp_storage::quota::QuotaOptions;

    use super::*;

    fn options() -> EngineOptions {
        EngineOptions {
            plugin_id: PluginId::new(Uuid::from_u128(7)),
            app_url: "https://app.crisp.example/".parse().unwrap(),
            public_url: "https://api.custify.example".parse().unwrap(),
            incremental_interval: Duration::from_mins(15),
            reconcile_interval: Duration::from_hours(24),
            hooks_retention: Duration::from_secs(1),
            quota: QuotaOptions {
                limit: None,
                window: Duration::from_secs(1),
                request_timeout: Duration::from_secs(1),
            },
            lease: Duration::from_secs(1),
            worker_name: "w".to_owned(),
        }
    }

    fn row(now: DateTime<Utc>) -> IntegrationRow {
        let (account, id) = (AccountId::new_v7(now), IntegrationId::new_v7(now));
        let mut row = IntegrationRow::draft(account, id, String::new(), serde_json::json!({}), now);
        renew(&mut row, "ole", now);
        row
    }

    fn payload(row: &IntegrationRow, user: &str, now: DateTime<Utc>) -> String {
        let link = current(&options(), row, user, now).unwrap();
        let (page, payload) = link.as_str().split_once("?payload=").unwrap();
        assert_eq!(page, "https://app.crisp.example/initiate/plugin/00000000-0000-0000-0000-000000000007/");
        payload.to_owned()
    }

    #[test]
    fn a_payload_is_bound_to_integration_and_user() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let (mine, other) = (row(now), row(now));
        let parsed = Payload::parse(&payload(&mine, "ole", now)).unwrap();
        assert!(parsed.is_genuine(&mine, now) && parsed.is_for("ole"));
        assert!(!parsed.is_genuine(&other, now) && !parsed.is_for("eve"));
        assert_eq!(parsed.integration, mine.integration_id());
        let forged = Payload { tag: tag(parsed.account, "eve"), ..parsed };
        assert!(!forged.is_genuine(&mine, now));
    }

    #[test]
    fn two_users_links_stand_side_by_side_until_one_is_used() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let mut row = row(now);
        let (ole, eve) = (payload(&row, "ole", now), payload(&row, "eve", now));
        assert_ne!(ole, eve);
        let (ole, eve) = (Payload::parse(&ole).unwrap(), Payload::parse(&eve).unwrap());
        assert!(ole.is_genuine(&row, now) && eve.is_genuine(&row, now));
        spend(&mut row);
        assert!(!ole.is_genuine(&row, now) && !eve.is_genuine(&row, now));
        assert_eq!(current(&options(), &row, "ole", now), None);
    }

    #[test]
    fn a_payload_expires_and_a_new_one_replaces_it() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let mut row = row(now);
        let old = Payload::parse(&payload(&row, "ole", now)).unwrap();
        assert!(!old.is_genuine(&row, now + LINK_LIVES));
        renew(&mut row, "ole", now);
        assert!(!old.is_genuine(&row, now));
    }

    #[test]
    fn what_is_no_payload_is_none_and_debug_shows_none() {
        for odd in ["", "x", "%%%", &"A".repeat(200), &"A".repeat(5_000)] {
            assert!(Payload::parse(odd).is_none());
        }
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let link = current(&options(), &row(now), "ole", now).unwrap();
        assert_eq!(format!("{link:?}"), "InstallLink(…)");
    }
}
