//! The page behind the install link: an admin of a Crisp workspace presses a button, and comes back with proof.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::change::bound;
use super::shared::Shared;
use super::website::Website;

/// What the link carries, and what the page's own form adds.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    payload: Option<String>,
    website_id: Option<Uuid>,
    go: Option<String>,
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let page = get(open).post(submit);
    Router::new().route("/initiate/plugin/{id}/", page.clone()).route("/initiate/plugin/{id}", page)
}

async fn open(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    if asked.go.as_deref() == Some("1") { install(&shared, &id, &asked) } else { page(&shared, &id, &asked) }
}

async fn submit(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(mut asked): Query<Asked>,
    form: Bytes,
) -> Response {
    for (name, value) in form_urlencoded::parse(&form) {
        match name.as_ref() {
            "payload" => asked.payload = Some(value.into_owned()),
            "website_id" => asked.website_id = value.parse().ok(),
            _ => {}
        }
    }
    install(&shared, &id, &asked)
}

fn install(shared: &Shared, id: &str, asked: &Asked) -> Response {
    let plugin = shared.plugin();
    let website = match asked.website_id {
        Some(id) => shared.websites.iter().find(|website| website.site.id == id),
        None => shared.websites.first(),
    };
    let (Some(website), true) = (website, plugin.id.to_string() == id) else {
        return (StatusCode::NOT_FOUND, Html("<h1>No such plugin or website</h1>")).into_response();
    };
    subscribe(shared, website);
    let Some(mut callback) = plugin.callback_url.and_then(|url| url.parse::<Url>().ok()) else {
        return Html("<h1>Installed</h1><p>The plugin has no callback URL.</p>").into_response();
    };
    if let Some(payload) = &asked.payload {
        callback.query_pairs_mut().append_pair("payload", payload);
    }
    let id = website.site.id.to_string();
    callback.query_pairs_mut().append_pair("website_id", &id).append_pair("token", &website.site.token());
    Redirect::to(callback.as_str()).into_response()
}

/// Subscribes the website, if it is not yet.
pub(crate) fn subscribe(shared: &Shared, website: &Website) {
    if website.subscribe(true) {
        website.lock().subscription.since = shared.clock.now_ms();
        shared.emit(website, "plugin:subscription:updated", bound(shared, true));
    }
}

fn page(shared: &Shared, id: &str, asked: &Asked) -> Response {
    if shared.plugin().id.to_string() != id {
        return (StatusCode::NOT_FOUND, Html("<h1>No such plugin</h1>")).into_response();
    }
    let option = |website: &Website| {
        format!("<option value=\"{}\">{}</option>", website.site.id, escaped(&website.site.options.name))
    };
    let options: String = shared.websites.iter().map(option).collect();
    let payload = escaped(asked.payload.as_deref().unwrap_or_default());
    Html(format!(
        "<!doctype html><title>Install Custify</title><h1>Install Custify (simulated Crisp)</h1>\
         <form method=\"post\"><input type=\"hidden\" name=\"payload\" value=\"{payload}\">\
         <label>Workspace <select name=\"website_id\">{options}</select></label> <button>Install</button></form>"
    ))
    .into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
