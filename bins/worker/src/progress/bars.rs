//! Bars on a terminal.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::pace::{Pace, in_words};
use super::{Count, Snapshot};

const KNOWN: &str = "{prefix:>14} {bar:32.cyan/dim} {human_pos:>9} of {human_len}  {msg:.dim}";
const UNKNOWN: &str = "{prefix:>14} {spinner:.cyan} {human_pos:>40}  {msg:.dim}";
const WORDS: &str = "{prefix:>14} {msg}";
const TICK: Duration = Duration::from_millis(120);

/// The lines of one sync.
#[derive(Debug)]
pub(super) struct Bars {
    people: ProgressBar,
    conversations: ProgressBar,
    messages: ProgressBar,
    requests: ProgressBar,
    pace: Pace,
}

impl Default for Bars {
    fn default() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let bar = |prefix: &'static str, template: &str| {
            let bar = all.add(ProgressBar::no_length().with_prefix(prefix));
            bar.set_style(style(template));
            bar.enable_steady_tick(TICK);
            bar
        };
        Self {
            people: bar("people", UNKNOWN),
            conversations: bar("conversations", UNKNOWN),
            messages: bar("messages", UNKNOWN),
            requests: bar("Crisp", WORDS),
            pace: Pace::default(),
        }
    }
}

impl Bars {
    pub(super) fn show(&mut self, snapshot: &Snapshot) {
        set(&self.people, snapshot.people);
        set(&self.conversations, snapshot.conversations);
        set(&self.messages, Count { read: snapshot.messages, of: None });
        let words = in_words(snapshot, self.pace.of(snapshot, Instant::now()));
        self.requests.set_message(words);
    }

    pub(super) fn finish(self) {
        for bar in [&self.people, &self.conversations, &self.messages, &self.requests] {
            bar.abandon();
        }
    }
}

fn set(bar: &ProgressBar, count: Count) {
    if let Some(of) = count.of
        && bar.length() != Some(of)
    {
        bar.set_length(of);
        bar.set_style(style(KNOWN));
    }
    if bar.position() != count.read {
        bar.set_position(count.read);
        bar.set_message(format!("{:.0}/s", bar.per_sec()));
    } else if count.of == Some(count.read) {
        bar.set_message("");
    }
}

/// A bar that cannot be drawn as it is meant is drawn as any other.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [KNOWN, UNKNOWN, WORDS] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
