//! The arguments of `supercargo sim-check`.

use clap::Args;

/// Run random scenarios with random faults, and check that nothing goes wrong.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Runs random scenarios with random faults: NodePools and workloads that grow and shrink, deploys, drift, spot \
                  reclaims, zones that break down, dry pools, throttled calls, dead kubelets, crashed controllers, lost \
                  answers, clocks that are wrong. Every seed is an hour of virtual time. For a seed that fails the shortest \
                  beginning of its scenario that still fails is found and printed.",
    after_help = "Example:\n  supercargo sim-check --seeds 50\n\nExit codes: 0 all held; 1 a seed failed; 2 the arguments are wrong."
)]
pub struct Arguments {
    /// How many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The first seed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub from: u64,
    /// Seeds at once [default: one for each core]
    #[arg(long, visible_alias = "jobs", value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: Option<u8>,
    /// Go on after a seed that failed
    #[arg(long)]
    pub keep_going: bool,
}
