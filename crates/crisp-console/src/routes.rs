//! Every page, and who may see it.

use crisp_http::AppState;
use crisp_http::auth::Permission;
use crisp_http::routes::{Access, Lane, Routes, Terms};

use crate::{assets, companies, contacts, conversations, home, integrations, syncs};

/// Every page of the console.
pub fn routes() -> Routes<AppState> {
    let public = Terms::from(Access::Public).in_lane(Lane::Pages);
    let read = Access::Page(Permission::ReadConversations);
    Routes::new()
        .get("/", public, home::show)
        .post("/sign-out", Access::PageSignedIn, home::sign_out)
        .get("/assets/{*path}", public, assets::serve)
        .get("/contacts", read, contacts::list)
        .get("/contacts/{id}", read, contacts::show)
        .get("/companies", read, companies::list)
        .get("/companies/{external_id}", read, companies::show)
        .get("/conversations/{id}", read, conversations::show)
        .merge(integration_pages())
        .merge(sync_pages())
}

fn integration_pages() -> Routes<AppState> {
    use integrations::{checks, connect, disconnect, first_import, history, mapping, settings, skipped};
    let manage = Access::Page(Permission::ManageIntegrations);
    Routes::new()
        .get("/integrations", manage, integrations::list)
        .post("/integrations", manage, integrations::create)
        .get("/integrations/{id}", manage, integrations::show)
        .get("/integrations/{id}/installation", manage, connect::poll)
        .post("/integrations/{id}/website", manage, connect::submit)
        .get("/integrations/{id}/settings", manage, settings::show)
        .post("/integrations/{id}/settings", manage, settings::save)
        .get("/integrations/{id}/mapping", manage, mapping::show)
        .post("/integrations/{id}/mapping", manage, mapping::submit)
        .post("/integrations/{id}/mapping/preview", manage, mapping::preview)
        .get("/integrations/{id}/import", manage, first_import::show)
        .get("/integrations/{id}/forecast", manage, first_import::forecast)
        .get("/integrations/{id}/syncs", manage, history::list)
        .get("/integrations/{id}/checks", manage, checks::show)
        .post("/integrations/{id}/checks", manage, checks::run)
        .get("/integrations/{id}/skipped", manage, skipped::list)
        .get("/integrations/{id}/skipped/{external_id}", manage, skipped::explain)
        .get("/integrations/{id}/disconnect", manage, disconnect::show)
        .post("/integrations/{id}/disconnect", manage, disconnect::submit)
        .post("/integrations/{id}/discard", manage, disconnect::discard)
}

fn sync_pages() -> Routes<AppState> {
    let manage = Access::Page(Permission::ManageIntegrations);
    Routes::new()
        .post("/integrations/{id}/syncs", manage, syncs::trigger)
        .get("/syncs/{id}", manage, syncs::show)
        .get("/syncs/{id}/live", manage, syncs::live::watch)
        .post("/syncs/{id}/cancel", manage, syncs::cancel)
}
