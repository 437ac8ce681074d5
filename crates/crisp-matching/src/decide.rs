//! Which contact a conversation belongs to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crisp_client::PeopleId;
use crisp_domain::{ContactId, EmailKey};

use crate::decision::{Considered, Decision, Evidence, Outcome, Rule, Standing};

/// What a conversation tells about whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The Crisp profile it is bound to.
    pub people_id: Option<PeopleId>,
    /// The address in its metadata.
    pub email: Address,
}

/// The address of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// There is none.
    Absent,
    /// What stands there is no email address, so nobody can be found by it.
    Unusable,
    /// It is this.
    Key(EmailKey),
}

impl Address {
    /// The address that stands in a conversation's metadata.
    pub fn of(text: Option<&str>) -> Self {
        text.map_or(Self::Absent, |text| EmailKey::parse(text).map_or(Self::Unusable, Self::Key))
    }

    /// The form in which it is compared, where it can be.
    pub const fn key(&self) -> Option<&EmailKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

/// A contact that it might belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The contact.
    pub contact_id: ContactId,
    /// The Crisp profiles that it carries.
    pub people_ids: Vec<PeopleId>,
    /// Its email address.
    pub email: Option<EmailKey>,
    /// When it was last active, as far as anybody knows.
    pub last_active_at: Option<DateTime<Utc>>,
    /// When Custify got to know it.
    pub created_at: DateTime<Utc>,
}

/// Decides whose conversation it is. Candidates may come in any order, unrelated ones among them, and more than once.
pub fn decide(question: &Question, candidates: &[Candidate]) -> Decision {
    let ranked = ranked(question, candidates);
    let chosen = ranked.first().filter(|best| best.rule().is_some());
    let outcome = chosen
        .and_then(|best| Some(Outcome::Matched { contact_id: best.contact_id, rule: best.rule()? }))
        .unwrap_or(Outcome::NoMatch);
    Decision {
        outcome,
        evidence: evidence(question, &ranked),
        candidates: ranked.iter().map(|candidate| candidate.considered(chosen)).collect(),
    }
}

/// What matters of a candidate.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    contact_id: ContactId,
    people_id_matches: bool,
    email_matches: bool,
    last_active_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// Without the people id, without either, then the least recently active, the youngest, the largest id come last.
type Place = (bool, bool, Reverse<Option<DateTime<Utc>>>, DateTime<Utc>, ContactId);

/// The candidates, best first, each once: where one comes twice, all that is said of it counts.
fn ranked(question: &Question, candidates: &[Candidate]) -> Vec<Ranked> {
    let mut by_contact: BTreeMap<ContactId, Ranked> = BTreeMap::new();
    for candidate in candidates {
        let seen = Ranked::new(question, candidate);
        by_contact.entry(candidate.contact_id).and_modify(|known| known.absorb(seen)).or_insert(seen);
    }
    let mut ranked: Vec<Ranked> = by_contact.into_values().collect();
    ranked.sort_unstable_by_key(Ranked::place);
    ranked
}

impl Ranked {
    fn new(question: &Question, candidate: &Candidate) -> Self {
        Self {
            contact_id: candidate.contact_id,
            people_id_matches: question
                .people_id
                .as_ref()
                .is_some_and(|id| candidate.people_ids.contains(id)),
            email_matches: question.email.key().is_some_and(|key| candidate.email.as_ref() == Some(key)),
            last_active_at: candidate.last_active_at,
            created_at: candidate.created_at,
        }
    }

    fn absorb(&mut self, other: Self) {
        self.people_id_matches |= other.people_id_matches;
        self.email_matches |= other.email_matches;
        self.last_active_at = self.last_active_at.max(other.last_active_at);
        self.created_at = self.created_at.min(other.created_at);
    }

    fn rule(&self) -> Option<Rule> {
        match (self.people_id_matches, self.email_matches) {
            (true, _) => Some(Rule::PeopleId),
            (false, true) => Some(Rule::Email),
            (false, false) => None,
        }
    }

    /// The documented rule as a sort key: what sorts first is the better candidate.
    fn place(&self) -> Place {
        let is_unrelated = self.rule().is_none();
        (
            !self.people_id_matches,
            is_unrelated,
            Reverse(self.last_active_at),
            self.created_at,
            self.contact_id,
        )
    }

    fn considered(&self, chosen: Option<&Self>) -> Considered {
        Considered {
            contact_id: self.contact_id,
            people_id_matches: self.people_id_matches,
            email_matches: self.email_matches,
            standing: self.standing(chosen),
        }
    }

    /// The first thing in which the chosen one is ahead.
    fn standing(&self, chosen: Option<&Self>) -> Standing {
        match chosen {
            Some(best) if best.contact_id == self.contact_id => Standing::Chosen,
            None => Standing::Unrelated,
            _ if self.rule().is_none() => Standing::Unrelated,
            Some(best) if best.people_id_matches && !self.people_id_matches => Standing::WithoutPeopleId,
            Some(best) if best.last_active_at != self.last_active_at => Standing::LessRecentlyActive,
            Some(best) if best.created_at != self.created_at => Standing::Younger,
            Some(_) => Standing::LargerId,
        }
    }
}

/// What was found, in the order of the rules. The second rule is looked at even where the first has decided: that the
/// address belongs to somebody else is worth knowing.
fn evidence(question: &Question, ranked: &[Ranked]) -> Vec<Evidence> {
    let those = |matches: fn(&Ranked) -> bool| -> Vec<ContactId> {
        ranked.iter().filter(|candidate| matches(candidate)).map(|candidate| candidate.contact_id).collect()
    };
    let carrying = those(|candidate| candidate.people_id_matches);
    let holding = those(|candidate| candidate.email_matches);
    let by_people_id = match question.people_id.clone() {
        None => Evidence::PeopleIdAbsent,
        Some(people_id) if carrying.is_empty() => Evidence::PeopleIdUnknown { people_id },
        Some(people_id) => Evidence::PeopleIdCarried { people_id, contacts: carrying },
    };
    let by_email = match question.email {
        Address::Absent => Evidence::EmailAbsent,
        Address::Unusable => Evidence::EmailUnusable,
        Address::Key(_) if holding.is_empty() => Evidence::EmailUnknown,
        Address::Key(_) => Evidence::EmailHeld { contacts: holding },
    };
    vec![by_people_id, by_email]
}
