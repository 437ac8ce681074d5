//! The HTTP server of the Crisp integration, as a program: settings in, a served [`App`](crisp_http::App) out.
//!
//! `api serve` is the server; the other commands, one module each, are what an operator needs beside it. All of them
//! parse, wire and call: what the server answers is in `crisp-http`, what it does in `crisp-sync`.
//!
//! The demo runs the same server in its own process through [`serve`]:
//!
//! ```no_run
//! # async fn example(parts: api::Parts, stop: tokio_util::sync::CancellationToken) -> anyhow::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! api::serve(parts, listener, stop).await
//! # }
//! ```

mod command_line;
mod credentials;
mod doctor;
mod keys;
mod migrate;
mod openapi;
mod server;
mod start;

use std::process::ExitCode;

use clap::Parser as _;
use crisp_settings::process;

pub use command_line::CommandLine;
pub use server::{Parts, serve, verifier};

/// The program: reads the command line, does what it says, and answers the exit code.
pub fn main() -> ExitCode {
    process::run(CommandLine::parse().run())
}
