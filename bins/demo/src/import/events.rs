//! Server-sent events, as far as the api sends them: each a record in JSON.

use reqwest::Response;
use serde_json::Value;

/// Events as they arrive.
#[derive(Debug)]
pub(super) struct Events {
    response: Response,
    unread: Vec<u8>,
}

impl Events {
    pub(super) fn of(response: Response) -> Self {
        Self { response, unread: Vec::new() }
    }

    /// The next record; `None` at the end of the stream, and where it breaks off.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            if let Some(event) = take_event(&mut self.unread) {
                match data(&event) {
                    Some(data) => return Ok(Some(serde_json::from_str(&data)?)),
                    None => continue,
                }
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.unread.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }
}

/// The first whole event, if one has arrived: everything before an empty line.
fn take_event(unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
    let event: Vec<u8> = unread.drain(..end + 2).collect();
    Some(event)
}

/// What its `data:` lines hold; `None` for a comment that only keeps the connection alive.
fn data(event: &[u8]) -> Option<String> {
    let event = String::from_utf8_lossy(event);
    let lines: Vec<&str> =
        event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_whole_and_comments_passed_over() {
        let mut unread = b"data: {\"a\":1}\n\n:\n\ndata: {\"a\"".to_vec();
        let first = take_event(&mut unread).unwrap();
        assert_eq!(data(&first).as_deref(), Some("{\"a\":1}"));
        assert_eq!(data(&take_event(&mut unread).unwrap()), None);
        assert_eq!(take_event(&mut unread), None);
        unread.extend_from_slice(b":2}\n\n");
        assert_eq!(data(&take_event(&mut unread).unwrap()).as_deref(), Some("{\"a\":2}"));
    }
}
