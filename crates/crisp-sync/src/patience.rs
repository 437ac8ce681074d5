//! How long a person's click waits for Crisp.

use std::time::Duration;

use crisp_client::{Error, Outage};

/// For the few requests behind one answer: longer than one request may take by default (10 s), and well within the
/// 30 s in which the HTTP surface answers, whatever `CRISP_REQUEST_TIMEOUT_SECONDS` says and however often the client
/// tries again.
pub(crate) const FOR_A_LOOK: Duration = Duration::from_secs(12);
/// For a survey of a hundred requests or so.
pub(crate) const FOR_A_SURVEY: Duration = Duration::from_secs(25);

/// Crisp's answer, or that it took too long.
pub(crate) async fn within<T, E: From<Error>>(
    patience: Duration,
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(patience, asking)
        .await
        .unwrap_or_else(|_elapsed| Err(Error::from(Outage::TimedOut).into()))
}
