//! Erasing a person from everything, for good.

mod again;
mod survivors;

use crisp_domain::{AccountId, EmailKey};
use crisp_storage::erasure::{self, Receipt};
use crisp_storage::integrations::{self, IntegrationRow};
use serde_json::json;

use crate::clock;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::scope::Scope;
pub(crate) use again::{Trail, again, keep_away, suppressed};
pub(crate) use survivors::take_back;

/// Erases whoever has this address: contacts, profiles, conversations, messages, what was skipped, stored hooks. No
/// sync brings them back; only the directory itself can. Erasing nobody is an answer of noughts.
///
/// The log says that somebody was erased and how much, not who.
pub async fn person(
    engine: &Engine,
    account: AccountId,
    actor: &str,
    email: &str,
) -> Result<Receipt, Refusal> {
    let email =
        EmailKey::parse(email).ok_or_else(|| Refusal::field("email", "invalid", "is no email address"))?;
    let now = clock::now();
    let mut session = engine.database.write(account).await?;
    let erased = erasure::erase_person(&mut session, &engine.erasure, &email, now).await?;
    let detail = json!({"erased": erased.receipt});
    crisp_storage::audit::append(&mut session, actor, "person.erased", None, &detail, now).await?;
    // Only an integration brings profiles, and only a profile enriches.
    let Some(any) = integrations::list(&mut session).await?.first().map(IntegrationRow::integration_id)
    else {
        session.commit().await?;
        return Ok(erased.receipt);
    };
    let mut scope = Scope::within(session, any, "erasure", now).await?;
    take_back(&mut scope, &erased.enriched).await?;
    scope.commit().await?;
    Ok(erased.receipt)
}
