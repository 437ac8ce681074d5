//! Walks pages of people.

mod order;

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::page::Aim;
use crisp_client::page::Walk as ListWalk;
use crisp_client::people::Direction;
use crisp_client::{PeopleQuery, Profile, people::PeopleSort};
use crisp_domain::time;
use crisp_storage::work::{self, Lane};
use crisp_storage::{hooks, profiles, sightings, unreadable, wanted};

use super::custom_data::Stored;
use super::odd::Odd;
use super::shifted::PROFILE_REMOVED;
use super::{Ahead, Next, Run, Stage, count};
use crate::clock;
use crate::error::Error;
use crate::observe::{LAG, lies_ahead};
use crate::people::{Incoming, apply_profiles};
use crate::scope::Scope;
use order::{Verdict, by_last_change};

/// Rows on a page: as many as Crisp gives.
pub(super) const PER_PAGE: u8 = 50;
/// How far an incremental walk goes back behind its bookmark, for lists that lag.
pub(super) const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// A page of people.
pub(super) struct Fetched {
    pub(super) people: Vec<Profile>,
    odd: Odd,
    rows: usize,
    more: bool,
    /// When it was asked for (our clock).
    sent_at: DateTime<Utc>,
}

impl Fetched {
    fn nothing(sent_at: DateTime<Utc>) -> Self {
        Self { people: Vec::new(), odd: Odd::default(), rows: 0, more: false, sent_at }
    }

    fn created(&self) -> Vec<Option<i64>> {
        self.people.iter().map(|profile| profile.created_at_ms).collect()
    }

    fn updated(&self) -> Vec<DateTime<Utc>> {
        self.people.iter().filter_map(changed_at).collect()
    }
}

/// When a profile changed last, as Crisp tells.
pub(super) fn changed_at(profile: &Profile) -> Option<DateTime<Utc>> {
    profile.updated_at_ms.and_then(time::from_ms)
}

/// Names of profiles.
pub(super) fn names<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Vec<String> {
    profiles.into_iter().map(|profile| profile.people_id.as_str().to_owned()).collect()
}

/// How this walk over the people list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// All of them.
    Whole,
    /// From the last changed one back to the bookmark.
    Changed,
    /// Only those created since: this website does not sort by change.
    Created,
}

impl Run<'_> {
    pub(super) async fn people(&mut self) -> Result<Next, Error> {
        let number = self.mark.page.max(1);
        let walk = self.walk().await?;
        let page = match self.ahead.take() {
            Some(Ahead::People(ahead, page)) if ahead == number => page,
            _ => self.fetch_people(walk, number).await,
        };
        let page = match page {
            Err(error) if is_refused(&error) => return self.ask_for_less(walk, error).await,
            page => page?,
        };
        let mut walked = self.mark.list;
        // A walk along what is new ends by what its pages hold, before a page beyond the end would be asked for.
        let aim = if walk == Walk::Whole { self.aim() } else { Aim::Everything };
        let ended = walked.ends_with(page.rows, page.more, PER_PAGE, aim);
        let verdict = self.judge(walk, &page, ended);
        if verdict == Verdict::Unsorted {
            return self.give_up_sorting().await;
        }
        let last = verdict == Verdict::Last;
        let stored = self.read_custom_data(walk, &page.people).await?;
        // Where an incremental walk ends shows when its page is written.
        let prefetch = !last && !self.is_incremental() && self.may_go_on();
        let (written, ahead) =
            futures::join!(self.write_people(walk, page, &stored, (walked, last)), async {
                if prefetch { Some(self.fetch_people(walk, number + 1).await) } else { None }
            });
        written?;
        self.ahead = ahead.map(|page| Ahead::People(number + 1, page));
        Ok(Next::Step)
    }

    async fn walk(&self) -> Result<Walk, Error> {
        if !self.is_incremental() || self.integration.people_bookmark.is_none() {
            return Ok(Walk::Whole);
        }
        if self.integration.people_order_proven != Some(false) {
            return Ok(Walk::Changed);
        }
        // Without a list by change, one page of people is read whole; more are left to hooks and reconciliation.
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let stored = profiles::count(&mut session, self.lease.integration).await?;
        session.commit().await?;
        Ok(if stored < i64::from(PER_PAGE) { Walk::Whole } else { Walk::Created })
    }

    /// From which change on an incremental walk reads people.
    pub(super) fn people_since(&self) -> Option<DateTime<Utc>> {
        self.integration.people_bookmark.and_then(|at| at.checked_sub_signed(OVERLAP))
    }

    async fn fetch_people(&self, walk: Walk, page: u32) -> Result<Fetched, crisp_client::Error> {
        let since = self.people_since();
        let query = match walk {
            Walk::Whole => PeopleQuery {
                page,
                per_page: PER_PAGE,
                sort: self.sorts_by_creation(walk).then_some((PeopleSort::CreatedAt, Direction::Ascending)),
                ..PeopleQuery::default()
            },
            Walk::Changed => by_last_change(page),
            Walk::Created => PeopleQuery {
                page,
                per_page: PER_PAGE,
                created_from: since,
                sort: self.sorts_by_creation(walk).then_some((PeopleSort::CreatedAt, Direction::Descending)),
                ..PeopleQuery::default()
            },
        };
        let sent_at = clock::now();
        let listed = match self.client.people_page(self.website, &query).await {
            Err(error) if is_beyond_the_end(page, &error) => return Ok(Fetched::nothing(sent_at)),
            listed => listed?,
        };
        let odd = Odd::of(&listed, unreadable::Kind::Profile, page);
        let (rows, more) = (listed.records.len(), listed.more);
        let people = listed.records.into_iter().flatten().collect();
        Ok(Fetched { people, odd, rows, more, sent_at })
    }

    /// Writes a page, except those of it who are `stored` already, with their custom data.
    async fn write_people(
        &self,
        walk: Walk,
        page: Fetched,
        stored: &Stored,
        (walked, last): (ListWalk, bool),
    ) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let now = scope.now;
        if self.is_complete() {
            let seen = [names(&page.people), page.odd.named.clone()].concat();
            sightings::record(&mut scope.session, self.id(), sightings::Kind::Profile, &seen).await?;
        }
        let updated = page.updated();
        let newest = updated.iter().copied().filter(|at| !lies_ahead(*at, page.sent_at)).max();
        let number = self.mark.page.max(1);
        let anew = walk == Walk::Whole && number == 1;
        let newcomers_first = page.created().is_sorted_by(|left, right| left >= right);
        let sent_at = page.sent_at;
        let (done, left): (Vec<Profile>, Vec<Profile>) =
            page.people.into_iter().partition(|one| stored.holds(one));
        let (read, failed) = (count(page.rows) - count(done.len()), page.odd.failed);
        page.odd.save(&mut scope, unreadable::Kind::Profile, &names(&left), anew).await?;
        let left = without_removed(&mut scope, left, sent_at).await?;
        let left = left
            .into_iter()
            .map(|profile| Incoming { profile, data: None, hooked: None, as_of: None })
            .collect();
        let tally = apply_profiles(&mut scope, &self.engine.erasure, left).await?;
        let as_known = match walk {
            Walk::Whole => false,
            Walk::Changed => {
                tally.created + tally.updated == 0
                    && !stored.any_news
                    && updated.first().copied() <= self.integration.people_bookmark
            }
            Walk::Created => {
                tally.created == 0 && !stored.any_news && newcomers_first && self.sorts_by_creation(walk)
            }
        };
        let next = self.after_people_page(walk, last || as_known);
        self.commit(scope, |row, mark, integration| {
            mark.lists_began.get_or_insert(sent_at);
            row.people_created += tally.created;
            row.people_updated += tally.updated;
            if mark.again > 0 {
                // What a list that is walked again shows as before was counted then.
                row.people_read += tally.created;
            } else {
                row.people_read += read;
                row.people_failed += failed;
                row.people_unchanged += tally.unchanged;
            }
            mark.list = walked;
            if walk == Walk::Whole {
                integration.people_unsorted = mark.unsorted_people;
            }
            mark.stored_of_page.clear();
            // What changes while one walks moves to the front: only the first page tells how far everything was read.
            if walk != Walk::Changed || number == 1 {
                mark.newest_profile = mark.newest_profile.max(newest);
            }
            if walk == Walk::Changed && updated.len() > 1 {
                integration.people_order_proven = Some(true);
            }
            match next {
                Some(stage) => {
                    mark.lists_ended = Some(now);
                    mark.enter(stage);
                }
                None => mark.page = mark.page.max(1) + 1,
            }
        })
        .await
    }

    fn after_people_page(&self, walk: Walk, last: bool) -> Option<Stage> {
        if !last {
            None
        } else if self.is_complete() && walk == Walk::Whole {
            Some(Stage::VanishedPeople)
        } else {
            Some(self.stage_after_people())
        }
    }
}

/// Leaves out who was removed while their page was on its way: they are in doubt, and asked for by name.
pub(super) async fn without_removed(
    scope: &mut Scope,
    people: Vec<Profile>,
    sent_at: DateTime<Utc>,
) -> Result<Vec<Profile>, Error> {
    let (id, now, since) = (scope.id(), scope.now, sent_at - LAG);
    let ids = names(&people);
    let removed = hooks::list_people_heard(&mut scope.session, id, PROFILE_REMOVED, &ids, since).await?;
    for name in &removed {
        let due = now + LAG;
        wanted::want(&mut scope.session, id, wanted::Kind::Profile, name, wanted::IN_DOUBT, due, now).await?;
        work::signal(&mut scope.session, id, Lane::Live, due).await?;
    }
    let stays = |one: &Profile| !removed.iter().any(|name| name == one.people_id.as_str());
    Ok(people.into_iter().filter(stays).collect())
}

/// Whether Crisp does not understand the question.
fn is_refused(error: &crisp_client::Error) -> bool {
    matches!(error, crisp_client::Error::Rejected { status: 400 | 422, .. })
}

/// Whether a page was asked for that does not exist, because the page before was the last one and did not say so.
pub(super) fn is_beyond_the_end(page: u32, error: &crisp_client::Error) -> bool {
    page > 1 && (is_refused(error) || matches!(error, crisp_client::Error::NotFound))
}
