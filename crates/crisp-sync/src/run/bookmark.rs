//! From where anyone can go on with a sync: committed with the data of each step.

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
    /// Read the newest page once more for what no `updated_at` tells.
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
    /// Last name asked after in a vanished stage.
    pub(crate) after: String,
    /// Newest `updated_at` of a conversation that this run has read (Crisp's clock).
    pub(crate) newest_conversation: Option<DateTime<Utc>>,
    /// Newest `updated_at` of a profile that this run has read (Crisp's clock).
    pub(crate) newest_profile: Option<DateTime<Utc>>,
    /// Last `updated_at` of the page before: the next page must not be newer, or the list is not sorted.
    pub(crate) last_profile: Option<DateTime<Utc>>,
    /// Until when the run waits for records in doubt at the most (our clock).
    pub(crate) settle_until: Option<DateTime<Utc>>,
}

impl Bookmark {
    /// Goes on to another stage, from its beginning.
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.page = 1;
        self.list = Walk::default();
        self.after = String::new();
    }
}
