//! Everything that can be asked, one function a route.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::Client;
use super::request::{Request, iso};
use crate::conversations::{Conversation, ConversationsQuery};
use crate::error::Error;
use crate::fields::{at, integer, text};
use crate::ids::{PeopleId, PluginId, SessionId, WebsiteId};
use crate::messages::{Message, Selector};
use crate::operators::{Operator, Seat};
use crate::page::{Page, Record, rows};
use crate::people::{PeopleQuery, Profile};
use crate::plugin::{Subscription, SubscriptionSettings, Website};

impl Client {
    /// The plugin that the credential belongs to: the cheapest proof that the credential is good.
    pub async fn connect_account(&self) -> Result<PluginId, Error> {
        let data =
            self.value(&Request::new("plugin/connect/account", ["plugin", "connect", "account"])).await?;
        let plugin_id = text(&data, "plugin_id").and_then(|id| id.parse().ok());
        plugin_id.ok_or_else(|| Error::malformed("data.plugin_id", "missing or not a UUID"))
    }

    /// The plugin's installation on a website; [`Error::NotSubscribed`] where there is none.
    pub async fn subscription(&self, website: WebsiteId, plugin: PluginId) -> Result<Subscription, Error> {
        let (website, plugin) = (website.to_string(), plugin.to_string());
        let path = ["plugins", "subscription", &website, &plugin];
        let data = self.value(&Request::new("plugins/subscription", path)).await?;
        Subscription::read(&data).ok_or_else(|| Error::malformed("data", "not a subscription"))
    }

    /// What the plugin keeps for a website, and the token that proves who belongs to it.
    pub async fn subscription_settings(
        &self,
        website: WebsiteId,
        plugin: PluginId,
    ) -> Result<SubscriptionSettings, Error> {
        let (website, plugin) = (website.to_string(), plugin.to_string());
        let path = ["plugins", "subscription", &website, &plugin, "settings"];
        let data = self.value(&Request::new("plugins/subscription/settings", path)).await?;
        Ok(SubscriptionSettings::read(&data))
    }

    /// The website's name and domain.
    pub async fn website(&self, website: WebsiteId) -> Result<Website, Error> {
        let data = self.value(&Request::new("website", ["website", &website.to_string()])).await?;
        Ok(Website::read(website, &data))
    }

    /// The website's team. Invitations that nobody took up are left out.
    pub async fn operators(&self, website: WebsiteId) -> Result<Vec<Record<Operator>>, Error> {
        let path = ["website", &website.to_string(), "operators", "list"];
        let page: Page<Seat> = self.list(&Request::new("website/operators", path)).await?;
        Ok(page.records.into_iter().filter_map(|seat| seat.map(Seat::taken).transpose()).collect())
    }

    /// How many profiles the website has. Needs a scope of its own.
    pub async fn people_stats(&self, website: WebsiteId) -> Result<u64, Error> {
        let path = ["website", &website.to_string(), "people", "stats"];
        let data = self.value(&Request::new("website/people/stats", path)).await?;
        let total = integer(&data, "total").and_then(|total| u64::try_from(total).ok());
        total.ok_or_else(|| Error::malformed("data.total", "missing or not a count"))
    }

    /// One page of profiles.
    pub async fn people_page(&self, website: WebsiteId, query: &PeopleQuery) -> Result<Page<Profile>, Error> {
        let (website, page) = (website.to_string(), query.page.to_string());
        let path = ["website", &website, "people", "profiles", &page];
        let (field, direction) = query.sort.unzip();
        let request = Request::new("website/people/profiles", path)
            .with("per_page", rows(query.per_page).to_string())
            .with("sort_field", field.map(|field| field.as_str().to_owned()))
            .with("sort_order", direction.map(|direction| direction.as_str().to_owned()))
            .with("filter_date_start", query.created_from.map(iso))
            .with("filter_date_end", query.created_until.map(iso));
        self.list(&request).await
    }

    /// One profile, by its people id or by an email address.
    pub async fn profile(&self, website: WebsiteId, id_or_email: &str) -> Result<Profile, Error> {
        let path = ["website", &website.to_string(), "people", "profile", id_or_email];
        self.one(&Request::new("website/people/profile", path)).await
    }

    /// The custom data of one profile; `None` where the answer holds none that can be read. A request a person: use it
    /// only where nothing else tells.
    pub async fn people_data(
        &self,
        website: WebsiteId,
        person: &PeopleId,
    ) -> Result<Option<Map<String, Value>>, Error> {
        let path = ["website", &website.to_string(), "people", "data", person.as_str()];
        let data = self.value(&Request::new("website/people/data", path)).await?;
        Ok(at(&data, "data").and_then(Value::as_object).cloned())
    }

    /// One page of conversations, of every inbox.
    ///
    /// Whether Crisp's default covers all inboxes is not documented, so they are asked for by name. Where Crisp does
    /// not know that name (400), it is left out for this website from then on, by this client and its clones.
    pub async fn conversations_page(
        &self,
        website: WebsiteId,
        query: &ConversationsQuery,
    ) -> Result<Page<Conversation>, Error> {
        let (name, page) = (website.to_string(), query.page.to_string());
        let plain = || conversations_request(["website", &name, "conversations", &page], query);
        if self.without_inboxes().contains(&website) {
            return self.list(&plain()).await;
        }
        match self.list(&plain().with("filter_inbox_id", "all".to_owned())).await {
            Err(Error::Rejected { status: 400, .. }) => {
                let page = self.list(&plain()).await?;
                self.without_inboxes().insert(website);
                Ok(page)
            }
            answer => answer,
        }
    }

    fn without_inboxes(&self) -> MutexGuard<'_, HashSet<WebsiteId>> {
        // Whoever panicked in between left a set that is as good as before.
        self.shared.without_inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One conversation, without its messages.
    pub async fn conversation(&self, website: WebsiteId, session: &SessionId) -> Result<Conversation, Error> {
        let path = ["website", &website.to_string(), "conversation", session.as_str()];
        self.one(&Request::new("website/conversation", path)).await
    }

    /// One batch of a conversation's messages, oldest first; `more` says that there are older ones (or newer ones,
    /// after [`Selector::After`]).
    pub async fn messages(
        &self,
        website: WebsiteId,
        session: &SessionId,
        selector: Selector,
    ) -> Result<Page<Message>, Error> {
        let path = ["website", &website.to_string(), "conversation", session.as_str(), "messages"];
        let request = Request::new("website/conversation/messages", path);
        let request = match selector {
            Selector::Latest => request,
            Selector::Before(time) => request.with("timestamp_before", time.to_string()),
            Selector::After(time) => request.with("timestamp_after", time.to_string()),
        };
        self.list(&request).await
    }
}

fn conversations_request<'path>(path: [&'path str; 4], query: &ConversationsQuery) -> Request<'path> {
    Request::new("website/conversations", path)
        .with("per_page", rows(query.per_page).to_string())
        .with(query.order.as_str(), "1".to_owned())
        .with("filter_date_start", query.date_start.map(iso))
        .with("filter_date_end", query.date_end.map(iso))
        .with("include_empty", query.include_empty.then(|| "1".to_owned()))
}
