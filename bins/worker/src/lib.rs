//! The process that does the syncing, as a program: settings in, [`crisp_sync::worker`] out.
//!
//! `worker run` takes whatever is due, beside any number of its kind. `worker sync` runs one sync here and shows how it
//! goes; `worker dead-letters` is about what was given up. Each command is a module that parses, wires and calls.
//!
//! The demo runs the same worker in its own process through [`work`], and shows its first import with [`progress`]:
//!
//! ```
//! use worker::progress::{Display, Snapshot};
//!
//! let mut display = Display::lines(Vec::new());
//! display.show(&Snapshot { state: "running".to_owned(), ..Snapshot::default() });
//! display.finish();
//! ```

mod command_line;
mod dead_letters;
mod operations;
mod start;
mod sync;

pub mod progress;

use std::process::ExitCode;

use clap::Parser as _;
use crisp_settings::process;

pub use command_line::CommandLine;
pub use start::work;

/// The program: reads the command line, does what it says, and answers the exit code.
pub fn main() -> ExitCode {
    process::run(CommandLine::parse().run())
}
