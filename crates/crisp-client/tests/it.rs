//! The client against single odd answers of a pretended Crisp. Everything that needs no HTTP is tested beside its code.

#[cfg(test)]
#[path = "it/answers.rs"]
mod answers; // what may come back: bodies, statuses, transport
#[cfg(test)]
#[path = "it/asking.rs"]
mod asking; // what is sent: paths, queries, headers, never a credential in a log
#[cfg(test)]
#[path = "it/retries.rs"]
mod retries; // which requests are made again, when, and that each passes the gate
#[cfg(test)]
#[path = "it/setting.rs"]
mod setting; // the pretended Crisp
#[cfg(test)]
#[path = "it/walks.rs"]
mod walks; // lists as streams
