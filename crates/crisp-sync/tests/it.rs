//! The use cases against a simulated Crisp and a real Postgres, a world for each test.

#[cfg(test)]
#[path = "it/attending.rs"]
mod attending; // what a person has to act upon: noticed, said, and gone once mended
#[cfg(test)]
#[path = "it/connecting.rs"]
mod connecting; // a website is connected by proof only, and let go of
#[cfg(test)]
#[path = "it/diagnosing.rs"]
mod diagnosing; // the help page's checks
#[cfg(test)]
#[path = "it/directory.rs"]
mod directory; // contacts and companies as Custify's services write them, and what follows
#[cfg(test)]
#[path = "it/discreet.rs"]
mod discreet; // what goes in and out of the use cases does not show in `Debug`
#[cfg(test)]
#[path = "it/erasing.rs"]
mod erasing; // a person goes, and stays away
#[cfg(test)]
#[path = "it/explaining.rs"]
mod explaining; // why a conversation is whose
#[cfg(test)]
#[path = "it/forecasting.rs"]
mod forecasting; // what an import will cost, and what it did cost
#[cfg(test)]
#[path = "it/hearing.rs"]
mod hearing; // web hooks, applied: what they may and may not do
#[cfg(test)]
#[path = "it/links.rs"]
mod links; // an install link serves whom it was made for, once, for a day, and as it was made
#[cfg(test)]
#[path = "it/ordering.rs"]
mod ordering; // web hooks out of order end like hooks in order
#[cfg(test)]
#[path = "it/settings.rs"]
mod settings; // saved whole, tried out before, applied to what is there
#[cfg(test)]
#[path = "it/syncing.rs"]
mod syncing; // trigger, refuse, cancel
#[cfg(test)]
#[path = "it/tolerating.rs"]
mod tolerating; // odd answers cost nothing but themselves
#[cfg(test)]
#[path = "it/world.rs"]
mod world; // an engine, its database and the Crisp that it talks to
