//! Conversations: as a list in the views of contacts and companies, and each as a thread.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crisp_domain::conversation::Status;
use crisp_domain::{ContactId, ConversationId};
use crisp_http::auth::{Caller, Permission};
use crisp_http::{AppState, List, Paging, Path};
use crisp_storage::AccountSession;
use crisp_storage::views::Newest;
use crisp_storage::views::contacts::{self, CompanyName};
use crisp_storage::views::conversations::{self, ConversationView, Filter, Scope};
use crisp_storage::views::messages::{self, InThread};
use crisp_sync::explain;
use serde::Deserialize;
use uuid::Uuid;

use crate::failure::Failure;
use crate::input::{Of, filled, in_address};
use crate::moment::{Moment, counted};
use crate::page::{Section, Shell, page};
use crate::words::{self, Tone};

mod thread;

use thread::{Entry, entries};

/// Characters of a title that is made of a message.
const LONGEST_TITLE: usize = 60;

/// Which conversations of a list.
#[derive(Default, Deserialize)]
pub(crate) struct Which {
    status: Option<String>,
    search: Option<String>,
}

/// A list of conversations with its filter.
pub(crate) struct Listed {
    pub(crate) status: String,
    pub(crate) search: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) next: Option<String>,
    /// Whether this is the first page.
    pub(crate) is_first: bool,
}

/// A conversation in a list.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) subject: String,
    pub(crate) who: String,
    pub(crate) status: &'static str,
    pub(crate) tone: Tone,
    pub(crate) origin: Option<String>,
    pub(crate) assigned: Option<String>,
    pub(crate) preview: Option<String>,
    pub(crate) from_us: bool,
    pub(crate) message_count: String,
    pub(crate) updated_at: Moment,
    pub(crate) waits_since: Option<Moment>,
}

impl Which {
    fn filter(&self) -> Filter {
        let status = filled(self.status.as_deref()).and_then(|word| word.parse::<Status>().ok());
        Filter { status, search: filled(self.search.as_deref()).map(str::to_owned) }
    }
}

impl Listed {
    /// One page of somebody's conversations.
    pub(crate) async fn of(
        session: &mut AccountSession,
        scope: Scope<'_>,
        which: &Which,
        paging: &Paging<Newest>,
    ) -> Result<Self, Failure> {
        let filter = which.filter();
        let rows = conversations::list(session, scope, &filter, paging.after, paging.rows_to_read()).await?;
        let list = List::of(rows, paging, ConversationView::position, Row::from);
        Ok(Self {
            status: filter.status.map(|status| status.to_string()).unwrap_or_default(),
            search: filter.search.unwrap_or_default(),
            rows: list.items,
            next: list.next_cursor,
            is_first: paging.after.is_none(),
        })
    }

    /// Whether anything narrows the list.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.status.is_empty() || !self.search.is_empty()
    }

    /// The query of the first page, filter included.
    pub(crate) fn first_query(&self) -> String {
        format!("?status={}&search={}", in_address(&self.status), in_address(&self.search))
    }

    /// The query of the next page, filter included.
    pub(crate) fn next_query(&self) -> Option<String> {
        Some(format!("{}&cursor={}", self.first_query(), self.next.as_deref()?))
    }
}

impl From<ConversationView> for Row {
    fn from(view: ConversationView) -> Self {
        let (status, tone) = words::status(&view.status);
        Self {
            id: view.id,
            subject: subject(&view),
            who: who(&view),
            status,
            tone,
            origin: view.origin.as_deref().map(words::origin),
            assigned: view.assigned_name.or(view.assigned_user_id),
            preview: view.last_message,
            from_us: view.last_message_direction.as_deref() == Some("outbound"),
            message_count: counted(view.message_count, "message", "messages"),
            updated_at: Moment(view.updated_at),
            waits_since: view.waiting_on_us_since.filter(|_| view.status != "resolved").map(Moment),
        }
    }
}

/// What a conversation is called: its subject, else how it began.
fn subject(view: &ConversationView) -> String {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    said(&view.subject)
        .or_else(|| said(&view.first_message).map(|text| beginning(&text)))
        .unwrap_or_else(|| "Conversation".to_owned())
}

/// The first words of a message, as many as make a title.
fn beginning(text: &str) -> String {
    let mut title = String::new();
    for word in text.split_whitespace() {
        if title.chars().count() + word.chars().count() >= LONGEST_TITLE {
            let whole = if title.is_empty() { word.chars().take(LONGEST_TITLE).collect() } else { title };
            return format!("{}…", whole.trim_end_matches(['.', ',', ';', ':', '…']));
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    title
}

fn who(view: &ConversationView) -> String {
    let name =
        view.contact_name.clone().or_else(|| view.nickname.clone()).or_else(|| view.contact_email.clone());
    name.unwrap_or_else(|| "Nameless contact".to_owned())
}

#[derive(Template)]
#[template(path = "conversation.html")]
struct ThreadPage {
    shell: Shell,
    row: Row,
    contact_id: Uuid,
    external_id: String,
    companies: Vec<(String, String)>,
    matched_by: &'static str,
    why: Vec<String>,
    created_at: Moment,
    synced_at: Moment,
    messages_due: bool,
    crisp_link: Option<String>,
    entries: Vec<Entry>,
    earlier: Option<String>,
    is_newest: bool,
}

/// The page of a conversation: the newest messages, and the way to earlier ones.
pub(crate) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Of(Path(id)): Of<Path<Uuid>>,
    Of(paging): Of<Paging<InThread>>,
) -> Result<Response, Failure> {
    let mut session = state.database().read(caller.account).await?;
    let found = conversations::find(&mut session, ConversationId::from(id)).await?;
    let view = found.ok_or_else(Failure::not_found)?;
    let own = ConversationId::from(view.id);
    let newest = messages::list_newest(&mut session, own, paging.after, paging.rows_to_read()).await?;
    let contact = contacts::find(&mut session, ContactId::from(view.contact_id)).await?;
    session.commit().await?;
    let mut list = List::of(newest, &paging, messages::MessageView::position, |message| message);
    list.items.reverse();
    let why = explain::conversation(&state.engine, caller.account, own).await.ok();
    let evidence = why
        .map(|why| why.latest.evidence.into_iter().map(|reason| words::sentence(&reason.detail)).collect());
    let names = contact.map(|contact| contact.companies).unwrap_or_default();
    let link = |id: &String| (company_name(&names, id), in_address(id));
    Ok(page(&ThreadPage {
        shell: Shell::of(&caller, section(&caller), subject(&view)),
        contact_id: view.contact_id,
        external_id: view.external_id.clone(),
        companies: view.company_external_ids.iter().map(link).collect(),
        matched_by: words::matched_by(view.matched_by.as_deref().unwrap_or_default()),
        why: evidence.unwrap_or_default(),
        created_at: Moment(view.created_at),
        synced_at: Moment(view.synced_at),
        messages_due: view.messages_due,
        crisp_link: crisp_link(&state, view.website_id, &view.external_id),
        entries: entries(list.items),
        earlier: list.next_cursor,
        is_newest: paging.after.is_none(),
        row: Row::from(view),
    }))
}

fn company_name(names: &[CompanyName], id: &str) -> String {
    let known =
        names.iter().find(|company| company.external_id == id).and_then(|company| company.name.clone());
    known.unwrap_or_else(|| id.to_owned())
}

fn section(caller: &Caller) -> Section {
    if caller.may(Permission::ReadConversations) { Section::Contacts } else { Section::Nowhere }
}

/// The conversation in Crisp's own inbox.
pub(crate) fn crisp_link(state: &AppState, website: Option<Uuid>, session: &str) -> Option<String> {
    let base = state.engine.options().app_url.as_str().trim_end_matches('/').to_owned();
    let session = in_address(session);
    website.map(|website| format!("{base}/website/{website}/inbox/{session}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_without_a_subject_is_called_by_its_first_words() {
        assert_eq!(beginning("  Hello\nthere  "), "Hello there");
        let long = beginning(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.chars().count() <= LONGEST_TITLE + 1, "{long}");
        assert_eq!(beginning(&"x".repeat(200)).chars().count(), LONGEST_TITLE + 1);
    }
}
