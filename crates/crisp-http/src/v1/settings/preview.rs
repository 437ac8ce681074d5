//! What real profiles would become, and what a mapping can be made of.

use axum::Json;
use axum::extract::State;
use crisp_domain::ContactFields;
use crisp_sync::settings::{self, Example, Preview};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::SettingsShape;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::paging::List;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time::Time;

/// One profile, and the contact that it would become.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewedProfile {
    /// The Crisp profile.
    people_id: String,
    /// The contact that it would enrich; null: it would be a new one.
    contact_id: Option<Uuid>,
    /// What that contact holds now.
    before: PreviewedContact,
    /// What it would hold.
    contact: PreviewedContact,
}

/// The fields of a contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewedContact {
    /// The email address.
    email: Option<String>,
    /// The full name.
    name: Option<String>,
    /// The phone number.
    phone: Option<String>,
    /// When the person signed up.
    signed_up_at: Option<Time>,
    /// Custom attributes.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

/// A field that profiles of this workspace have.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceField {
    /// The path, for `from` of a mapping row.
    #[schema(example = "person.employment.title")]
    path: String,
    /// A few values that it has, shortened.
    examples: Vec<Value>,
}

impl From<ContactFields> for PreviewedContact {
    fn from(fields: ContactFields) -> Self {
        Self {
            email: fields.email,
            name: fields.name,
            phone: fields.phone,
            signed_up_at: fields.signed_up_at.map(Time),
            attributes: fields.attributes,
        }
    }
}

impl From<Preview> for PreviewedProfile {
    fn from(preview: Preview) -> Self {
        Self {
            people_id: preview.people_id.into(),
            contact_id: preview.contact,
            before: preview.before.into(),
            contact: preview.after.into(),
        }
    }
}

impl From<Example> for SourceField {
    fn from(example: Example) -> Self {
        Self { path: example.path, examples: example.examples }
    }
}

/// Shows what up to five real profiles would become by the settings in the body, those that say most first. Nothing is
/// saved.
#[utoipa::path(
    post, path = "/v1/integrations/{id}/settings/preview", tag = "Settings", params(("id" = Uuid, Path)),
    request_body = SettingsShape,
    responses(
        (status = 200, body = List<PreviewedProfile>),
        (status = 409, description = "`not_connected`, and nothing was imported before."),
        (status = 503, description = "`crisp_unavailable`: Crisp could not be asked; or something of ours is away."),
    ),
)]
pub(crate) async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(given): Body<Value>,
) -> Result<Json<List<PreviewedProfile>>, Problem> {
    let previews = settings::preview(&state.engine, caller.account, id.into(), given).await?;
    Ok(Json(List { items: previews.into_iter().map(PreviewedProfile::from).collect(), next_cursor: None }))
}

/// Lists the fields that profiles of this workspace have, custom data included: what a mapping can be made of.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/settings/sources", tag = "Settings", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = List<SourceField>),
        (status = 409, description = "`not_connected`, and nothing was imported before."),
        (status = 503, description = "`crisp_unavailable`: Crisp could not be asked; or something of ours is away."),
    ),
)]
pub(crate) async fn source_fields(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<List<SourceField>>, Problem> {
    let fields = settings::source_fields(&state.engine, caller.account, id.into()).await?;
    Ok(Json(List { items: fields.into_iter().map(SourceField::from).collect(), next_cursor: None }))
}
