//! How Custify's own services keep contacts and companies, one by one or as a batch.

mod body;

use axum::Json;
use axum::extract::State;
use crisp_sync::directory::{self, Batch};
use utoipa_axum::routes;

use crate::auth::{Caller, Permission};
use crate::extract::{Body, Path};
use crate::problem::{FieldError, Problem};
use crate::routes::{Access, Routes};
use crate::state::AppState;
use body::{BatchBody, CompanyBody, ContactBody, Place, Places};

pub(super) fn routes() -> Routes<AppState> {
    let write = Access::Permission(Permission::WriteDirectory);
    Routes::new()
        .documented(write, routes!(put_company))
        .documented(write, routes!(put_contact))
        .documented(write, routes!(write_batch))
}

/// Writes a company.
#[utoipa::path(
    put, path = "/v1/companies/{external_id}", tag = "Directory", params(("external_id" = String, Path)),
    request_body = CompanyBody, responses((status = 200, body = Place)),
)]
pub(crate) async fn put_company(
    State(state): State<AppState>,
    caller: Caller,
    Path(external_id): Path<String>,
    Body(company): Body<CompanyBody>,
) -> Result<Json<Place>, Problem> {
    let change = company.change(Some(external_id)).map_err(|error| Problem::of_fields([error]))?;
    let row = directory::put_company(&state.engine, caller.account, &caller.subject, change).await?;
    Ok(Json(row.into()))
}

/// Writes a contact. A contact that only Crisp brought and that has its email address becomes this one.
#[utoipa::path(
    put, path = "/v1/contacts/{id}", tag = "Directory",
    params(("id" = String, Path, description = "The directory's own id of it.")),
    request_body = ContactBody, responses((status = 200, body = Place)),
)]
pub(crate) async fn put_contact(
    State(state): State<AppState>,
    caller: Caller,
    Path(external_id): Path<String>,
    Body(contact): Body<ContactBody>,
) -> Result<Json<Place>, Problem> {
    let change = contact.change(Some(external_id)).map_err(|error| Problem::of_fields([error]))?;
    let row = directory::put_contact(&state.engine, caller.account, &caller.subject, change).await?;
    Ok(Json(row.into()))
}

/// Writes many companies and contacts, all or none.
#[utoipa::path(
    post, path = "/v1/directory/batch", tag = "Directory",
    request_body = BatchBody, responses((status = 200, body = Places)),
)]
pub(crate) async fn write_batch(
    State(state): State<AppState>,
    caller: Caller,
    Body(batch): Body<BatchBody>,
) -> Result<Json<Places>, Problem> {
    let batch = changes(batch)?;
    let written = directory::batch(&state.engine, caller.account, &caller.subject, batch).await?;
    Ok(Json(Places {
        companies: written.companies.into_iter().map(Place::from).collect(),
        contacts: written.contacts.into_iter().map(Place::from).collect(),
    }))
}

fn changes(batch: BatchBody) -> Result<Batch, Problem> {
    let mut errors = Vec::new();
    let companies = batch.companies.into_iter().map(|company| company.change(None));
    let companies = sound(companies, "companies", &mut errors);
    let contacts = batch.contacts.into_iter().map(|contact| contact.change(None));
    let contacts = sound(contacts, "contacts", &mut errors);
    if errors.is_empty() { Ok(Batch { companies, contacts }) } else { Err(Problem::of_fields(errors)) }
}

/// The sound rows; errors are told at their row.
fn sound<T>(
    rows: impl Iterator<Item = Result<T, FieldError>>,
    list: &str,
    errors: &mut Vec<FieldError>,
) -> Vec<T> {
    let mut sound = Vec::new();
    for (index, row) in rows.enumerate() {
        match row {
            Ok(row) => sound.push(row),
            Err(error) => {
                errors.push(FieldError { field: format!("{list}[{index}].{}", error.field), ..error });
            }
        }
    }
    sound
}
