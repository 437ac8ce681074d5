//! Companies: found, and looked at with their conversations and their support at a glance.

use std::convert::Infallible;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use crisp_http::auth::Caller;
use crisp_http::{AppState, List, Paging, Path, Problem, Query};
use crisp_storage::views::Newest;
use crisp_storage::views::companies::{self, ByName, CompanyView};
use crisp_storage::views::conversations::Scope;
use crisp_storage::views::support::{self, Support};
use futures::{StreamExt as _, stream};

use crate::chart::Chart;
use crate::contacts::Search;
use crate::conversations::{Listed, Which};
use crate::failure::Failure;
use crate::input::{Of, filled, in_address};
use crate::moment::{Count, Moment, seconds};
use crate::page::{Section, Shell, page, secured};

/// Where the figures go. No text on a page can hold it: templates escape its first character.
const FIGURES_HERE: &str = "<!--support-->";

#[derive(Template)]
#[template(path = "companies.html")]
struct ListPage {
    shell: Shell,
    search: String,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A company in the list.
struct Row {
    name: String,
    address: String,
    external_id: String,
    last_conversation_at: Option<Moment>,
}

#[derive(Template)]
#[template(path = "company.html")]
struct CompanyPage {
    shell: Shell,
    name: String,
    external_id: String,
    list: Listed,
}

#[derive(Template)]
#[template(path = "_support.html")]
struct SupportPart {
    figures: Option<Figures>,
}

/// Support at a glance.
struct Figures {
    open: Count,
    waiting: Count,
    median: Option<String>,
    p90: Option<String>,
    chart: Chart,
}

/// Finds companies.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Of(Query(search)): Of<Query<Search>>,
    Of(paging): Of<Paging<ByName>>,
) -> Result<Response, Failure> {
    let search = filled(search.search.as_deref());
    let mut session = state.database().read(caller.account).await?;
    let rows = companies::list(&mut session, search, paging.after.as_ref(), paging.rows_to_read()).await?;
    session.commit().await?;
    let list = List::of(rows, &paging, CompanyView::position, Row::from);
    let search = search.unwrap_or_default().to_owned();
    let next = list.next_cursor.map(|next| format!("?search={}&cursor={next}", in_address(&search)));
    Ok(page(&ListPage {
        shell: Shell::of(&caller, Section::Companies, "Companies"),
        search,
        rows: list.items,
        next,
    }))
}

/// One company and its conversations.
///
/// The figures read all conversations of the company, so they come last: the page is sent up to where they stand, and
/// does not wait for them.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(external_id)): Of<Path<String>>,
    Of(Query(which)): Of<Query<Which>>,
    Of(paging): Of<Paging<Newest>>,
) -> Result<Response, Failure> {
    let mut session = state.database().read(caller.account).await?;
    let company = companies::find(&mut session, &external_id).await?.ok_or_else(Failure::not_found)?;
    let list = Listed::of(&mut session, Scope::Company(company.company_id()), &which, &paging).await?;
    session.commit().await?;
    let name = name(&company);
    let shell = Shell::of(&caller, Section::Companies, name.clone());
    let whole = CompanyPage { shell, name, external_id, list };
    let html = whole.render().map_err(|error| Problem::internal(&error))?;
    Ok(in_two_pieces(&html, figures(state, caller, whole.external_id)))
}

fn in_two_pieces(html: &str, figures: impl Future<Output = String> + Send + 'static) -> Response {
    let (first, rest) = html.split_once(FIGURES_HERE).unwrap_or((html, ""));
    let (first, rest) = (first.to_owned(), rest.to_owned());
    let second = async move { figures.await + &rest };
    let pieces = stream::once(async move { first }).chain(stream::once(second));
    let body = Body::from_stream(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece))));
    secured(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

async fn figures(state: AppState, caller: Caller, external_id: String) -> String {
    let figures = read_figures(&state, &caller, &external_id).await.ok().flatten().map(Figures::from);
    SupportPart { figures }.render().unwrap_or_default()
}

async fn read_figures(
    state: &AppState,
    caller: &Caller,
    external_id: &str,
) -> Result<Option<Support>, Failure> {
    let mut session = state.database().read(caller.account).await?;
    let found = support::find(&mut session, external_id, crisp_http::now()).await?;
    session.commit().await?;
    Ok(found)
}

fn name(company: &CompanyView) -> String {
    let name = company.name.clone().filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| company.external_id.clone())
}

impl From<CompanyView> for Row {
    fn from(company: CompanyView) -> Self {
        Self {
            name: name(&company),
            address: in_address(&company.external_id),
            last_conversation_at: company.last_conversation_at.map(Moment),
            external_id: company.external_id,
        }
    }
}

impl From<Support> for Figures {
    fn from(support: Support) -> Self {
        Self {
            open: Count(support.open_conversations),
            waiting: Count(support.waiting_on_us),
            median: support.first_reply_seconds.median.map(seconds),
            p90: support.first_reply_seconds.p90.map(seconds),
            chart: Chart::of(&support.conversations_per_week),
        }
    }
}
