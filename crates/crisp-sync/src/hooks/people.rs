//! Profiles that hooks tell of: from the payload where the rest is known, else the profile is wanted.

use crisp_client::hook::ProfileChange;
use crisp_client::{PeopleId, Profile, Wire};
use crisp_storage::hooks::PendingHook;
use crisp_storage::profiles::{self, ProfileRow};
use crisp_storage::wanted;
use serde_json::Value;

use super::apply::Batch;
use crate::error::Error;
use crate::people::{Incoming, apply_profiles, remove_profiles};

/// Applies one change of a profile.
pub(super) async fn take(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    people_id: &PeopleId,
    change: ProfileChange,
) -> Result<&'static str, Error> {
    match change {
        ProfileChange::Removed => {
            let gone = [crisp_domain::text::storable(people_id.as_str())];
            remove_profiles(&mut batch.scope, &gone).await?;
            Ok("applied")
        }
        ProfileChange::Updated { email, update } => patch(batch, hook, people_id, email, update).await,
        ProfileChange::Synced { identity, .. } => patch(batch, hook, people_id, None, identity).await,
        ProfileChange::Created { .. } | ProfileChange::Bound(_) => {
            want_if_unknown(batch, people_id).await?;
            Ok("woke")
        }
    }
}

/// Lays the part that changed over the profile as it is stored.
async fn patch(
    batch: &mut Batch<'_>,
    hook: &PendingHook,
    people_id: &PeopleId,
    email: Option<String>,
    update: Value,
) -> Result<&'static str, Error> {
    let stored = find(batch, people_id).await?;
    let stamp = Batch::stamp(hook);
    let out_of_order =
        stored.as_ref().is_some_and(|row| row.hook_stamp.is_some_and(|last| last > stamp.crisp_at));
    let Some(stored) = stored.filter(|_| !out_of_order && !batch.is_late(hook)) else {
        batch.want(wanted::Kind::Profile, people_id.as_str());
        return Ok("woke");
    };
    let mut raw = stored.raw;
    overlay(&mut raw, update);
    if let (Some(email), Value::Object(profile)) = (email, &mut raw) {
        profile.insert("email".to_owned(), Value::String(email));
    }
    let Ok(profile) = Profile::read(raw) else {
        batch.want(wanted::Kind::Profile, people_id.as_str());
        return Ok("woke");
    };
    let hooked = Some((stamp.crisp_at, stamp.received_at));
    apply_profiles(
        &mut batch.scope,
        &batch.engine.erasure,
        vec![Incoming { profile, data: None, hooked, as_of: None }],
    )
    .await?;
    Ok("applied")
}

async fn find(batch: &mut Batch<'_>, people_id: &PeopleId) -> Result<Option<ProfileRow>, Error> {
    let id = batch.scope.id();
    let name = [crisp_domain::text::storable(people_id.as_str())];
    Ok(profiles::list_by_people_id(&mut batch.scope.session, id, &name).await?.into_iter().next())
}

/// Wants a profile that is not stored yet.
pub(super) async fn want_if_unknown(batch: &mut Batch<'_>, people_id: &PeopleId) -> Result<(), Error> {
    if batch.scope.settings.import_people && find(batch, people_id).await?.is_none() {
        batch.want(wanted::Kind::Profile, people_id.as_str());
    }
    Ok(())
}

/// Objects are laid over each other; everything else is replaced.
fn overlay(base: &mut Value, update: Value) {
    match (base, update) {
        (Value::Object(base), Value::Object(update)) => {
            for (key, value) in update {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, update) => *base = update,
    }
}
