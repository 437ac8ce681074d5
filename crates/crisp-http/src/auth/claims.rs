//! What a token says, once its signature is known to be good.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crisp_domain::AccountId;
use serde::Deserialize;
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::auth::{Caller, Permission, Unverified};

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: u64 = 5;
/// Longer than any name of a user or service, in bytes.
const LONGEST_SUBJECT: usize = 512;

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Claims {
    sub: String,
    account_id: Uuid,
    exp: Number,
    nbf: Option<Number>,
    /// Permissions of other services stand here too, so what we don't know is passed over.
    #[serde(default)]
    permissions: Vec<Value>,
}

impl Claims {
    pub(super) fn check_time(&self, now: DateTime<Utc>) -> Result<(), Unverified> {
        let now = u64::try_from(now.timestamp()).map_err(|_before_1970| Unverified::NotYet)?;
        if seconds(&self.exp)?.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(Unverified::Expired);
        }
        match &self.nbf {
            Some(nbf) if seconds(nbf)? > now.saturating_add(LEEWAY_SECONDS) => Err(Unverified::NotYet),
            Some(_) | None => Ok(()),
        }
    }
}

impl TryFrom<Claims> for Caller {
    type Error = Unverified;

    fn try_from(claims: Claims) -> Result<Self, Unverified> {
        if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT || claims.sub.contains('\0') {
            return Err(Unverified::Claims);
        }
        let known = |value: &Value| value.as_str()?.parse::<Permission>().ok();
        let permissions: BTreeSet<Permission> = claims.permissions.iter().filter_map(known).collect();
        Ok(Self { subject: claims.sub, account: AccountId::new(claims.account_id), permissions })
    }
}

/// Seconds since 1970; RFC 7519 allows fractions, which are cut off.
fn seconds(date: &Number) -> Result<u64, Unverified> {
    let fractional = || Some(Duration::try_from_secs_f64(date.as_f64()?).ok()?.as_secs());
    date.as_u64().or_else(fractional).ok_or(Unverified::Claims)
}
