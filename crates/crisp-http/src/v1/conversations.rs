//! Conversations and their messages: of a contact, of a company, by Crisp's id.

mod body;

use axum::Json;
use axum::extract::State;
use crisp_client::SessionId;
use crisp_domain::conversation::Status;
use crisp_domain::{ContactId, ConversationId};
use crisp_storage::AccountSession;
use crisp_storage::views::conversations::{self, ConversationView, Filter, Scope};
use crisp_storage::views::messages::{self, InThread, MessageView};
use crisp_storage::views::{Newest, companies, contacts};
use serde::Deserialize;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::{Path, Query, filled};
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use body::{Conversation, Message};

pub(super) fn routes() -> Routes<AppState> {
    let read = Access::Permission(Permission::ReadConversations);
    Routes::new()
        .documented(read, routes!(list_of_contact))
        .documented(read, routes!(list_of_company))
        .documented(read, routes!(list))
        .documented(read, routes!(get))
        .documented(read, routes!(list_messages))
}

/// Which conversations.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Those that are `pending`, `unresolved` or `resolved`.
    #[param(example = "unresolved")]
    status: Option<String>,
    /// Those whose subject or visitor's name contains this text.
    search: Option<String>,
}

/// Which conversations, by Crisp's id; all of them without it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ByExternalId {
    /// Crisp's session id.
    #[param(example = "session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234")]
    external_id: Option<String>,
}

impl Which {
    fn filter(self) -> Result<Filter, Problem> {
        let refused = |_| Problem::of_field("status", "invalid", "is `pending`, `unresolved` or `resolved`");
        let status = filled(self.status.as_deref()).map(str::parse::<Status>).transpose().map_err(refused)?;
        Ok(Filter { status, search: self.search })
    }
}

/// Lists the conversations of a contact, the most recently updated first.
#[utoipa::path(
    get, path = "/v1/contacts/{id}/conversations", tag = "Conversations",
    params(("id" = Uuid, Path), Which, PagingParameters), responses((status = 200, body = List<Conversation>)),
)]
pub(crate) async fn list_of_contact(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(which): Query<Which>,
    paging: Paging<Newest>,
) -> Result<Json<List<Conversation>>, Problem> {
    let (filter, id) = (which.filter()?, ContactId::from(id));
    let mut session = state.view(&caller).await?;
    contacts::find(&mut session, id).await?.ok_or_else(Problem::not_found)?;
    page(session, Scope::Contact(id), &filter, &paging).await
}

/// Lists the conversations of everybody in a company, the most recently updated first.
#[utoipa::path(
    get, path = "/v1/companies/{external_id}/conversations", tag = "Conversations",
    params(("external_id" = String, Path), Which, PagingParameters),
    responses((status = 200, body = List<Conversation>)),
)]
pub(crate) async fn list_of_company(
    State(state): State<AppState>,
    caller: Caller,
    Path(external_id): Path<String>,
    Query(which): Query<Which>,
    paging: Paging<Newest>,
) -> Result<Json<List<Conversation>>, Problem> {
    let filter = which.filter()?;
    let mut session = state.view(&caller).await?;
    let company = companies::find(&mut session, &external_id).await?.ok_or_else(Problem::not_found)?;
    page(session, Scope::Company(company.company_id()), &filter, &paging).await
}

/// Lists all conversations, or those with one id in Crisp: one for each integration that has it.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "Conversations", params(ByExternalId, PagingParameters),
    responses((status = 200, body = List<Conversation>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(which): Query<ByExternalId>,
    paging: Paging<Newest>,
) -> Result<Json<List<Conversation>>, Problem> {
    let session = state.view(&caller).await?;
    let id = filled(which.external_id.as_deref()).map(SessionId::new);
    let scope = id.as_ref().map_or(Scope::Account, Scope::ExternalId);
    page(session, scope, &Filter::default(), &paging).await
}

async fn page(
    mut session: AccountSession,
    scope: Scope<'_>,
    filter: &Filter,
    paging: &Paging<Newest>,
) -> Result<Json<List<Conversation>>, Problem> {
    let rows = conversations::list(&mut session, scope, filter, paging.after, paging.rows_to_read()).await?;
    session.commit().await?;
    Ok(Json(List::of(rows, paging, ConversationView::position, Conversation::from)))
}

/// Shows a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "Conversations", params(("id" = Uuid, Path)),
    responses((status = 200, body = Conversation)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Conversation>, Problem> {
    let mut session = state.view(&caller).await?;
    let view = find(&mut session, id).await?;
    session.commit().await?;
    Ok(Json(view.into()))
}

/// Lists the messages of a conversation, the oldest first. Removed ones stay as tombstones.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages", tag = "Conversations",
    params(("id" = Uuid, Path), PagingParameters), responses((status = 200, body = List<Message>)),
)]
pub(crate) async fn list_messages(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    paging: Paging<InThread>,
) -> Result<Json<List<Message>>, Problem> {
    let mut session = state.view(&caller).await?;
    let conversation = ConversationId::from(find(&mut session, id).await?.id);
    let rows = messages::list(&mut session, conversation, paging.after, paging.rows_to_read()).await?;
    session.commit().await?;
    Ok(Json(List::of(rows, &paging, MessageView::position, Message::from)))
}

async fn find(session: &mut AccountSession, id: Uuid) -> Result<ConversationView, Problem> {
    conversations::find(session, ConversationId::from(id)).await?.ok_or_else(Problem::not_found)
}
