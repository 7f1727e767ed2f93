//! `porta generate`: what packages ship beside the executable, made from the argument definition.

use std::io;
use std::path::Path;

use clap::CommandFactory as _;

use super::print;
use crate::cli::{Cli, Generate};
use crate::exit::{Exit, Failure};

pub fn run(arguments: &Generate) -> Result<Exit, Failure> {
    match arguments {
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "porta", &mut script);
            print(&String::from_utf8_lossy(&script))?;
        }
        Generate::Man { folder } => man(folder).map_err(|error| {
            Failure::new(format!("cannot write man pages to {}", folder.display()), error)
        })?,
    }
    Ok(Exit::Done)
}

fn man(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)
}
