//! Contacts: found, and looked at with their conversations.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use crisp_domain::{ContactId, country};
use crisp_http::auth::Caller;
use crisp_http::{AppState, List, Paging, Path, Query};
use crisp_storage::views::Newest;
use crisp_storage::views::contacts::{self, ContactView, Filter};
use crisp_storage::views::conversations::Scope;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::conversations::{Listed, Which};
use crate::failure::Failure;
use crate::input::{Of, filled, in_address};
use crate::moment::Moment;
use crate::page::{Section, Shell, page};
use crate::words;

#[derive(Template)]
#[template(path = "contacts.html")]
struct ListPage {
    shell: Shell,
    search: String,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A contact in the list.
struct Row {
    id: Uuid,
    title: String,
    email: Option<String>,
    companies: String,
    from_crisp: bool,
}

#[derive(Template)]
#[template(path = "contact.html")]
struct ContactPage {
    shell: Shell,
    title: String,
    contact: ContactView,
    signed_up_at: Option<Moment>,
    attributes: Vec<Attribute>,
    companies: Vec<Company>,
    list: Listed,
}

/// A custom attribute.
struct Attribute {
    label: String,
    text: String,
    at: Option<Moment>,
}

/// A company of the contact.
struct Company {
    name: String,
    address: String,
}

/// What is looked for.
#[derive(Deserialize)]
pub(crate) struct Search {
    pub(crate) search: Option<String>,
}

/// Finds contacts.
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Of(Query(search)): Of<Query<Search>>,
    Of(paging): Of<Paging<Uuid>>,
) -> Result<Response, Failure> {
    let search = filled(search.search.as_deref()).map(str::to_owned);
    let filter = Filter { search: search.clone(), ..Filter::default() };
    let mut session = state.database().read(caller.account).await?;
    let rows = contacts::list(&mut session, &filter, paging.after, paging.rows_to_read()).await?;
    session.commit().await?;
    let list = List::of(rows, &paging, ContactView::position, Row::from);
    let search = search.unwrap_or_default();
    let next = list.next_cursor.map(|next| format!("?search={}&cursor={next}", in_address(&search)));
    Ok(page(&ListPage {
        shell: Shell::of(&caller, Section::Contacts, "Contacts"),
        search,
        rows: list.items,
        next,
    }))
}

/// One contact, and their conversations.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(Query(which)): Of<Query<Which>>,
    Of(paging): Of<Paging<Newest>>,
) -> Result<Response, Failure> {
    let id = ContactId::from(id);
    let mut session = state.database().read(caller.account).await?;
    let contact = contacts::find(&mut session, id).await?.ok_or_else(Failure::not_found)?;
    let list = Listed::of(&mut session, Scope::Contact(id), &which, &paging).await?;
    session.commit().await?;
    let title = title(&contact);
    Ok(page(&ContactPage {
        shell: Shell::of(&caller, Section::Contacts, title.clone()),
        title,
        signed_up_at: contact.signed_up_at.map(Moment),
        attributes: attributes(&contact),
        companies: contact.companies.iter().map(Company::from).collect(),
        list,
        contact,
    }))
}

fn title(contact: &ContactView) -> String {
    let known =
        contact.name.clone().or_else(|| contact.email.clone()).or_else(|| contact.external_id.clone());
    known.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| "Nameless contact".to_owned())
}

impl From<ContactView> for Row {
    fn from(contact: ContactView) -> Self {
        let names = contact
            .companies
            .iter()
            .map(|company| company.name.clone().unwrap_or_else(|| company.external_id.clone()));
        Self {
            id: contact.id,
            title: title(&contact),
            companies: names.collect::<Vec<_>>().join(", "),
            from_crisp: !contact.crisp_people_ids.is_empty(),
            email: contact.email,
        }
    }
}

impl From<&contacts::CompanyName> for Company {
    fn from(company: &contacts::CompanyName) -> Self {
        let name = company.name.clone().unwrap_or_else(|| company.external_id.clone());
        Self { name, address: in_address(&company.external_id) }
    }
}

fn attributes(contact: &ContactView) -> Vec<Attribute> {
    let country = contact.country_alpha2.as_deref().and_then(country::name);
    let attribute = |(name, value): (&String, &Value)| {
        if value.is_null() {
            return None;
        }
        let told = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = country.filter(|_| name == "country").map_or(told, str::to_owned);
        let at = if name.ends_with("_at") { text.parse().ok().map(Moment) } else { None };
        Some(Attribute { label: words::field(name), text, at })
    };
    contact.attributes.as_object().into_iter().flatten().filter_map(attribute).collect()
}
