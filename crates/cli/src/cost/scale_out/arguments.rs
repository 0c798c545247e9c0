//! The arguments of `supercargo cost scheduler` and `supercargo cost executor`.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Args;

/// Cut queries of `cost sql --scheduler` into tasks for executors.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Waits for queries of supercargo cost sql --scheduler, cuts them into tasks and hands these to executors that ask for \
                  them. Whoever reaches its port can have executors read what they can read.",
    after_help = "Examples:\n  supercargo cost scheduler\n  supercargo cost scheduler --listen 0.0.0.0:50050"
)]
pub struct SchedulerArguments {
    /// Where it listens; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50050")]
    pub listen: SocketAddr,
}

/// Run tasks of queries of `cost sql --scheduler`.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Asks a scheduler for tasks and runs them. It reads the ledger's files itself: the ledger has to be at the same path \
                  as where the query is asked.",
    after_help = "Examples:\n  supercargo cost executor --scheduler 127.0.0.1:50050\n  \
                  supercargo cost executor --scheduler ledger-scheduler:50050 --listen 0.0.0.0:50051 --tasks 8"
)]
pub struct ExecutorArguments {
    /// Where the scheduler listens, such as scheduler:50050
    #[arg(long, value_name = "ADDRESS")]
    pub scheduler: String,
    /// Where others get what its tasks have made; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The name or address by which others reach it [default: that of --listen, or from which it reaches the scheduler]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// How many tasks run at the same time [default: one for each core]
    #[arg(long, value_name = "NUMBER")]
    pub tasks: Option<NonZeroU16>,
    /// The directory for what is between the stages of a query [default: that for temporary files]
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
}
