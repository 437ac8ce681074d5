//! What a client still sends when its answer is already made.
//!
//! A connection that is closed while data arrive is reset, and a reset makes the other side's network forget the
//! answer that it has not read yet: a client that sends too much would see a broken connection in place of its 413.
//! So whatever a handler left of a body is read and thrown away, for a while, beside the answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How much is thrown away at most: four times the largest body that any address takes.
const MOST: usize = 16 * 1024 * 1024;
/// And for how long.
const FOR: Duration = Duration::from_secs(5);

/// A body whose rest is thrown away when nobody wants it any more.
#[derive(Debug)]
pub(super) struct Leftover {
    body: Option<Incoming>,
    /// Whether the client sends without having been told to go on.
    is_under_way: bool,
}

impl Leftover {
    pub(super) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        // Who asks first (`100-continue`) sends nothing before somebody begins to read.
        Self { body: Some(body), is_under_way: !headers.contains_key(header::EXPECT) }
    }
}

impl HttpBody for Leftover {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let leftover = self.get_mut();
        leftover.is_under_way = true;
        match &mut leftover.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| self.is_under_way && !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(FOR, throw_away(rest)));
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
