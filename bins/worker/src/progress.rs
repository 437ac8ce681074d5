//! How a sync goes, for people: bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write};

use chrono::{DateTime, Utc};
use crisp_storage::syncs::SyncRow;

mod bars;
mod lines;
mod pace;

use bars::Bars;
use lines::Lines;

/// A sync at one moment, as far as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The contract's word for where it stands.
    pub state: String,
    /// What it reads now.
    pub phase: Option<String>,
    /// Profiles.
    pub people: Count,
    /// Conversations.
    pub conversations: Count,
    /// Conversations that are new or changed: their messages are read too.
    pub changed_conversations: u64,
    /// Messages read; how many there are nobody knows before.
    pub messages: u64,
    /// Requests to Crisp so far.
    pub requests: u64,
    /// When it goes on, while it waits.
    pub resumes_at: Option<DateTime<Utc>>,
}

/// How many were read, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Read so far.
    pub read: u64,
    /// All there are, where Crisp tells.
    pub of: Option<u64>,
}

impl From<&SyncRow> for Snapshot {
    fn from(row: &SyncRow) -> Self {
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        let of = |read: i64, all: Option<i64>| Count { read: count(read), of: all.map(count) };
        Self {
            state: row.state.clone(),
            phase: row.phase.clone(),
            people: of(row.people_read, row.expected_people),
            conversations: of(row.conversations_read, row.expected_conversations),
            changed_conversations: count(row.conversations_created + row.conversations_updated),
            messages: count(row.messages_read),
            requests: count(row.crisp_requests),
            resumes_at: row.resumes_at,
        }
    }
}

/// Shows one sync after the other.
#[derive(Debug)]
pub struct Display<W: Write = std::io::Stdout>(Form<W>);

#[derive(Debug)]
enum Form<W: Write> {
    Bars(Box<Bars>),
    Lines(Box<Lines<W>>),
}

impl Display {
    /// Bars if standard output is a terminal, else lines.
    pub fn new() -> Self {
        let out = std::io::stdout();
        Self(if out.is_terminal() {
            Form::Bars(Box::default())
        } else {
            Form::Lines(Box::new(Lines::new(out)))
        })
    }
}

impl Default for Display {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Write> Display<W> {
    /// Lines, written here.
    pub fn lines(out: W) -> Self {
        Self(Form::Lines(Box::new(Lines::new(out))))
    }

    /// Shows how the sync is now.
    pub fn show(&mut self, snapshot: &Snapshot) {
        match &mut self.0 {
            Form::Bars(bars) => bars.show(snapshot),
            Form::Lines(lines) => lines.show(snapshot),
        }
    }

    /// Leaves what was shown last where it is.
    pub fn finish(self) {
        match self.0 {
            Form::Bars(bars) => bars.finish(),
            Form::Lines(lines) => lines.finish(),
        }
    }
}
