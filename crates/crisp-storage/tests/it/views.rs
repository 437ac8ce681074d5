//! What people read.

#[path = "views/companies.rs"]
mod companies; // by name, found again, with their newest conversation
#[path = "views/contacts.rs"]
mod contacts; // with people ids and companies, by e-mail, people id, source
#[path = "views/conversations.rs"]
mod conversations; // of a contact, of a company, newest first; nothing that is not shown; no slower for being many
#[path = "views/freshness.rs"]
mod freshness; // what waits; dead letters and their second chance; requests made
#[path = "views/messages.rs"]
mod messages; // a thread from either end
#[path = "views/skipped.rs"]
mod skipped; // what is not shown, and why
#[path = "views/support.rs"]
mod support; // a company's figures
