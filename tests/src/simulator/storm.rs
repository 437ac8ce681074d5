//! Storms: random changes, each drawn by itself from the seed and its number, so that a failing storm can be shrunk by
//! leaving changes out without disturbing the others' dice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::change::{Change, NoSuch};
use super::random::Draw;
use super::truth::Truth;

mod gust;

use gust::Gust;

/// What a storm is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StormOptions {
    /// All choices follow from it.
    pub seed: u64,
    /// How many changes.
    pub operations: u64,
    /// Pause after each, in milliseconds.
    pub pause_ms: u64,
    /// How many of the newest conversations and people it falls upon (those that it brings itself come on top).
    pub focus: u32,
    /// Only these operations; empty = all, as often as in real life.
    pub only: Vec<Operation>,
    /// Numbers (from 0) of changes to leave out.
    pub skip: BTreeSet<u64>,
}

impl Default for StormOptions {
    fn default() -> Self {
        let (only, skip) = (Vec::new(), BTreeSet::new());
        Self { seed: 1, operations: 100, pause_ms: 0, focus: 40, only, skip }
    }
}

/// One sort of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named after what it does")]
pub enum Operation {
    SendMessage,
    EditMessage,
    RemoveMessage,
    SetState,
    Assign,
    SetSubject,
    SetEmail,
    SetNickname,
    SetPhone,
    SetSegments,
    SetData,
    StartConversation,
    RemoveConversation,
    Bind,
    MergePeople,
    CreatePerson,
    UpdatePerson,
    TouchPerson,
    SyncProfile,
    RemovePerson,
}

/// How often each occurs, in a hundred.
const WEIGHTS: [(Operation, u64); 20] = [
    (Operation::SendMessage, 32),
    (Operation::EditMessage, 6),
    (Operation::RemoveMessage, 5),
    (Operation::SetState, 7),
    (Operation::Assign, 5),
    (Operation::SetSubject, 3),
    (Operation::SetEmail, 4),
    (Operation::SetNickname, 2),
    (Operation::SetPhone, 1),
    (Operation::SetSegments, 2),
    (Operation::SetData, 1),
    (Operation::StartConversation, 7),
    (Operation::RemoveConversation, 2),
    (Operation::Bind, 4),
    (Operation::MergePeople, 2),
    (Operation::CreatePerson, 4),
    (Operation::UpdatePerson, 6),
    (Operation::TouchPerson, 3),
    (Operation::SyncProfile, 2),
    (Operation::RemovePerson, 2),
];

/// What a storm did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StormReport {
    /// Changes made, by sort.
    pub done: BTreeMap<Operation, u64>,
    /// Changes that found nothing to change.
    pub missed: u64,
}

pub(crate) async fn rage(change: &Change, truth: &Truth, options: StormOptions) -> StormReport {
    let mut report = StormReport::default();
    for number in (0..options.operations).filter(|number| !options.skip.contains(number)) {
        let mut gust = Gust { change, truth, draw: Draw::of(options.seed, &[number]), focus: options.focus };
        let operation = gust.operation(&options.only);
        match gust.blow(operation) {
            Ok(()) => *report.done.entry(operation).or_default() += 1,
            Err(NoSuch) => report.missed += 1,
        }
        match options.pause_ms {
            0 => tokio::task::yield_now().await,
            pause => tokio::time::sleep(Duration::from_millis(pause)).await,
        }
    }
    report
}
