//! The `porta` executable: parse, log, dispatch, exit code.

use std::ops::ControlFlow;
use std::process::ExitCode;

use porta::cli;
use porta::command;
use porta::exec::runner;
use porta::exit::{Exit, Failure};

fn main() -> ExitCode {
    // Before any setting is read: a runner has none.
    if runner::is_this() {
        return runner::run();
    }
    match run() {
        Ok(exit) => exit.into(),
        Err(failure) if cli::asks_for_criteria() => command::refuse_criteria(failure),
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<Exit, Failure> {
    cli::load_environment_files()?;
    let cli = match cli::parse()? {
        ControlFlow::Continue(cli) => cli,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    command::start_log(&cli);
    command::raise_file_limit();
    command::run(cli)
}
