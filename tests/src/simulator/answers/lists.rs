//! The paged lists.

use std::sync::Arc;

use super::{Answer, Answered, Asked};
use crate::simulator::conversations::ConversationOrder;
use crate::simulator::people::PeopleOrder;
use crate::simulator::query::{self, Test};
use crate::simulator::records::{Conversation, Person};
use crate::simulator::website::{Selection, Website};
use crate::simulator::wire;

impl Asked<'_> {
    pub(super) fn people_page(&self, website: &Website) -> Answered {
        let (page, per_page) = query::paging(self.route).map_err(Answer::invalid)?;
        let by_update = self.behaviour.people_sort_by_updated_at;
        let (order, ascending) = query::people_order(self.route, by_update).map_err(Answer::invalid)?;
        let dates = query::dates(self.route).map_err(Answer::invalid)?;
        let mut tests = query::people_tests(self.route).map_err(Answer::invalid)?;
        let mut keys = i64::MIN..=i64::MAX;
        match dates {
            Some(dates) if order == PeopleOrder::Created => keys = dates,
            Some(dates) => tests.push(Box::new(move |person| dates.contains(&person.sorted.created))),
            None => {}
        }
        let passes = |person: &Person| tests.iter().all(|test| test(person));
        let filter: Option<&dyn Fn(&Person) -> bool> = if tests.is_empty() { None } else { Some(&passes) };
        let selection = Selection { order, ascending, keys, filter, page, per_page };
        let (people, more) = website.list_people(self.listed(), &selection);
        let rows = people.iter().map(|person| wire::person(person)).collect();
        Ok(Answer::listed(rows, more, self.behaviour.people_end))
    }

    pub(super) fn people_conversations(&self, website: &Website) -> Answered {
        let (page, per_page) = query::paging(self.route).map_err(Answer::invalid)?;
        let person = self.person(website)?;
        let of_person = |row: &Conversation| row.people_id.as_deref() == Some(person.people_id.as_str());
        let (rows, more) =
            self.conversations(website, ConversationOrder::UpdatedAll, Some(&of_person), (page, per_page));
        let rows = rows.iter().map(|row| row.session_id.as_str().into()).collect();
        Ok(Answer::listed(rows, more, self.behaviour.conversations_end))
    }

    fn conversations(
        &self,
        website: &Website,
        order: ConversationOrder,
        filter: Option<&dyn Fn(&Conversation) -> bool>,
        (page, per_page): (u64, u64),
    ) -> (Vec<Arc<Conversation>>, bool) {
        let keys = i64::MIN..=i64::MAX;
        website.list_conversations(
            self.listed(),
            &Selection { order, ascending: false, keys, filter, page, per_page },
        )
    }

    pub(super) fn conversations_page(&self, website: &Website) -> Answered {
        let (page, per_page) = query::paging(self.route).map_err(Answer::invalid)?;
        let order = query::conversation_order(self.route);
        let mut tests: Vec<Test<Conversation>> = query::conversation_tests(self.route);
        let mut keys = i64::MIN..=i64::MAX;
        match query::dates(self.route).map_err(Answer::invalid)? {
            Some(dates) if matches!(order, ConversationOrder::Updated | ConversationOrder::UpdatedAll) => {
                keys = dates;
            }
            Some(dates) => tests.push(Box::new(move |row| dates.contains(&row.sorted.updated))),
            None => {}
        }
        let passes = |row: &Conversation| tests.iter().all(|test| test(row));
        let filter: Option<&dyn Fn(&Conversation) -> bool> =
            if tests.is_empty() { None } else { Some(&passes) };
        let selection = Selection { order, ascending: false, keys, filter, page, per_page };
        let (rows, more) = website.list_conversations(self.listed(), &selection);
        let rows = rows.iter().map(|row| wire::conversation(&website.site, row)).collect();
        Ok(Answer::listed(rows, more, self.behaviour.conversations_end))
    }
}
