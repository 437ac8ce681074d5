//! Messages of a conversation: the latest batch, or the one before, after or around a time.

use crate::simulator::random::small;
use crate::simulator::records::Message;
use crate::simulator::website::Website;
use crate::simulator::wire;

use super::{Answer, Answered, Asked};

impl Asked<'_> {
    pub(super) fn messages(&self, website: &Website) -> Answered {
        let thread = website.thread(self.object()).ok_or_else(Answer::missing)?;
        let (batch, more) = self.batch(&thread)?;
        let rows = batch.iter().map(|message| wire::message(&website.site, message)).collect();
        Ok(Answer::listed(rows, more, self.behaviour.messages_end))
    }

    pub(super) fn message(&self, website: &Website) -> Answered {
        let thread = website.thread(self.object()).ok_or_else(Answer::missing)?;
        let wanted: Option<i64> = self.route.detail.as_deref().and_then(|text| text.parse().ok());
        let found = thread.iter().find(|message| Some(message.fingerprint) == wanted);
        found
            .map(|message| Answer::resolved(wire::message(&website.site, message)))
            .ok_or_else(Answer::missing)
    }

    /// The messages asked for, and whether there are more in that direction.
    fn batch<'a>(&self, thread: &'a [Message]) -> Result<(&'a [Message], bool), Answer> {
        let size = small(u64::from(self.behaviour.batch)).max(1);
        let inclusive = self.behaviour.timestamp_bounds_inclusive;
        let times = ["timestamp_before", "timestamp_after", "timestamp_around"].map(|name| self.time(name));
        let (low, high) = match times {
            [None, None, None] => (thread.len().saturating_sub(size), thread.len()),
            [Some(before), None, None] => {
                let before = before?;
                let end =
                    thread.partition_point(|m| m.placed_at < before || inclusive && m.placed_at == before);
                (end.saturating_sub(size), end)
            }
            [None, Some(after), None] => {
                let after = after?;
                let start =
                    thread.partition_point(|m| m.placed_at < after || !inclusive && m.placed_at == after);
                let end = (start + size).min(thread.len());
                return Ok((thread.get(start..end).unwrap_or_default(), end < thread.len()));
            }
            [None, None, Some(around)] => {
                let around = around?;
                let middle = thread.partition_point(|message| message.placed_at < around);
                (middle.saturating_sub(size / 2), (middle + size - size / 2).min(thread.len()))
            }
            _ => return Err(Answer::invalid("use one timestamp selector only")),
        };
        Ok((thread.get(low..high).unwrap_or_default(), low > 0))
    }

    fn time(&self, name: &str) -> Option<Result<i64, Answer>> {
        let text = self.route.param(name)?;
        Some(text.parse().map_err(|_parse| Answer::invalid("a timestamp is a number of milliseconds")))
    }
}
