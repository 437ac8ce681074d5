//! Styles, scripts and the icon, served from the binary.
//!
//! An address carries the hash of what it names, so browsers may keep it for a year.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use crisp_http::Path;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::page;

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// What has the hash in its address never changes.
const FOR_A_YEAR: &str = "public, max-age=31536000, immutable";

/// The address of an asset.
pub(crate) fn href(name: &str) -> String {
    let hash: String = Assets::get(name).map(|file| short_hash(&file)).unwrap_or_default();
    format!("/assets/{name}?v={hash}")
}

fn short_hash(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let start = hash.iter().take(6).fold(0_u64, |start, byte| start << 8 | u64::from(*byte));
    format!("{start:012x}")
}

/// Serves an asset.
pub(crate) async fn serve(Path(path): Path<String>) -> Response {
    let Some(file) = Assets::get(&path) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(header::CONTENT_TYPE, content_type(&path)), (header::CACHE_CONTROL, FOR_A_YEAR)];
    page::secured((headers, file.data).into_response())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_page_asks_for_is_embedded() {
        for name in [
            "console.css",
            "pages.css",
            "console.js",
            "icon.svg",
            "vendor/pico.min.css",
            "vendor/inter-5-latin.woff2",
            "vendor/htmx.min.js",
        ] {
            assert!(href(name).len() > format!("/assets/{name}?v=").len(), "{name}");
        }
    }
}
