//! Every read route's answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::behaviour::{Behaviour, ListEnd};
use super::plugin::Plugin;
use super::records::Person;
use super::route::{Kind, Route};
use super::website::Website;
use super::wire;

mod lists;
mod messages;

/// What goes back: a status and the envelope's two fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// Boxed, so that a refusal is small enough to travel as an error.
    pub(crate) data: Box<Value>,
    /// `Retry-After`, if any.
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    pub(crate) fn resolved(data: Value) -> Self {
        Self { status: 200, reason: "resolved".to_owned(), data: Box::new(data), retry_after: None }
    }

    pub(crate) fn listed(rows: Vec<Value>, more: bool, end: ListEnd) -> Self {
        let status = if end.says_more(more, rows.is_empty()) { 206 } else { 200 };
        Self { status, reason: "listed".to_owned(), data: Box::new(rows.into()), retry_after: None }
    }

    pub(crate) fn refused(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), data: Box::new(json!({})), retry_after: None }
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self { data: Box::new(json!({"message": message})), ..Self::refused(400, "invalid_data") }
    }

    pub(crate) fn missing() -> Self {
        Self::refused(404, "not_found")
    }

    /// The body as it is sent.
    pub(crate) fn body(&self) -> String {
        wire::text(&json!({"error": self.status >= 400, "reason": self.reason, "data": self.data}))
    }
}

/// The world as a request sees it.
pub(crate) struct Asked<'a> {
    pub(crate) route: &'a Route,
    pub(crate) websites: &'a [Website],
    pub(crate) plugin: &'a Plugin,
    pub(crate) behaviour: &'a Behaviour,
    /// Crisp's clock.
    pub(crate) now: i64,
}

type Answered = Result<Answer, Answer>;

impl Asked<'_> {
    pub(crate) fn answer(&self) -> Answer {
        let answered = match self.route.kind {
            Kind::ConnectAccount => Ok(Answer::resolved(json!({"plugin_id": self.plugin.id}))),
            Kind::ConnectWebsites => self.connected(),
            Kind::InstallPage | Kind::Write | Kind::Unknown => {
                Err(Answer::refused(405, "method_not_allowed"))
            }
            Kind::Subscription
            | Kind::SubscriptionSettings
            | Kind::Website
            | Kind::Operators
            | Kind::PeoplePage
            | Kind::PeopleStats
            | Kind::Profile
            | Kind::PeopleData
            | Kind::PeopleConversations
            | Kind::ConversationsPage
            | Kind::Conversation
            | Kind::ConversationMeta
            | Kind::ConversationState
            | Kind::ConversationRouting
            | Kind::Messages
            | Kind::Message => self.website().and_then(|website| self.of_website(website)),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the kinds without a website were answered before")]
    fn of_website(&self, website: &Website) -> Answered {
        match self.route.kind {
            Kind::Subscription => self.subscription(website),
            Kind::SubscriptionSettings => self.settings(website),
            Kind::Website => Ok(Answer::resolved(json!({
                "website_id": website.site.id, "name": website.site.options.name, "domain": "custify-demo.example",
                "logo": "", "verified": true, "institutional": false,
            }))),
            Kind::Operators => Ok(operators(website)),
            Kind::PeoplePage => self.people_page(website),
            Kind::PeopleStats => {
                Ok(Answer::resolved(json!({"total": website.list_lengths(self.listed()).0})))
            }
            Kind::Profile => self.profile(website),
            Kind::PeopleData => {
                self.person(website).map(|person| Answer::resolved(json!({"data": person.data})))
            }
            Kind::PeopleConversations => self.people_conversations(website),
            Kind::ConversationsPage => self.conversations_page(website),
            Kind::Messages => self.messages(website),
            Kind::Message => self.message(website),
            _ => self.conversation(website),
        }
    }

    /// When the lists were last brought up to date.
    fn listed(&self) -> i64 {
        self.now - i64::try_from(self.behaviour.list_lag_ms).unwrap_or(0)
    }

    fn website(&self) -> Result<&Website, Answer> {
        let id = self.route.website_id().ok_or_else(|| Answer::invalid("website_id is no UUID"))?;
        let website = self.websites.iter().find(|website| website.site.id == id);
        let subscribed = website.filter(|website| website.is_subscribed());
        subscribed.ok_or_else(|| Answer::refused(404, "not_subscribed"))
    }

    fn object(&self) -> &str {
        self.route.object.as_deref().unwrap_or_default()
    }

    fn connected(&self) -> Answered {
        let page: usize = match self.route.detail.as_deref().unwrap_or("1").parse() {
            Ok(page) if page > 0 => page,
            _ => return Err(Answer::invalid("page out of range")),
        };
        let rows = self.websites.iter().filter_map(|website| {
            let subscription = website.lock().subscription.clone();
            website.is_subscribed().then(|| wire::connected(&website.site, &subscription))
        });
        Ok(Answer::listed(rows.skip((page - 1) * 20).take(20).collect(), false, ListEnd::Exact))
    }

    fn is_our_plugin(&self) -> Result<(), Answer> {
        let ours = self.object() == self.plugin.id.to_string();
        if ours { Ok(()) } else { Err(Answer::refused(404, "not_subscribed")) }
    }

    fn subscription(&self, website: &Website) -> Answered {
        self.is_our_plugin()?;
        let since = chrono::DateTime::from_timestamp_millis(website.lock().subscription.since);
        Ok(Answer::resolved(json!({
            "id": self.plugin.id, "urn": "urn:custify:crisp:0", "name": "Custify", "active": true,
            "since": since.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            "website_id": website.site.id,
        })))
    }

    fn settings(&self, website: &Website) -> Answered {
        self.is_our_plugin()?;
        let settings = website.lock().subscription.settings.clone();
        Ok(Answer::resolved(json!({
            "plugin_id": self.plugin.id, "website_id": website.site.id, "token": website.site.token(),
            "schema": {}, "settings": settings, "settings_form_url": null,
            "callback_url": self.plugin.callback_url,
        })))
    }

    fn person(&self, website: &Website) -> Result<Arc<Person>, Answer> {
        website.person(self.object()).ok_or_else(Answer::missing)
    }

    fn profile(&self, website: &Website) -> Answered {
        let id = self.object();
        let person = if id.contains('@') { website.person_by_email(id) } else { website.person(id) };
        person.map(|person| Answer::resolved(wire::person(&person))).ok_or_else(Answer::missing)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "called for the four questions about one conversation only"
    )]
    fn conversation(&self, website: &Website) -> Answered {
        let row = website.conversation(self.object()).ok_or_else(Answer::missing)?;
        Ok(Answer::resolved(match self.route.kind {
            Kind::ConversationMeta => wire::meta(&row),
            Kind::ConversationState => json!({"state": row.state.as_str()}),
            Kind::ConversationRouting => json!({"assigned": wire::assigned(&row)}),
            _ => wire::conversation(&website.site, &row),
        }))
    }
}

fn operators(website: &Website) -> Answer {
    let mut rows: Vec<Value> = website.site.operators().iter().map(wire::operator).collect();
    rows.push(json!({"type": "invite", "details": {"email": "new.colleague@custify-demo.example"}}));
    Answer::listed(rows, false, ListEnd::Exact)
}
