//! `cargo run --release -p supercargo-bench -- all`

use std::process::ExitCode;

use clap::Parser;
use supercargo_bench::arguments::Arguments;
use supercargo_bench::run::run;
use supercargo_clock::RealClock;

fn main() -> ExitCode {
    match run(&Arguments::parse(), &RealClock::new()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
