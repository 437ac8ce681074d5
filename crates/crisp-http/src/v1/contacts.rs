//! Contacts, as people and programs read them.

use axum::Json;
use axum::extract::State;
use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};
use crisp_storage::views::contacts::{self, CompanyName, ContactView, Filter, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Permission};
use crate::extract::{Path, Query, filled};
use crate::paging::{List, Paging, PagingParameters};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use crate::state::AppState;
use crate::time::Time;

pub(super) fn routes() -> Routes<AppState> {
    let read = Access::Permission(Permission::ReadConversations);
    Routes::new().documented(read, routes!(list)).documented(read, routes!(get))
}

/// A person in Custify.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Contact {
    /// Its id.
    id: Uuid,
    /// The directory's id of it; null for one that only Crisp brought.
    external_id: Option<String>,
    /// The Crisp profiles that it carries.
    crisp_people_ids: Vec<String>,
    /// The email address.
    email: Option<String>,
    /// The full name.
    name: Option<String>,
    /// The phone number, as it was given.
    phone: Option<String>,
    /// The same in international form (E.164), where it has one.
    #[schema(example = "+33142278186")]
    phone_e164: Option<String>,
    /// The country of `attributes.country` as an ISO 3166 alpha-2 code, where it is one.
    #[schema(example = "FR")]
    country_alpha2: Option<String>,
    /// When the person signed up.
    signed_up_at: Option<Time>,
    /// Custom attributes: `job_title`, `company_name`, `country`, `last_active_at` and whatever else is mapped.
    #[schema(value_type = Object)]
    attributes: Value,
    /// The companies that it belongs to.
    companies: Vec<Company>,
    /// When it was first stored.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
}

/// A company that a contact belongs to.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Company {
    /// The directory's id of it.
    external_id: String,
    /// Its name.
    name: Option<String>,
}

impl From<ContactView> for Contact {
    fn from(view: ContactView) -> Self {
        Self {
            id: view.id,
            external_id: view.external_id,
            crisp_people_ids: view.crisp_people_ids,
            email: view.email,
            name: view.name,
            phone: view.phone,
            phone_e164: view.phone_e164,
            country_alpha2: view.country_alpha2,
            signed_up_at: view.signed_up_at.map(Time),
            attributes: view.attributes,
            companies: view.companies.into_iter().map(Company::from).collect(),
            created_at: Time(view.created_at),
            updated_at: Time(view.updated_at),
        }
    }
}

impl From<CompanyName> for Company {
    fn from(company: CompanyName) -> Self {
        Self { external_id: company.external_id, name: company.name }
    }
}

/// Which contacts.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Those with this email address, whatever its case.
    email: Option<String>,
    /// The one that carries this Crisp profile.
    crisp_people_id: Option<String>,
    /// `crisp`: those that carry a Crisp profile.
    #[param(example = "crisp")]
    source: Option<String>,
    /// Those whose name, email address or external id contains this text.
    search: Option<String>,
}

/// Lists contacts.
#[utoipa::path(
    get, path = "/v1/contacts", tag = "Contacts", params(Which, PagingParameters),
    responses((status = 200, body = List<Contact>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(which): Query<Which>,
    paging: Paging<Uuid>,
) -> Result<Json<List<Contact>>, Problem> {
    let Some(filter) = filter(which)? else { return Ok(Json(List { items: Vec::new(), next_cursor: None })) };
    let mut session = state.view(&caller).await?;
    let rows = contacts::list(&mut session, &filter, paging.after, paging.rows_to_read()).await?;
    session.commit().await?;
    Ok(Json(List::of(rows, &paging, ContactView::position, Contact::from)))
}

/// `None`: nobody can have what is asked for.
fn filter(which: Which) -> Result<Option<Filter>, Problem> {
    let source = match filled(which.source.as_deref()) {
        None => Source::Any,
        Some("crisp") => Source::Crisp,
        Some(_) => return Err(Problem::of_field("source", "invalid", "is `crisp`, or left out")),
    };
    let email = match filled(which.email.as_deref()).map(EmailKey::parse) {
        Some(None) => return Ok(None),
        Some(key) => key,
        None => None,
    };
    let people_id = filled(which.crisp_people_id.as_deref()).map(PeopleId::new);
    Ok(Some(Filter { email, people_id, source, search: which.search }))
}

/// Shows a contact.
#[utoipa::path(
    get, path = "/v1/contacts/{id}", tag = "Contacts", params(("id" = Uuid, Path)),
    responses((status = 200, body = Contact)),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Contact>, Problem> {
    let mut session = state.view(&caller).await?;
    let found = contacts::find(&mut session, ContactId::from(id)).await?;
    session.commit().await?;
    found.map(|view| Json(view.into())).ok_or_else(Problem::not_found)
}
