//! Every sync of an integration, the newest first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use crisp_http::auth::Caller;
use crisp_http::{AppState, List, Paging, Path};
use crisp_sync::syncs;
use uuid::Uuid;

use super::{Head, Tab, find, name};
use crate::failure::Failure;
use crate::input::Of;
use crate::page::{Section, Shell, page};
use crate::syncs::line::SyncLine;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    shell: Shell,
    head: Head,
    runs: Vec<SyncLine>,
    next: Option<String>,
}

/// Lists the runs.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(paging): Of<Paging<Uuid>>,
) -> Result<Response, Failure> {
    let row = find(&state, &caller, id).await?;
    let (account, now) = (caller.account, crisp_http::now());
    let rows = syncs::list(&state.engine, account, id.into(), paging.after, paging.rows_to_read()).await?;
    let list = List::of(rows, &paging, |row| row.id, |row| SyncLine::of(&row, now));
    Ok(page(&HistoryPage {
        shell: Shell::of(&caller, Section::Integrations, format!("Sync history · {}", name(&row))),
        head: Head::of(&row, Tab::Syncs),
        runs: list.items,
        next: list.next_cursor,
    }))
}
