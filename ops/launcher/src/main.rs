//! `warren-ops`: starts, supervises and stops a whole Warren on one machine. `ops/up` and
//! `ops/down` install and build, then call this.

mod api;
mod args;
mod claim;
mod conf;
mod demo;
mod detach;
mod down;
mod instance;
mod nats;
mod part;
mod port;
mod report;
mod stack;
mod tls;
mod up;

use anyhow::Result;
use clap::Parser;

use crate::args::{Arguments, Task};

// One thread: children carry a parent-death signal, which the kernel ties to the thread that forks.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let result = run(Arguments::parse()).await;
    if let Err(error) = result {
        eprintln!("\nwarren: {error:#}");
        std::process::exit(1);
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    // Another provider is never compiled in; a second call would be the only way to fail.
    drop(rustls::crypto::ring::default_provider().install_default());
    match arguments.task {
        Task::Up(args) => up::run(*args).await,
        Task::Down(args) => down::run(&args).await,
    }
}
