//! `api openapi`.

use std::io::{ErrorKind, Write as _};

/// Prints the document; needs no setting.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(&crisp_http::document())?;
    match writeln!(std::io::stdout(), "{document}") {
        // Whoever reads it, `head` for one, may have seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
