//! Generated artefacts, one command each. With `--check` a command changes nothing and fails if its artefact is not
//! what it would write.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod catalog;
mod crds;

/// Makes what is generated from the code.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The custom resource definitions in crds/, from the types of the api crate.
    Crds {
        /// Only compare.
        #[arg(long)]
        check: bool,
    },
    /// The market in crates/catalog/data/, from moto's data and the tables beside it; needs pip.
    Catalog {
        /// Only compare.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Crds { check } => crds::run(check),
        Command::Catalog { check } => catalog::run(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
