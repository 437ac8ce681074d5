//! Custom data of the people on a page: one request a person, stored part by part.
//!
//! A page of them costs up to fifty requests. So each part commits for itself, and names those who are done: whoever
//! comes to the page again, because the budget was spent or a worker died, lists it once more and goes on with the rest.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use crisp_client::Profile;
use crisp_storage::{profiles, unreadable};
use futures::FutureExt;
use futures::future::join_all;
use serde_json::{Map, Value};

use super::odd::Odd;
use super::people::{Walk, changed_at, names};
use super::{Run, count};
use crate::error::Error;
use crate::people::{Incoming, apply_profiles};

/// Requests at a time, and people stored at once.
const PART: usize = 8;

/// Who of a page is stored before the page is written.
#[derive(Debug, Default)]
pub(super) struct Stored {
    people: BTreeSet<String>,
    /// Whether any of them was news, as far as is known.
    pub(super) any_news: bool,
}

impl Stored {
    pub(super) fn holds(&self, profile: &Profile) -> bool {
        self.people.contains(profile.people_id.as_str())
    }
}

/// What was read of one person's custom data.
enum Data {
    /// This.
    Read(Map<String, Value>),
    /// It cannot be read: why.
    Unreadable(String),
}

impl Run<'_> {
    /// Reads and stores the custom data of those on a page who need it, where the mapping uses any: of everybody, in an
    /// incremental run of those who changed. Returns who of the page is stored by that.
    pub(super) async fn read_custom_data(&self, walk: Walk, page: &[Profile]) -> Result<Stored, Error> {
        if !self.settings.mapping.uses_data() {
            return Ok(Stored::default());
        }
        let people = self.mark.stored_of_page.clone();
        let mut stored = Stored { any_news: !people.is_empty(), people };
        let since = if walk == Walk::Changed { self.people_since() } else { None };
        let known = if self.is_incremental() { self.known_data(page).await? } else { HashMap::new() };
        let is_known =
            |one: &Profile| changed_at(one).is_some_and(|at| known.get(one.people_id.as_str()) >= Some(&at));
        let due: Vec<&Profile> = page
            .iter()
            .filter(|one| changed_at(one) >= since && !is_known(one) && !stored.holds(one))
            .collect();
        for part in due.chunks(PART) {
            // Every read that was begun is seen through: what it brought is stored, whatever became of the others.
            let reads: Vec<_> = part.iter().map(|profile| self.data_of(profile).boxed()).collect();
            let reads = join_all(reads).await;
            let (mut read, mut failed) = (Vec::new(), None);
            for (profile, outcome) in part.iter().zip(reads) {
                match outcome {
                    Ok(data) => read.push(((*profile).clone(), data)),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            self.store_part(read, &mut stored).await?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(stored)
    }

    /// Of when the profiles of a page are whose custom data are stored.
    async fn known_data(&self, page: &[Profile]) -> Result<HashMap<String, DateTime<Utc>>, Error> {
        let mut session = self.engine.database.read_primary(self.lease.account).await?;
        let rows = profiles::list_by_people_id(&mut session, self.lease.integration, &names(page)).await?;
        session.commit().await?;
        let with_data = rows.into_iter().filter(|row| row.data.is_some());
        Ok(with_data.filter_map(|row| Some((row.people_id, row.crisp_updated_at?))).collect())
    }

    /// What cannot be read of one person's data is listed, and what is known of them stays.
    async fn data_of(&self, profile: &Profile) -> Result<Data, Error> {
        match self.client.people_data(self.website, &profile.people_id).await {
            Ok(Some(data)) => Ok(Data::Read(data)),
            Ok(None) => Ok(Data::Unreadable("the answer holds none".to_owned())),
            Err(crisp_client::Error::NotFound) => Ok(Data::Read(Map::new())),
            Err(error) if self.lies_in_the_record(&error).await => Ok(Data::Unreadable(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn store_part(&self, read: Vec<(Profile, Data)>, stored: &mut Stored) -> Result<(), Error> {
        let (mut people, mut odd) = (Vec::with_capacity(read.len()), Odd::default());
        let ids = names(read.iter().map(|(profile, _)| profile));
        if ids.is_empty() {
            return Ok(());
        }
        for (profile, data) in read {
            let data = match data {
                Data::Read(data) => Some(data),
                Data::Unreadable(why) => {
                    let name = crisp_domain::text::storable(profile.people_id.as_str());
                    odd.note(name, &format_args!("the custom data could not be read: {why}"));
                    None
                }
            };
            people.push(Incoming { profile, data, hooked: None, as_of: None });
        }
        let mut scope = self.open().await?;
        odd.save(&mut scope, unreadable::Kind::Profile, &ids, false).await?;
        let tally = apply_profiles(&mut scope, &self.engine.erasure, people).await?;
        stored.people.extend(ids.iter().cloned());
        stored.any_news |= tally.created + tally.updated > 0;
        self.commit(scope, |row, mark, _| {
            row.people_read += count(ids.len());
            row.people_failed += odd.failed;
            row.people_created += tally.created;
            row.people_updated += tally.updated;
            row.people_unchanged += tally.unchanged;
            mark.stored_of_page.extend(ids);
        })
        .await
    }
}
