//! The three bars of a sync: how far people, conversations and messages are.

use crisp_storage::syncs::SyncRow;

use crate::moment::{Count, counted};

/// One of the three bars.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: &'static str,
    /// `done`, `now`, `later` or `stopped`.
    pub(super) class: &'static str,
    pub(super) value: i64,
    pub(super) length: Length,
    pub(super) figure: String,
    pub(super) counts: Vec<(&'static str, Count)>,
}

/// How long a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many, as far as is known.
    Of(i64),
    /// Nobody knows yet: it moves to and fro.
    Open,
    /// Nobody will ever know: the sync has ended before.
    Never,
}

impl Bar {
    /// What the element is measured against.
    pub(super) fn max(&self) -> Option<i64> {
        match self.length {
            Length::Of(max) => Some(max),
            Length::Open | Length::Never => None,
        }
    }

    pub(super) fn is_drawn(&self) -> bool {
        self.length != Length::Never
    }
}

/// The order of the phases.
const PHASES: [&str; 3] = ["people", "conversations", "messages"];

/// How the bars of a run are to be drawn.
struct Drawing<'a> {
    run: &'a SyncRow,
    /// The phase it is in.
    phase: Option<usize>,
}

impl Drawing<'_> {
    fn class(&self, place: usize) -> &'static str {
        match (self.run.state.as_str(), self.phase) {
            ("succeeded" | "partial", _) => "done",
            ("failed" | "cancelled", _) => "stopped",
            (_, Some(now)) if now == place => "now",
            (_, Some(now)) if now > place => "done",
            (_, Some(_) | None) => "later",
        }
    }

    fn bar(
        &self,
        place: usize,
        name: &'static str,
        (value, expected): (i64, Option<i64>),
        counts: Vec<(&'static str, i64)>,
    ) -> Bar {
        let class = self.class(place);
        let known = expected.map(|expected| expected.max(value));
        let (value, length) = match (class, known) {
            ("done", _) => (1, Length::Of(1)),
            ("later", _) => (0, Length::Of(1)),
            (_, Some(known)) => (value, Length::Of(known.max(1))),
            ("stopped", None) if value == 0 => (0, Length::Of(1)),
            ("stopped", None) => (value, Length::Never),
            (_, None) => (value, Length::Open),
        };
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts = counts.map(|(name, count)| (name, Count(count))).collect();
        Bar { name, class, value, length, figure: String::new(), counts }
    }
}

/// The bars of a run; `transcripts_due` conversations still wait for their messages.
pub(super) fn bars(run: &SyncRow, transcripts_due: i64) -> Vec<Bar> {
    let phase = run.phase.as_deref().and_then(|phase| PHASES.iter().position(|one| *one == phase));
    let drawing = Drawing { run, phase };
    let people = (run.people_read, run.expected_people);
    let conversations = (run.conversations_read, run.expected_conversations);
    let matched = run.conversations_created + run.conversations_updated + run.conversations_unchanged;
    let all = matched.max(transcripts_due);
    let transcripts = (all - transcripts_due, (all > 0).then_some(all));
    let bars = [
        (drawing.bar(0, "People", people, people_counts(run)), listed(people)),
        (drawing.bar(1, "Conversations", conversations, conversation_counts(run)), listed(conversations)),
        (drawing.bar(2, "Messages", transcripts, message_counts(run)), read(run.messages_read, transcripts)),
    ];
    let figured = bars.into_iter().map(|(bar, (plain, measured))| {
        let figure = match bar.class {
            "now" | "stopped" => measured,
            "later" => String::new(),
            _ => plain,
        };
        Bar { figure, ..bar }
    });
    figured.collect()
}

/// The figure of a list: alone, and against what it may come to.
fn listed((read, expected): (i64, Option<i64>)) -> (String, String) {
    let measured = expected.filter(|expected| *expected > 0);
    let measured = measured.map_or_else(
        || Count(read).to_string(),
        |max| format!("{} of {}", Count(read), Count(max.max(read))),
    );
    (Count(read).to_string(), measured)
}

/// The figure of messages: nobody knows how many there will be, but of how many conversations they are.
fn read(messages: i64, (done, all): (i64, Option<i64>)) -> (String, String) {
    let plain = Count(messages).to_string();
    let measured = match all {
        Some(all) => {
            format!("{plain} in {} of {}", Count(done), counted(all, "conversation", "conversations"))
        }
        None => plain.clone(),
    };
    (plain, measured)
}

fn people_counts(run: &SyncRow) -> Vec<(&'static str, i64)> {
    vec![
        ("new", run.people_created),
        ("updated", run.people_updated),
        ("unchanged", run.people_unchanged),
        ("removed", run.people_removed),
        ("unreadable", run.people_failed),
    ]
}

fn conversation_counts(run: &SyncRow) -> Vec<(&'static str, i64)> {
    vec![
        ("new", run.conversations_created),
        ("updated", run.conversations_updated),
        ("unchanged", run.conversations_unchanged),
        ("skipped", run.conversations_skipped),
        ("removed", run.conversations_removed),
        ("unreadable", run.conversations_failed),
    ]
}

fn message_counts(run: &SyncRow) -> Vec<(&'static str, i64)> {
    vec![
        ("new", run.messages_created),
        ("updated", run.messages_updated),
        ("unchanged", run.messages_unchanged),
        ("removed", run.messages_removed),
        ("unreadable", run.messages_failed),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::progress::tests::{ended, running};
    use super::*;

    fn shown(bars: &[Bar]) -> Vec<(&str, i64, Length)> {
        bars.iter().map(|bar| (bar.class, bar.value, bar.length)).collect()
    }

    #[test]
    fn bars_before_the_phase_are_full_and_those_after_it_empty() {
        let mut row = running("conversations");
        (row.people_read, row.conversations_read) = (40, 10);
        row.expected_conversations = Some(100);
        let bars = bars(&row, 0);
        let expected =
            [("done", 1, Length::Of(1)), ("now", 10, Length::Of(100)), ("later", 0, Length::Of(1))];
        assert_eq!(shown(&bars), expected);
        assert_eq!(bars[1].figure, "10 of 100");
        assert_eq!(bars[0].figure, "40");
    }

    #[test]
    fn messages_are_measured_by_the_conversations_that_wait_for_theirs() {
        let mut row = running("messages");
        (row.conversations_created, row.messages_read) = (10, 1_230);
        let bar = &bars(&row, 4)[2];
        assert_eq!((bar.value, bar.length), (6, Length::Of(10)));
        assert_eq!(bar.figure, "1,230 in 6 of 10 conversations");
    }

    #[test]
    fn a_sync_that_was_stopped_shows_how_far_it_came_and_no_more() {
        let mut row = ended("failed");
        (row.people_read, row.expected_people) = (40, Some(100));
        row.conversations_read = 7;
        let bars = bars(&row, 0);
        let expected =
            [("stopped", 40, Length::Of(100)), ("stopped", 7, Length::Never), ("stopped", 0, Length::Of(1))];
        assert_eq!(shown(&bars), expected);
        assert_eq!(bars[0].figure, "40 of 100");
    }

    #[test]
    fn what_nobody_knows_yet_is_a_bar_without_an_end() {
        let mut row = running("conversations");
        row.conversations_read = 50;
        let bar = &bars(&row, 0)[1];
        assert_eq!((bar.length, bar.figure.as_str()), (Length::Open, "50"));
    }
}
