//! What a sample of conversations says about all of them: which share will match, and how long transcripts are.

use std::collections::{BTreeSet, HashSet};

use crisp_client::{Error, Message, Page, Selector};
use crisp_domain::mapping::Target;
use crisp_domain::{ConversationFacts, EmailKey};
use crisp_storage::matches;
use futures::{StreamExt, TryStreamExt, stream};

use super::{Asking, as_float, rounded};
use crate::refusal::Refusal;

/// The most addresses nobody knows yet that are looked up in Crisp.
const MAX_LOOKUPS: usize = 80;
/// How far a share or a mean may be off (one standard deviation), relative to itself.
const PRECISION: f64 = 0.05;
/// Below this share of the sample, unknown addresses are taken for people of the workspace without looking.
const WORTH_A_LOOK: f64 = 0.04;
/// Transcripts whose newest batch is read in any case, and the least that a sample may have.
const TRANSCRIPTS: usize = 12;
/// The most of them, where their lengths differ much.
const MAX_TRANSCRIPTS: usize = 64;
/// One in so many conversations at the most: a small workspace is not worth a large sample.
const ONE_IN: usize = 20;
/// Requests under way at a time.
const AT_ONCE: usize = 6;
/// The most message requests that one conversation is believed to need.
const MAX_BATCHES: f64 = 100.0;

/// What will match a conversation, as far as can be told before the import.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Prospect {
    Matches,
    /// It does if somebody in the workspace has this address.
    IfProfile(EmailKey),
    Skipped,
}

impl Asking<'_> {
    /// The share of conversations that will match, and those of the sample that do.
    pub(super) async fn matched(
        &self,
        mut rows: Vec<ConversationFacts>,
        conversations: u64,
    ) -> Result<(f64, Vec<ConversationFacts>), Refusal> {
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.session_id.clone()));
        if rows.is_empty() {
            return Ok((0.0, rows));
        }
        let prospects = self.prospects(&rows).await?;
        let unknown: Vec<&EmailKey> = prospects
            .iter()
            .filter_map(|prospect| match prospect {
                Prospect::IfProfile(email) => Some(email),
                Prospect::Matches | Prospect::Skipped => None,
            })
            .collect();
        let of_rows = |count: usize| number(count) / number(rows.len());
        let certain = of_rows(prospects.iter().filter(|prospect| **prospect == Prospect::Matches).count());
        let doubtful = of_rows(unknown.len());
        let lookups = lookups(certain, doubtful).min(at_most(conversations, MAX_LOOKUPS));
        let known_share = if lookups == 0 { 1.0 } else { self.share_with_profile(&unknown, lookups).await? };
        let share = doubtful.mul_add(known_share, certain);
        let matched = rows.into_iter().zip(prospects).filter(|(_, prospect)| *prospect != Prospect::Skipped);
        Ok((share, matched.map(|(row, _)| row).collect()))
    }

    async fn prospects(&self, rows: &[ConversationFacts]) -> Result<Vec<Prospect>, Refusal> {
        let people: BTreeSet<String> =
            rows.iter().filter_map(|row| Some(row.people_id.value()?.as_str().to_owned())).collect();
        let emails: BTreeSet<String> =
            rows.iter().filter_map(|row| row.email_key().map(String::from)).collect();
        let (people, emails): (Vec<_>, Vec<_>) = (people.into_iter().collect(), emails.into_iter().collect());
        let mut session = self.engine.database.read_primary(self.account).await?;
        let known =
            matches::list_candidates(&mut session, self.integration.as_uuid(), &people, &emails).await?;
        session.commit().await?;
        let (mut known_people, mut known_emails) = (HashSet::new(), HashSet::new());
        for candidate in known {
            known_people.extend(candidate.people_ids);
            known_emails.extend(candidate.email_key);
        }
        // Profiles give their contacts an address only where the mapping says so.
        let brings_emails = self.settings.import_people
            && self.settings.mapping.rows().iter().any(|row| row.to == Target::Email);
        // What lies before the window is listed, and skipped.
        let window = crate::settings::start_of_window(self.now, self.settings.backfill_days);
        let prospect = |row: &ConversationFacts| match (row.people_id.value(), row.email_key()) {
            _ if row.updated_at.is_some() && row.updated_at < window => Prospect::Skipped,
            (Some(people_id), _)
                if self.settings.import_people || known_people.contains(people_id.as_str()) =>
            {
                Prospect::Matches
            }
            (_, Some(email)) if known_emails.contains(email.as_str()) => Prospect::Matches,
            (_, Some(email)) if brings_emails => Prospect::IfProfile(email),
            _ => Prospect::Skipped,
        };
        Ok(rows.iter().map(prospect).collect())
    }

    /// The share of these addresses that a profile of the workspace has, from a few that are looked up.
    async fn share_with_profile(&self, emails: &[&EmailKey], lookups: usize) -> Result<f64, Refusal> {
        let distinct: Vec<&EmailKey> = emails.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let few = spread(&distinct, lookups);
        let asked = few.len();
        let found: Vec<bool> = stream::iter(few)
            .map(|email| async {
                match self.client.profile(self.website, email.as_str()).await {
                    Ok(_) => Ok(true),
                    Err(Error::NotFound | Error::Rejected { .. }) => Ok(false),
                    Err(error) => Err(Refusal::CrispUnavailable(error)),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(number(found.into_iter().filter(|found| *found).count()) / number(asked.max(1)))
    }

    /// Message requests that one matched conversation takes on average, from a dozen transcripts, and more where they
    /// turn out to differ.
    pub(super) async fn batches(
        &self,
        matched: &[ConversationFacts],
        conversations: u64,
    ) -> Result<f64, Refusal> {
        let some = spread(&matched.iter().collect::<Vec<_>>(), at_most(conversations, MAX_TRANSCRIPTS));
        let (first, others) = dealt(&some, TRANSCRIPTS);
        let mut read = self.lengths(first).await?;
        let more = enough(&read).saturating_sub(read.len()).min(others.len());
        read.extend(self.lengths(spread(&others, more)).await?);
        Ok(if read.is_empty() { 1.0 } else { mean(&read) })
    }

    async fn lengths(&self, rows: Vec<&ConversationFacts>) -> Result<Vec<f64>, Refusal> {
        stream::iter(rows)
            .map(|row| async {
                match self.client.messages(self.website, &row.session_id, Selector::Latest).await {
                    Ok(page) => Ok(batches_of(row, &page)),
                    Err(Error::NotFound | Error::Malformed { .. }) => Ok(1.0),
                    Err(error) => Err(Refusal::CrispUnavailable(error)),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// The largest sample that so many conversations are worth.
fn at_most(conversations: u64, most: usize) -> usize {
    let worth = usize::try_from(conversations).unwrap_or(usize::MAX) / ONE_IN;
    worth.clamp(TRANSCRIPTS, most)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / number(values.len().max(1))
}

/// How many values it takes to know their mean with [`PRECISION`], judged by those there are.
fn enough(values: &[f64]) -> usize {
    let mean = mean(values);
    let variance =
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / number(values.len().max(2) - 1);
    let wanted = variance / (PRECISION * mean).powi(2).max(f64::MIN_POSITIVE);
    usize::try_from(rounded(wanted.ceil())).unwrap_or(MAX_TRANSCRIPTS)
}

/// Takes a few, evenly spread, and answers them and the others.
fn dealt<T: Copy>(all: &[T], few: usize) -> (Vec<T>, Vec<T>) {
    let step = all.len().div_ceil(few.max(1)).max(1);
    let (taken, left): (Vec<_>, Vec<_>) =
        all.iter().copied().enumerate().partition(|(place, _)| place % step == 0);
    (taken.into_iter().map(|(_, one)| one).collect(), left.into_iter().map(|(_, one)| one).collect())
}

/// How many addresses to look up, so that the share of matches is known with [`PRECISION`]: each tells a yes or a no,
/// whose variance is a quarter at the most. None where the doubtful ones hardly matter.
fn lookups(certain: f64, doubtful: f64) -> usize {
    if doubtful < WORTH_A_LOOK {
        return 0;
    }
    let weight = doubtful / (PRECISION * (certain + doubtful / 2.0));
    usize::try_from(rounded((weight * weight / 4.0).ceil())).unwrap_or(MAX_LOOKUPS).clamp(4, MAX_LOOKUPS)
}

/// How many batches a transcript has, from the newest one: the time it spans against the time of the whole.
fn batches_of(row: &ConversationFacts, newest: &Page<Message>) -> f64 {
    if !newest.more {
        return 1.0;
    }
    let times = || newest.records.iter().flatten().filter_map(|message| message.timestamp_ms);
    let span = times().max().zip(times().min()).map_or(0, |(last, first)| last - first);
    let whole = row.created_at.zip(times().max()).map_or(0, |(began, last)| last - began.timestamp_millis());
    match (u64::try_from(span), u64::try_from(whole)) {
        (Ok(span), Ok(whole)) if span > 0 => {
            (as_float(rounded(as_seconds(whole) / as_seconds(span) + 0.4))).clamp(2.0, MAX_BATCHES)
        }
        _ => 2.0,
    }
}

fn as_seconds(ms: u64) -> f64 {
    as_float(ms / 1_000).max(0.001)
}

/// A few of many, evenly spread over them.
fn spread<T: Copy>(all: &[T], few: usize) -> Vec<T> {
    if few == 0 { Vec::new() } else { dealt(all, few).0 }
}

fn number(count: usize) -> f64 {
    as_float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_doubtful_the_more_is_looked_up() {
        assert_eq!(lookups(0.8, 0.03), 0);
        assert_eq!(lookups(0.8, 0.05), 4);
        assert_eq!(lookups(0.6, 0.25), 12);
        assert_eq!(lookups(0.0, 1.0), MAX_LOOKUPS);
    }

    #[test]
    fn the_more_transcripts_differ_the_more_are_read() {
        assert_eq!(enough(&[1.0; 12]), 0);
        assert_eq!(enough(&[3.0; 12]), 0);
        assert!(enough(&[1.0, 1.0, 2.0, 1.0, 3.0, 2.0]) > MAX_TRANSCRIPTS);
        assert_eq!(enough(&[]), 0);
    }

    #[test]
    fn a_few_of_many_are_spread_over_all_of_them() {
        assert_eq!(spread(&[1, 2, 3, 4, 5, 6, 7], 3), [1, 4, 7]);
        assert_eq!(spread(&[1, 2], 12), [1, 2]);
        assert!(spread::<u8>(&[], 3).is_empty());
        assert!(spread(&(0..1_000).collect::<Vec<_>>(), 12).len() <= 12);
    }
}
