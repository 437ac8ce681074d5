//! In which order a website lists its people, and what is done where it refuses to.

use chrono::{DateTime, Utc};
use crisp_client::people::Direction;
use crisp_client::{PeopleQuery, people::PeopleSort};

use super::{Fetched, PER_PAGE, Walk, changed_at, is_refused};
use crate::clock;
use crate::error::Error;
use crate::observe::lies_ahead;
use crate::run::custom_data::Stored;
use crate::run::{Next, Run, Stage};
use crate::scope::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    More,
    Last,
    Unsorted,
}

impl Run<'_> {
    /// What a page tells of its walk.
    pub(super) fn judge(&self, walk: Walk, page: &Fetched, ends: bool) -> Verdict {
        if walk != Walk::Changed {
            return if ends { Verdict::Last } else { Verdict::More };
        }
        // Each page for itself: whoever changes while one walks pushes rows of the page before on to this one.
        let updated = page.updated();
        if !updated.is_sorted_by(|left, right| left >= right) {
            return Verdict::Unsorted;
        }
        let since = self.people_since();
        let met = updated.last().copied() < since;
        if ends || met { Verdict::Last } else { Verdict::More }
    }

    /// Whether a walk asks for people in the order of their creation: one over all of them tries it each time.
    pub(super) fn sorts_by_creation(&self, walk: Walk) -> bool {
        !self.mark.unsorted_people && (walk == Walk::Whole || !self.integration.people_unsorted)
    }

    /// Crisp refuses the question: it is asked again without what this website may not know.
    pub(super) async fn ask_for_less(
        &mut self,
        walk: Walk,
        error: crisp_client::Error,
    ) -> Result<Next, Error> {
        match walk {
            Walk::Changed => self.give_up_sorting().await,
            Walk::Whole | Walk::Created if self.sorts_by_creation(walk) => {
                let scope: Scope = self.open().await?;
                self.commit(scope, |_, mark, integration| {
                    mark.unsorted_people = true;
                    integration.people_unsorted = true;
                })
                .await?;
                Ok(Next::Step)
            }
            // Newcomers cannot be asked for: they are left to hooks and reconciliation.
            Walk::Created => {
                let nothing = Fetched::nothing(clock::now());
                self.write_people(walk, nothing, &Stored::default(), (self.mark.list, true)).await?;
                Ok(Next::Step)
            }
            Walk::Whole => Err(error.into()),
        }
    }

    /// Asks, at the beginning of a pass that reads everybody, for the profiles that changed last: whether this website
    /// lists them in that order, and until when the pass will have read every change.
    pub(in crate::run) async fn look_at_the_order(&self) -> Result<Option<Order>, Error> {
        let sent_at = clock::now();
        let answer = self.client.people_page(self.website, &by_last_change(1)).await;
        if answer.as_ref().is_err_and(is_refused) {
            return Ok(Some(Order { sorted: false, newest: None }));
        }
        // Without an answer the first incremental run finds out.
        let Some(listed) = self.nicety(answer).await? else { return Ok(None) };
        let updated: Vec<_> = listed.records.iter().flatten().filter_map(changed_at).collect();
        let sorted = updated.is_sorted_by(|left, right| left >= right);
        Ok((updated.len() > 1).then(|| Order {
            sorted,
            newest: updated.iter().copied().find(|at| sorted && !lies_ahead(*at, sent_at)),
        }))
    }

    /// The list does not come in the order that was asked for: the walk begins again, the other way.
    pub(super) async fn give_up_sorting(&mut self) -> Result<Next, Error> {
        tracing::info!(integration = %self.lease.integration, "this website does not list people by their last change");
        let scope: Scope = self.open().await?;
        self.commit(scope, |_, mark, integration| {
            integration.people_order_proven = Some(false);
            mark.enter(Stage::People);
        })
        .await?;
        Ok(Next::Step)
    }
}

/// How a website lists people by their last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) struct Order {
    /// Whether the list comes in that order.
    pub(in crate::run) sorted: bool,
    /// The newest change, where it does (Crisp's clock).
    pub(in crate::run) newest: Option<DateTime<Utc>>,
}

/// The question for those who changed last.
pub(super) fn by_last_change(page: u32) -> PeopleQuery {
    PeopleQuery {
        page,
        per_page: PER_PAGE,
        sort: Some((PeopleSort::UpdatedAt, Direction::Descending)),
        ..PeopleQuery::default()
    }
}
