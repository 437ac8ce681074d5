//! Plain lines: one when something begins, and one every other second in between.

use std::io::Write;
use std::time::{Duration, Instant};

use super::pace::{Pace, in_words};
use super::{Count, Snapshot};

const EVERY: Duration = Duration::from_secs(2);

/// Writes lines about one sync.
#[derive(Debug)]
pub(super) struct Lines<W: Write> {
    out: W,
    pace: Pace,
    last: Option<(Snapshot, Instant)>,
    /// What was seen after the last line.
    unsaid: Option<Snapshot>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, pace: Pace::default(), last: None, unsaid: None }
    }

    pub(super) fn show(&mut self, snapshot: &Snapshot) {
        let now = Instant::now();
        let due = match &self.last {
            None => true,
            Some((last, _)) if (&last.state, &last.phase) != (&snapshot.state, &snapshot.phase) => true,
            Some((last, at)) => last != snapshot && now.duration_since(*at) >= EVERY,
        };
        let pace = self.pace.of(snapshot, now);
        if due {
            self.write(snapshot, &in_words(snapshot, pace));
            self.last = Some((snapshot.clone(), now));
            self.unsaid = None;
        } else if self.last.as_ref().is_some_and(|(last, _)| last != snapshot) {
            self.unsaid = Some(snapshot.clone());
        }
    }

    pub(super) fn finish(mut self) {
        if let Some(snapshot) = self.unsaid.take() {
            self.write(&snapshot, &in_words(&snapshot, (None, None)));
        }
    }

    /// Nobody may be listening any more; the sync goes on all the same.
    fn write(&mut self, snapshot: &Snapshot, requests: &str) {
        let doing = snapshot.phase.as_deref().unwrap_or(&snapshot.state);
        let _ = writeln!(
            self.out,
            "{doing}: people {}, conversations {}, messages {}; {requests}",
            of(snapshot.people),
            of(snapshot.conversations),
            snapshot.messages,
        );
        let _ = self.out.flush();
    }
}

fn of(count: Count) -> String {
    match count.of {
        Some(all) => format!("{} of {all}", count.read),
        None => count.read.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(snapshots: &[Snapshot]) -> String {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out);
        for snapshot in snapshots {
            lines.show(snapshot);
        }
        lines.finish();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_written_when_something_begins_and_at_the_end() {
        let running = |people, phase: &str| Snapshot {
            state: "running".to_owned(),
            phase: Some(phase.to_owned()),
            people: Count { read: people, of: Some(100) },
            ..Snapshot::default()
        };
        let all = [
            running(0, "people"),
            running(50, "people"),
            running(100, "conversations"),
            Snapshot { messages: 7, ..running(100, "conversations") },
        ];
        assert_eq!(
            told(&all),
            "people: people 0 of 100, conversations 0, messages 0; 0 requests\n\
             conversations: people 100 of 100, conversations 0, messages 0; 0 requests\n\
             conversations: people 100 of 100, conversations 0, messages 7; 0 requests\n"
        );
    }
}
