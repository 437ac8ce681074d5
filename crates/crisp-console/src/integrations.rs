//! Settings → Integrations → Crisp: the list, and the page of one integration.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use crisp_domain::IntegrationId;
use crisp_http::auth::Caller;
use crisp_http::{AppState, Path, Query};
use crisp_storage::integrations::{self as rows, IntegrationRow};
use crisp_storage::syncs;
use crisp_sync::connect::{self as connecting, Problem};
use serde::Deserialize;
use uuid::Uuid;

use crate::failure::Failure;
use crate::input::Of;
use crate::moment::Moment;
use crate::page::{Section, Shell, page};
use crate::words::{self, Tone};

pub(crate) mod checks;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod first_import;
mod health;
pub(crate) mod history;
pub(crate) mod mapping;
pub(crate) mod mapping_form;
mod mapping_preview;
pub(crate) mod settings;
pub(crate) mod skipped;

/// What every page of an integration shows above its content.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each decides about one thing that the pages show")]
pub(crate) struct Head {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) website_id: Option<Uuid>,
    pub(crate) state: &'static str,
    pub(crate) tone: Tone,
    pub(crate) tab: Tab,
    /// Where the first import is still to come: then the pages are steps of the wizard.
    pub(crate) step: Option<u8>,
    /// Whether there are tabs; a page on the way out of the wizard has neither tabs nor steps.
    pub(crate) tabs: bool,
    /// Whether there is anything to let go of.
    pub(crate) connected: bool,
    /// Whether nothing was ever connected, so that it may be thrown away.
    pub(crate) draft: bool,
    /// Whether anything can be asked of Crisp.
    pub(crate) live: bool,
}

/// The pages of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Settings,
    Mapping,
    Import,
    Syncs,
    Skipped,
    Checks,
    Disconnect,
}

impl Head {
    pub(crate) fn of(row: &IntegrationRow, tab: Tab) -> Self {
        let (state, tone) = words::integration_state(&row.state);
        Self {
            id: row.id,
            name: name(row),
            website_id: row.website_id,
            state,
            tone,
            tab,
            step: step(row, tab),
            tabs: !is_set_up(row) || matches!(tab, Tab::Skipped | Tab::Checks),
            connected: row.website_id.is_some() && row.state != "disconnected",
            draft: is_draft(row),
            live: row.is_live(),
        }
    }
}

/// Until the first import is done, the pages are steps; watching it is the last one.
fn step(row: &IntegrationRow, tab: Tab) -> Option<u8> {
    if !is_set_up(row) {
        return None;
    }
    match tab {
        Tab::Overview => Some(1),
        Tab::Settings => Some(2),
        Tab::Mapping => Some(3),
        Tab::Import | Tab::Syncs => Some(4),
        Tab::Skipped | Tab::Checks | Tab::Disconnect => None,
    }
}

/// Whether it is still being set up.
fn is_set_up(row: &IntegrationRow) -> bool {
    row.active_at.is_none() && matches!(row.state.as_str(), "awaiting_installation" | "connected")
}

/// Whether nothing was ever connected.
fn is_draft(row: &IntegrationRow) -> bool {
    row.state == "awaiting_installation" && row.website_id.is_none() && row.disconnected_at.is_none()
}

/// Whether a draft was thrown away: there is nothing to see of it any more.
fn is_discarded(row: &IntegrationRow) -> bool {
    row.state == "disconnected"
        && row.website_id.is_none()
        && row.website_name.is_none()
        && row.purge_requested_at.is_none()
}

/// What people call an integration.
pub(crate) fn name(row: &IntegrationRow) -> String {
    match (&row.website_name, row.website_id) {
        (Some(name), _) if !name.trim().is_empty() => name.clone(),
        (_, Some(_)) => "Crisp workspace".to_owned(),
        (_, None) if row.disconnected_at.is_some() => "Former Crisp workspace".to_owned(),
        (_, None) => "New Crisp connection".to_owned(),
    }
}

/// The integration of the caller's that an address names, as of their own last write.
pub(crate) async fn find(state: &AppState, caller: &Caller, id: Uuid) -> Result<IntegrationRow, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let row = rows::find(&mut session, IntegrationId::from(id)).await?;
    session.commit().await?;
    row.ok_or_else(Failure::not_found)
}

#[derive(Template)]
#[template(path = "integrations.html")]
struct ListPage {
    shell: Shell,
    cards: Vec<Card>,
}

/// An integration in the list.
struct Card {
    head: Head,
    problem: Option<Problem>,
    running: Option<Uuid>,
    synced_at: Option<Moment>,
    first_import_due: bool,
    gone: Option<&'static str>,
}

/// Lists the account's integrations, the newest first.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Of(Query(done)): Of<Query<Done>>,
) -> Result<Response, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let mut cards = Vec::new();
    for row in rows::list(&mut session).await?.into_iter().filter(|row| !is_discarded(row)) {
        let running = syncs::find_under_way(&mut session, row.integration_id()).await?;
        cards.push(Card {
            running: running.map(|run| run.id),
            problem: connecting::problem(&row),
            synced_at: row.synced_at.map(Moment),
            first_import_due: row.state == "connected" && row.active_at.is_none(),
            gone: gone(&row),
            head: Head::of(&row, Tab::Overview),
        });
    }
    session.commit().await?;
    let shell = Shell::of(&caller, Section::Integrations, "Integrations").noting(done.notice());
    Ok(page(&ListPage { shell, cards }))
}

/// How an integration that is no more came to its end.
fn gone(row: &IntegrationRow) -> Option<&'static str> {
    if row.disconnected_at.is_none() || row.is_live() {
        return None;
    }
    let uninstalled = row.disconnect_reason.as_deref() == Some("plugin_uninstalled");
    Some(match (row.purge_requested_at, row.website_id) {
        (Some(_), _) => "Disconnected. What was imported is being deleted; that takes minutes.",
        (None, None) if row.website_name.is_none() => "Disconnected. Nothing of it is kept here.",
        (None, None) => "Disconnected, and what was imported is deleted.",
        (None, Some(_)) if uninstalled => {
            "The plugin was uninstalled in Crisp, which disconnected it. What was imported is still here, and is not \
             kept current any more."
        }
        (None, Some(_)) => "Disconnected. What was imported is still here, and is not kept current any more.",
    })
}

/// Begins a new connection, or goes on with the one that the same person began and left untouched.
pub(crate) async fn create(State(state): State<AppState>, caller: Caller) -> Result<Response, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let begun = rows::list(&mut session)
        .await?
        .into_iter()
        .find(|row| is_draft(row) && row.install_requested_by.as_deref() == Some(caller.subject.as_str()));
    session.commit().await?;
    if let Some(row) = begun {
        return Ok(Redirect::to(&format!("/integrations/{}", row.id)).into_response());
    }
    let made = connecting::create(&state.engine, caller.account, &caller.subject, None).await?;
    Ok(Redirect::to(&format!("/integrations/{}", made.row.id)).into_response())
}

/// What has just been done, as an address carries it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    done: Option<String>,
}

impl Done {
    pub(crate) fn notice(&self) -> Option<&'static str> {
        match self.done.as_deref()? {
            "settings" => Some("The import settings are saved."),
            "mapping" => Some("The mapping is saved. It is applied to all imported contacts by itself."),
            "disconnected" => Some("Crisp is disconnected."),
            "discarded" => Some("The connection that was not finished is gone."),
            "purged" => Some("Crisp is disconnected, and what was imported is being deleted."),
            "cancelled" => Some("The sync is being cancelled. What it has imported stays."),
            _ => None,
        }
    }
}

/// The page of an integration: the way to connect it, or how it is.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(done)): Of<Query<Done>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let shell = Shell::of(&caller, Section::Integrations, name(&row)).noting(done.notice());
    let is_away = row.website_id.is_none() || row.disconnected_at.is_some() && !row.is_live();
    if is_away {
        return connect::page_of(&state, &caller, shell, &row, connect::Attempt::default()).await;
    }
    if is_set_up(&row)
        && let Some(run) = first_import(&state, &caller, &row).await?
    {
        return Ok(Redirect::to(&format!("/syncs/{run}")).into_response());
    }
    health::page_of(&state, &caller, shell, row).await
}

/// The first import that runs or came to nothing: until one is done, the overview is its page.
async fn first_import(
    state: &AppState,
    caller: &Caller,
    row: &IntegrationRow,
) -> Result<Option<Uuid>, Failure> {
    let mut session = state.database().read_primary(caller.account).await?;
    let last = syncs::list(&mut session, row.integration_id(), None, 1).await?.into_iter().next();
    session.commit().await?;
    Ok(last.filter(|run| run.state != "succeeded" && run.state != "partial").map(|run| run.id))
}
