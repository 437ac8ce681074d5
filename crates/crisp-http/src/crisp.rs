//! What Crisp itself calls: web hooks, and the browser that it sends back after an installation.

mod callback;
mod hooks;

use utoipa_axum::routes;

use crate::routes::{Access, HOOK_BODY_LIMIT, Lane, Routes, Terms};
use crate::state::AppState;

/// Both verify whoever calls by themselves: a signature, a single-use payload.
pub(crate) fn routes() -> Routes<AppState> {
    let hooks = Terms::from(Access::Public).in_lane(Lane::Hooks).with_body_limit(HOOK_BODY_LIMIT);
    let callback = Terms::from(Access::Public).in_lane(Lane::Pages);
    Routes::new().documented(hooks, routes!(hooks::receive)).documented(callback, routes!(callback::complete))
}
