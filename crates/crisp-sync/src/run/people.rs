//! Walks pages of people.

use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::page::Walk as ListWalk;
use crisp_client::people::Direction;
use crisp_client::{PeopleQuery, Profile, people::PeopleSort};
use crisp_domain::time;
use crisp_storage::work::{self, Lane};
use crisp_storage::{hooks, profiles, sightings, unreadable, wanted};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};

use super::odd::Odd;
use super::shifted::PROFILE_REMOVED;
use super::{Ahead, Next, Run, Stage, count};
use crate::clock;
use crate::error::Error;
use crate::observe::{LAG, lies_ahead};
use crate::people::{Incoming, apply_profiles};
use crate::scope::Scope;

/// Rows on a page: as many as Crisp gives.
pub(super) const PER_PAGE: u8 = 50;
/// How far an incremental walk goes back behind its bookmark, for lists that lag.
pub(super) const OVERLAP: TimeDelta = TimeDelta::seconds(60);
/// Requests for custom data at a time.
const DATA_CONCURRENCY: usize = 8;

/// A page of people with what belongs to it.
pub(super) struct Fetched {
    people: Vec<Incoming>,
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

    fn ids(&self) -> Vec<String> {
        self.people.iter().map(|one| one.profile.people_id.as_str().to_owned()).collect()
    }

    fn created(&self) -> Vec<Option<i64>> {
        self.people.iter().map(|one| one.profile.created_at_ms).collect()
    }

    fn updated(&self) -> Vec<DateTime<Utc>> {
        self.people.iter().filter_map(|one| one.profile.updated_at_ms.and_then(time::from_ms)).collect()
    }
}

/// How this walk over the people list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
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
        let ended = walked.ends_with(page.rows, page.more, PER_PAGE, self.aim());
        let verdict = self.judge(walk, &page, ended);
        if verdict == Verdict::Unsorted {
            return self.give_up_sorting().await;
        }
        let last = verdict == Verdict::Last;
        // Where an incremental walk ends shows when its page is written.
        let prefetch = !last && !self.is_incremental() && self.may_go_on();
        let (written, ahead) = futures::join!(self.write_people(walk, page, walked, last), async {
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

    async fn fetch_people(&self, walk: Walk, page: u32) -> Result<Fetched, crisp_client::Error> {
        let since = self.integration.people_bookmark.and_then(|at| at.checked_sub_signed(OVERLAP));
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
        let mut odd = Odd::of(&listed, page);
        let (rows, more) = (listed.records.len(), listed.more);
        let profiles = listed.records.into_iter().flatten().collect();
        let changed_since = if walk == Walk::Changed { since } else { None };
        let people = self.with_data(profiles, changed_since, &mut odd).await?;
        Ok(Fetched { people, odd, rows, more, sent_at })
    }

    /// Adds custom data where the mapping uses it: one request a person, none for who has not changed. What cannot be
    /// read of one person's data is listed, and what is known of them stays.
    async fn with_data(
        &self,
        profiles: Vec<Profile>,
        changed_since: Option<DateTime<Utc>>,
        odd: &mut Odd,
    ) -> Result<Vec<Incoming>, crisp_client::Error> {
        let wanted = self.settings.mapping.uses_data();
        let read = |profile: Profile| async move {
            let changed = profile.updated_at_ms.and_then(time::from_ms) >= changed_since;
            let data = if wanted && changed { self.data_of(&profile).await? } else { Data::Unasked };
            Ok::<_, crisp_client::Error>((profile, data))
        };
        let reads: Vec<_> = profiles.into_iter().map(|profile| read(profile).boxed()).collect();
        let read: Vec<(Profile, Data)> = stream::iter(reads).buffered(DATA_CONCURRENCY).try_collect().await?;
        let mut people = Vec::with_capacity(read.len());
        for (profile, data) in read {
            let data = match data {
                Data::Read(data) => Some(data),
                Data::Unasked => None,
                Data::Unreadable(why) => {
                    let name = crisp_domain::text::storable(profile.people_id.as_str());
                    odd.note(name, &format_args!("the custom data could not be read: {why}"));
                    None
                }
            };
            people.push(Incoming { profile, data, hooked: None });
        }
        Ok(people)
    }

    async fn data_of(&self, profile: &Profile) -> Result<Data, crisp_client::Error> {
        use crisp_client::Error as Crisp;
        match self.client.people_data(self.website, &profile.people_id).await {
            Ok(Some(data)) => Ok(Data::Read(data)),
            Ok(None) => Ok(Data::Unreadable("the answer holds none".to_owned())),
            Err(Crisp::NotFound) => Ok(Data::Read(Map::new())),
            Err(error @ (Crisp::Malformed { .. } | Crisp::Rejected { .. })) => {
                Ok(Data::Unreadable(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    fn judge(&self, walk: Walk, page: &Fetched, ends: bool) -> Verdict {
        if walk != Walk::Changed {
            return if ends { Verdict::Last } else { Verdict::More };
        }
        let updated = page.updated();
        let sorted = self
            .mark
            .last_profile
            .into_iter()
            .chain(updated.iter().copied())
            .is_sorted_by(|left, right| left >= right);
        if !sorted {
            return Verdict::Unsorted;
        }
        let since = self.integration.people_bookmark.and_then(|at| at.checked_sub_signed(OVERLAP));
        let met = updated.last().copied() < since;
        if ends || met { Verdict::Last } else { Verdict::More }
    }

    async fn write_people(
        &self,
        walk: Walk,
        page: Fetched,
        walked: ListWalk,
        last: bool,
    ) -> Result<(), Error> {
        let mut scope = self.open().await?;
        let now = scope.now;
        let ids = page.ids();
        if self.is_complete() {
            let seen = [ids.as_slice(), page.odd.named.as_slice()].concat();
            sightings::record(&mut scope.session, self.id(), sightings::Kind::Profile, &seen).await?;
        }
        let updated = page.updated();
        let newest = updated.iter().copied().filter(|at| !lies_ahead(*at, page.sent_at)).max();
        let (read, failed) = (count(page.rows), page.odd.failed);
        let number = self.mark.page.max(1);
        let anew = walk == Walk::Whole && number == 1;
        page.odd.save(&mut scope, unreadable::Kind::Profile, &ids, anew).await?;
        let newcomers_first = page.created().is_sorted_by(|left, right| left >= right);
        let sent_at = page.sent_at;
        let people = without_removed(&mut scope, page.people, &ids, sent_at).await?;
        let tally = apply_profiles(&mut scope, &self.engine.erasure, people).await?;
        let as_known = match walk {
            Walk::Whole => false,
            Walk::Changed => {
                tally.created + tally.updated == 0
                    && updated.first().copied() <= self.integration.people_bookmark
            }
            Walk::Created => tally.created == 0 && newcomers_first && self.sorts_by_creation(walk),
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
            // What changes while one walks moves to the front: only the first page tells how far everything was read.
            if walk != Walk::Changed || number == 1 {
                mark.newest_profile = mark.newest_profile.max(newest);
            }
            mark.last_profile = updated.last().copied().or(mark.last_profile);
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

    /// Whether a walk asks for people in the order of their creation: one over all of them tries it each time.
    fn sorts_by_creation(&self, walk: Walk) -> bool {
        !self.mark.unsorted_people && (walk == Walk::Whole || !self.integration.people_unsorted)
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

    /// Crisp refuses the question: it is asked again without what this website may not know.
    async fn ask_for_less(&mut self, walk: Walk, error: crisp_client::Error) -> Result<Next, Error> {
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
                self.write_people(walk, Fetched::nothing(clock::now()), self.mark.list, true).await?;
                Ok(Next::Step)
            }
            Walk::Whole => Err(error.into()),
        }
    }

    /// Asks, at the beginning of a pass that reads everybody, for the profiles that changed last: whether this website
    /// lists them in that order, and until when the pass will have read every change.
    pub(super) async fn look_at_the_order(&self) -> Result<Option<Order>, Error> {
        let sent_at = clock::now();
        let answer = self.client.people_page(self.website, &by_last_change(1)).await;
        if answer.as_ref().is_err_and(is_refused) {
            return Ok(Some(Order { sorted: false, newest: None }));
        }
        // Without an answer the first incremental run finds out.
        let Some(listed) = self.nicety(answer).await? else { return Ok(None) };
        let updated: Vec<_> = listed
            .records
            .iter()
            .flatten()
            .filter_map(|profile| profile.updated_at_ms.and_then(time::from_ms))
            .collect();
        let sorted = updated.is_sorted_by(|left, right| left >= right);
        Ok((updated.len() > 1).then(|| Order {
            sorted,
            newest: updated.iter().copied().find(|at| sorted && !lies_ahead(*at, sent_at)),
        }))
    }

    /// The list does not come in the order that was asked for: the walk begins again, the other way.
    async fn give_up_sorting(&mut self) -> Result<Next, Error> {
        tracing::info!(integration = %self.lease.integration, "this website does not list people by their last change");
        let scope: Scope = self.open().await?;
        self.commit(scope, |_, mark, integration| {
            integration.people_order_proven = Some(false);
            mark.last_profile = None;
            mark.enter(Stage::People);
        })
        .await?;
        Ok(Next::Step)
    }
}

/// Leaves out who was removed while their page was on its way: they are in doubt, and asked for by name.
async fn without_removed(
    scope: &mut Scope,
    people: Vec<Incoming>,
    ids: &[String],
    sent_at: DateTime<Utc>,
) -> Result<Vec<Incoming>, Error> {
    let (id, now) = (scope.id(), scope.now);
    let since = sent_at - LAG;
    let removed = hooks::list_people_heard(&mut scope.session, id, PROFILE_REMOVED, ids, since).await?;
    for name in &removed {
        let due = now + LAG;
        wanted::want(&mut scope.session, id, wanted::Kind::Profile, name, wanted::IN_DOUBT, due, now).await?;
        work::signal(&mut scope.session, id, Lane::Live, due).await?;
    }
    let stays = |one: &Incoming| !removed.iter().any(|name| name == one.profile.people_id.as_str());
    Ok(people.into_iter().filter(stays).collect())
}

/// What was read of one person's custom data.
enum Data {
    /// It was not asked for.
    Unasked,
    /// This.
    Read(Map<String, Value>),
    /// It was asked for, and cannot be read: why.
    Unreadable(String),
}

/// How a website lists people by their last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// Whether the list comes in that order.
    pub(super) sorted: bool,
    /// The newest change, where it does (Crisp's clock).
    pub(super) newest: Option<DateTime<Utc>>,
}

fn by_last_change(page: u32) -> PeopleQuery {
    PeopleQuery {
        page,
        per_page: PER_PAGE,
        sort: Some((PeopleSort::UpdatedAt, Direction::Descending)),
        ..PeopleQuery::default()
    }
}

/// Whether Crisp does not understand the question.
fn is_refused(error: &crisp_client::Error) -> bool {
    matches!(error, crisp_client::Error::Rejected { status: 400 | 422, .. })
}

/// Whether a page was asked for that does not exist, because the page before was the last one and did not say so.
pub(super) fn is_beyond_the_end(page: u32, error: &crisp_client::Error) -> bool {
    page > 1 && (is_refused(error) || matches!(error, crisp_client::Error::NotFound))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    More,
    Last,
    Unsorted,
}
