//! The `porta` executable: parse, log, dispatch, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use porta::cli::{self, Cli};
use porta::command;
use porta::exec::runner;
use porta::exit::Failure;

fn main() -> ExitCode {
    // Before any setting is read: a runner has none.
    if runner::is_this() {
        return runner::run();
    }
    match run() {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<porta::exit::Exit, Failure> {
    cli::load_environment_files()?;
    let cli = Cli::parse();
    command::start_log(&cli);
    command::raise_file_limit();
    command::run(cli)
}
