//! The routes over a real Postgres and a simulated Crisp: what a caller sees, answer by answer.

#[cfg(test)]
#[path = "it/access.rs"]
mod access; // every route asks for a token and its permission, and shows nothing of another account
#[cfg(test)]
#[path = "it/callback.rs"]
mod callback; // where Crisp sends the browser after an installation
#[cfg(test)]
#[path = "it/directory.rs"]
mod directory; // contacts and companies written, one by one and in batches; a person erased
#[cfg(test)]
#[path = "it/document.rs"]
mod document; // what the OpenAPI document says of all this, and the health of a process
#[cfg(test)]
#[path = "it/hooks.rs"]
mod hooks; // web hooks: taken, refused, put off
#[cfg(test)]
#[path = "it/integrations.rs"]
mod integrations; // connect, refuse, disconnect
#[cfg(test)]
#[path = "it/reading.rs"]
mod reading; // what was imported, page by page
#[cfg(test)]
#[path = "it/reconnecting.rs"]
mod reconnecting; // the same website through another integration: nothing twice, no id moved
#[cfg(test)]
#[path = "it/session.rs"]
mod session; // the console's cookie
#[cfg(test)]
#[path = "it/settings.rs"]
mod settings; // import settings, tried out and saved
#[cfg(test)]
#[path = "it/syncs.rs"]
mod syncs; // triggered, watched, cancelled
#[cfg(test)]
#[path = "it/world.rs"]
mod world; // the routes, a database of their own and the Crisp that they talk to
