//! `cargo demo`: the whole integration at work in one process, with nothing set up before.
//!
//! A Postgres of its own, a simulated Crisp with a believable workspace, the `api` and a `worker`. The demo then does
//! what people do: fills the directory through the HTTP API, presses *Install* on Crisp's page, triggers the first
//! import and watches it. It knows nothing that an outsider could not know: from the connection on it speaks HTTP.
//!
//! Each module is one step, in this order: [`stage`], [`directory`], [`connect`], [`import`], [`trickle`],
//! [`farewell`].

use std::process::ExitCode;

use crisp_settings::process;

mod caller;
mod command_line;
mod connect;
mod directory;
mod farewell;
mod import;
mod show;
mod stage;
mod trickle;

fn main() -> ExitCode {
    process::run(show::run(command_line::CommandLine::of_this_process()))
}
