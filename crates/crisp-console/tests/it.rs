//! The console's pages over a real Postgres and a simulated Crisp, as a browser without scripts sees them.

#[cfg(test)]
#[path = "it/access.rs"]
mod access; // who sees which page, where strangers go, and what no other site can make a browser do
#[cfg(test)]
#[path = "it/reading.rs"]
mod reading; // contacts, companies and threads, whatever visitors wrote
#[cfg(test)]
#[path = "it/speed.rs"]
mod speed; // a company with a long history opens as fast as one without
#[cfg(test)]
#[path = "it/tenants.rs"]
mod tenants; // two accounts full of look-alike data, and every route of the console between them
#[cfg(test)]
#[path = "it/vendor.rs"]
mod vendor; // the committed styles and scripts are those of the pinned packages
#[cfg(test)]
#[path = "it/wizard.rs"]
mod wizard; // from install to disconnect, by plain forms
#[cfg(test)]
#[path = "it/world.rs"]
mod world; // the pages, a database of their own, and the Crisp behind it
