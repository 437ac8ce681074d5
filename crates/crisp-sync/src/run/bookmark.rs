//! From where anyone can go on with a sync: committed with the data of each step.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use crisp_client::page::Walk;
use serde::{Deserialize, Serialize};

/// What a run does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Ask for what the whole run needs: totals, operators.
    #[default]
    Start,
    /// Walk pages of people.
    People,
    /// Ask after profiles that a complete pass has not seen.
    VanishedPeople,
    /// Walk pages of conversations.
    Conversations,
    /// Read a page behind the newest again for what no `updated_at` tells.
    Rolling,
    /// Ask after conversations that a complete pass has not seen.
    VanishedConversations,
    /// Read the messages that are due.
    Messages,
    /// Wait for records in doubt to be settled, then end.
    Settle,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Bookmark {
    pub(crate) stage: Stage,
    /// The next page of the walk; 0 = not begun.
    pub(crate) page: u32,
    /// What this list has shown of how it ends.
    pub(crate) list: Walk,
    /// People of this page who are stored already, with their custom data.
    pub(crate) stored_of_page: BTreeSet<String>,
    /// Last name asked after in a vanished stage.
    pub(crate) after: String,
    /// The conversation bookmark that this run will leave (Crisp's clock): no conversation that changed up to then, and
    /// was not read since, is missed by whoever begins there.
    pub(crate) newest_conversation: Option<DateTime<Utc>>,
    /// Whether the conversation list came newest first, so that its first page told all there is to know about that.
    pub(crate) newest_first: bool,
    /// Whether an incremental run asks for its conversations by date from the first page on: they come in no order.
    pub(crate) by_date: bool,
    /// The newest change of a profile when a pass that reads everybody began (Crisp's clock): what changed until then,
    /// it has read.
    pub(crate) profiles_until: Option<DateTime<Utc>>,
    /// The people bookmark that this run will leave where that is not known (Crisp's clock).
    pub(crate) newest_profile: Option<DateTime<Utc>>,
    /// Whether this website refuses to sort people, so that they are listed as they come.
    pub(crate) unsorted_people: bool,
    /// When the run began to walk its lists, and when it was through (our clock).
    pub(crate) lists_began: Option<DateTime<Utc>>,
    /// See there.
    pub(crate) lists_ended: Option<DateTime<Utc>>,
    /// How often it has walked them again, because rows left them meanwhile.
    pub(crate) again: u8,
    /// Until when the run waits for records in doubt at the most (our clock).
    pub(crate) settle_until: Option<DateTime<Utc>>,
    /// How long the run has waited for requests, in milliseconds.
    pub(crate) waited_ms: i64,
}

impl Bookmark {
    /// Goes on to another stage, from its beginning.
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.page = 1;
        self.list = Walk::default();
        self.stored_of_page.clear();
        self.after = String::new();
    }
}
