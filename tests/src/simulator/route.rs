//! Which question a request asks: one enum, parsed from the path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use uuid::Uuid;

/// The kinds of requests, as the log counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named after its route")]
pub enum Kind {
    ConnectAccount,
    ConnectWebsites,
    Subscription,
    SubscriptionSettings,
    Website,
    Operators,
    PeoplePage,
    PeopleStats,
    Profile,
    PeopleData,
    PeopleConversations,
    ConversationsPage,
    Conversation,
    ConversationMeta,
    ConversationState,
    ConversationRouting,
    Messages,
    Message,
    /// The install page (not part of the REST API, not counted against the quota).
    InstallPage,
    /// Anything but GET and HEAD.
    Write,
    /// A path that Crisp does not have.
    Unknown,
}

impl Kind {
    /// The scope that a token needs for it.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::PeoplePage | Self::Profile | Self::PeopleStats | Self::PeopleConversations => {
                Some("website:people:profiles")
            }
            Self::PeopleData => Some("website:people:data"),
            Self::ConversationsPage | Self::Conversation | Self::ConversationMeta => {
                Some("website:conversation:sessions")
            }
            Self::ConversationState => Some("website:conversation:states"),
            Self::ConversationRouting => Some("website:conversation:routing"),
            Self::Messages | Self::Message => Some("website:conversation:messages"),
            Self::Operators => Some("website:operators"),
            Self::ConnectAccount
            | Self::ConnectWebsites
            | Self::Subscription
            | Self::SubscriptionSettings
            | Self::Website
            | Self::InstallPage
            | Self::Write
            | Self::Unknown => None,
        }
    }
}

/// A parsed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) kind: Kind,
    /// The website in the path, as it stands there.
    pub(crate) website: Option<String>,
    /// What the question is about: a session id, a people id or email, a plugin id.
    pub(crate) object: Option<String>,
    /// The page, or the fingerprint of one message, as it stands there.
    pub(crate) detail: Option<String>,
    pub(crate) query: BTreeMap<String, String>,
}

impl Route {
    /// Parses what follows `/v1/`.
    pub(crate) fn parse(path: &str, query: &str) -> Self {
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (kind, website, object, detail) = shape(&words);
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            kind,
            website: own(website),
            object: own(object),
            detail: own(detail),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    pub(crate) fn website_id(&self) -> Option<Uuid> {
        self.website.as_deref().and_then(|text| text.parse().ok())
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.param(name) == Some("1")
    }
}

type Shape<'a> = (Kind, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn shape<'a>(words: &[&'a str]) -> Shape<'a> {
    match *words {
        ["plugin", "connect", "account"] => (Kind::ConnectAccount, None, None, None),
        ["plugin", "connect", "websites", "all", page] => (Kind::ConnectWebsites, None, None, Some(page)),
        ["plugin", "connect", "websites", "since"] => (Kind::ConnectWebsites, None, None, None),
        ["plugins", "subscription", w, plugin] => (Kind::Subscription, Some(w), Some(plugin), None),
        ["plugins", "subscription", w, plugin, "settings"] => {
            (Kind::SubscriptionSettings, Some(w), Some(plugin), None)
        }
        ["website", w] => (Kind::Website, Some(w), None, None),
        ["website", w, "operators", "list"] => (Kind::Operators, Some(w), None, None),
        ["website", w, "people", ref rest @ ..] => people(w, rest),
        ["website", w, "conversations", page] => (Kind::ConversationsPage, Some(w), None, Some(page)),
        ["website", w, "conversation", session, ref rest @ ..] => conversation(w, session, rest),
        _ => (Kind::Unknown, None, None, None),
    }
}

fn people<'a>(website: &'a str, rest: &[&'a str]) -> Shape<'a> {
    match *rest {
        ["stats"] => (Kind::PeopleStats, Some(website), None, None),
        ["profiles", page] => (Kind::PeoplePage, Some(website), None, Some(page)),
        ["profile", id] => (Kind::Profile, Some(website), Some(id), None),
        ["data", id] => (Kind::PeopleData, Some(website), Some(id), None),
        ["conversations", id, "list", page] => {
            (Kind::PeopleConversations, Some(website), Some(id), Some(page))
        }
        _ => (Kind::Unknown, Some(website), None, None),
    }
}

fn conversation<'a>(website: &'a str, session: &'a str, rest: &[&'a str]) -> Shape<'a> {
    let of = |kind| (kind, Some(website), Some(session), None);
    match *rest {
        [] => of(Kind::Conversation),
        ["meta"] => of(Kind::ConversationMeta),
        ["state"] => of(Kind::ConversationState),
        ["routing"] => of(Kind::ConversationRouting),
        ["messages"] => of(Kind::Messages),
        ["message", fingerprint] => (Kind::Message, Some(website), Some(session), Some(fingerprint)),
        _ => (Kind::Unknown, Some(website), Some(session), None),
    }
}

/// Percent-decoding as Crisp does it: a bare `+` is a blank.
fn decoded(segment: &str) -> String {
    form_urlencoded::parse(segment.replace('&', "%26").replace('=', "%3D").as_bytes())
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_in_the_path_has_to_be_percent_encoded() {
        let route = Route::parse("website/W/people/profile/ana%2Bx%40a.example", "");
        assert_eq!((route.kind, route.object.as_deref()), (Kind::Profile, Some("ana+x@a.example")));
        let bare = Route::parse("website/W/people/profile/ana+x@a.example", "");
        assert_eq!(bare.object.as_deref(), Some("ana x@a.example"));
    }

    #[test]
    fn every_route_has_its_kind() {
        for (path, kind) in [
            ("plugin/connect/account", Kind::ConnectAccount),
            ("plugins/subscription/W/P/settings", Kind::SubscriptionSettings),
            ("website/W/people/profiles/3", Kind::PeoplePage),
            ("website/W/conversations/2", Kind::ConversationsPage),
            ("website/W/conversation/S/messages", Kind::Messages),
            ("website/W/elsewhere", Kind::Unknown),
        ] {
            assert_eq!(Route::parse(path, "per_page=50").kind, kind, "{path}");
        }
    }
}
