//! The arguments of `supercargo simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Run a scenario in virtual time: the real controllers on simulated machines.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Runs a scenario in virtual time: the real controllers on the embedded API server, over a simulated EC2 \
                  region. An hour takes seconds, and the same seed gives the same run, byte for byte. What must always hold \
                  (disruption budgets, limits, no machine lost or leaked) is checked all along, beside what the scenario \
                  itself asks for.",
    after_help = "Examples:\n  \
                  supercargo simulate scenarios/viral-launch.yaml\n  \
                  supercargo simulate scenarios/viral-launch.yaml --report html --out report.html\n\n\
                  Exit codes: 0 all held; 1 something did not; 2 the scenario is wrong."
)]
pub struct Arguments {
    /// The scenario
    #[arg(value_name = "SCENARIO.yaml")]
    pub scenario: PathBuf,
    /// Another seed than that of the scenario
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Report::Table)]
    pub report: Report,
    /// Write the report to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write everything that happened to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Leave out the second run that the cost is compared with
    #[arg(long)]
    pub no_baseline: bool,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// The figures, a line each
    Table,
    /// Everything, as JSON
    Json,
    /// One page with charts
    Html,
}
