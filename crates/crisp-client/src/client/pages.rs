//! Lists as streams of pages, each page asked for when the stream is polled for it.

use futures::stream::{self, Stream};

use super::Client;
use crate::conversations::{Conversation, ConversationsQuery};
use crate::error::Error;
use crate::ids::{SessionId, WebsiteId};
use crate::messages::{Backwards, Message, Onward, Selector};
use crate::page::{Aim, Page, Walk};
use crate::people::{PeopleQuery, Profile};

impl Client {
    /// All pages of profiles from the query's page on.
    pub fn people(
        &self,
        website: WebsiteId,
        query: PeopleQuery,
    ) -> impl Stream<Item = Result<Page<Profile>, Error>> + Send + use<> {
        let start = (self.clone(), query, Walk::default());
        stream::try_unfold(Some(start), move |state| async move {
            let Some((client, mut query, mut walk)) = state else { return Ok(None) };
            let page = client.people_page(website, &query).await?;
            let ended = walk.ends_with(page.records.len(), page.more, query.per_page, Aim::Everything);
            query.page = query.page.saturating_add(1);
            Ok(Some((page, (!ended).then_some((client, query, walk)))))
        })
    }

    /// All pages of conversations from the query's page on. Rows shift between pages while people write: expect some twice.
    pub fn conversations(
        &self,
        website: WebsiteId,
        query: ConversationsQuery,
    ) -> impl Stream<Item = Result<Page<Conversation>, Error>> + Send + use<> {
        let start = (self.clone(), query, Walk::default());
        stream::try_unfold(Some(start), move |state| async move {
            let Some((client, mut query, mut walk)) = state else { return Ok(None) };
            let page = client.conversations_page(website, &query).await?;
            let ended = walk.ends_with(page.records.len(), page.more, query.per_page, Aim::Everything);
            query.page = query.page.saturating_add(1);
            Ok(Some((page, (!ended).then_some((client, query, walk)))))
        })
    }

    /// All messages of a conversation in batches, the newest batch first. Batches overlap: expect some messages twice. Where
    /// Crisp gives nothing older although there is, the last batch says `more`.
    pub fn messages_backwards(
        &self,
        website: WebsiteId,
        session: SessionId,
    ) -> impl Stream<Item = Result<Page<Message>, Error>> + Send + use<> {
        let start = (self.clone(), session, Selector::Latest, Backwards::default());
        stream::try_unfold(Some(start), move |state| async move {
            let Some((client, session, selector, mut walk)) = state else { return Ok(None) };
            let batch = client.messages(website, &session, selector).await?;
            let next = match walk.next(&batch) {
                Onward::Next(selector) => Some((client, session, selector, walk)),
                Onward::Whole | Onward::Stuck => None,
            };
            Ok(Some((batch, next)))
        })
    }
}
