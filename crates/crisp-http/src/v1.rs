//! `/v1`: every route that Custify's services and admins call.
//!
//! The handlers are thin: a request becomes the arguments of a use case in `crisp-sync` or of a read view in
//! `crisp-storage`, and what comes back becomes the JSON of the contract. Refusals become problems in one place,
//! `refusal`.

mod audit;
mod contacts;
mod conversations;
mod diagnosis;
mod directory;
mod explanations;
mod forecast;
mod integrations;
mod people;
mod settings;
mod skipped;
mod support;
mod syncs;

use crate::routes::Routes;
use crate::state::AppState;

/// All of them.
pub(crate) fn routes() -> Routes<AppState> {
    Routes::new()
        .merge(integrations::routes())
        .merge(settings::routes())
        .merge(syncs::routes())
        .merge(forecast::routes())
        .merge(skipped::routes())
        .merge(diagnosis::routes())
        .merge(explanations::routes())
        .merge(audit::routes())
        .merge(directory::routes())
        .merge(people::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(support::routes())
}
