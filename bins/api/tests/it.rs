//! The program as an operator meets it: started, asked, told to stop, and refused what it cannot use.

#[cfg(test)]
#[path = "it/bodies.rs"]
mod bodies; // too large over a real socket: the client sees its 413
#[cfg(test)]
#[path = "it/figures.rs"]
mod figures; // what `/metrics` says while hooks and a sync wait
#[cfg(test)]
#[path = "it/keys.rs"]
mod keys; // secrets shown without themselves, sealed again while everything runs, and the doctor's word on it
#[cfg(test)]
#[path = "it/killing.rs"]
mod killing; // killed again and again while hooks arrive: what was acknowledged is there, and applied once
#[cfg(test)]
#[path = "it/refusing.rs"]
mod refusing; // bad settings: exit code 2, every name, no secret
#[cfg(test)]
#[path = "it/serving.rs"]
mod serving; // starts, readiness, the document, and an end in good order
#[cfg(test)]
#[path = "it/socket.rs"]
mod socket; // HTTP/1.1 by hand
#[cfg(test)]
#[path = "it/working.rs"]
mod working; // a worker beside the program, in this process
#[cfg(test)]
#[path = "it/world.rs"]
mod world; // a Crisp, a database, and the program as a process
