//! Storage on a real Postgres, a database for each test.

#[cfg(test)]
#[path = "it/audit.rs"]
mod audit; // who did what, page by page
#[cfg(test)]
#[path = "it/catalogue.rs"]
mod catalogue; // the schema by Citus's rules, its comments, and diesel's view of it
#[cfg(test)]
#[path = "it/erasing.rs"]
mod erasing; // a person goes everywhere, stays away, and may come back
#[cfg(test)]
#[path = "it/hooks.rs"]
mod hooks; // how much is taken up and forgotten at once
#[cfg(test)]
#[path = "it/ledger.rs"]
mod ledger; // one budget of requests for many holders
#[cfg(test)]
#[path = "it/listening.rs"]
mod listening; // wake-ups, and that they survive the loss of the connection
#[cfg(test)]
#[path = "it/passes.rs"]
mod passes; // records of runs, what a pass has seen, and wishes
#[cfg(test)]
#[path = "it/plans.rs"]
mod plans; // every statement on tenant rows names its account at each scan: what Citus needs to run it as one task
#[cfg(test)]
#[path = "it/purging.rs"]
mod purging; // everything that one integration imported, piece by piece
#[cfg(test)]
#[path = "it/sealing.rs"]
mod sealing; // secrets at rest, and rotation while everything runs
#[cfg(test)]
#[path = "it/setting.rs"]
mod setting; // a migrated database, an account and its integration
#[cfg(test)]
#[path = "it/statements.rs"]
mod statements; // the SQL in the sources by Citus's rules
#[cfg(test)]
#[path = "it/turns.rs"]
mod turns; // accounts take turns at the queue
#[cfg(test)]
#[path = "it/views.rs"]
mod views; // what people read: lists, pages, figures
#[cfg(test)]
#[path = "it/walls.rs"]
mod walls; // row-level security, with and without the tenant role
