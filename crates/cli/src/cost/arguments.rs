//! The arguments of `supercargo cost`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::import::ImportArguments;
use super::reprice::RepriceArguments;
use super::scale_out::{ExecutorArguments, SchedulerArguments};
use crate::ledger::LabelArguments;

/// Find what a cluster cost, by whom.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    long_about = "Shows what a cluster cost: by team and namespace, or by anything else that pods have; what was idle; how \
                  well what was asked for was used; what was paid for. Asks the cluster of supercargo up, or any server that has \
                  the API of OpenCost, or reads a ledger on disk.",
    after_help = "Examples:\n  \
                  supercargo cost --window 1h\n  \
                  supercargo cost --store /var/lib/supercargo/ledger --window lastmonth\n  \
                  supercargo cost allocation --from http://localhost:9003 --window 7d --by namespace --share idle\n  \
                  supercargo cost idle --from http://localhost:9003 --window yesterday\n  \
                  supercargo cost allocation --store ledger --by label:app --filter 'namespace:\"shop\"' -o csv\n  \
                  supercargo cost rows --store ledger --window lastmonth -o parquet --out costs.parquet\n  \
                  supercargo cost sql --store ledger \"select namespace, sum(total_cost) from allocations group by 1\"\n\n\
                  Exit codes: 0 there is an answer; 1 nothing is known of the window; 2 the input is wrong."
)]
pub struct Arguments {
    /// What else to do
    #[command(subcommand)]
    pub command: Option<CostCommand>,
    /// What to show
    #[arg(value_enum, value_name = "WHAT", default_value_t = What::Report)]
    pub what: What,
    /// What `sql` asks, such as "select namespace, sum(total_cost) from allocations group by 1"
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,
    /// today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d, or START,END
    #[arg(long, value_name = "WINDOW", default_value = "7d")]
    pub window: String,
    /// What costs are added up by: namespace, controller, label:NAME, team, …; separated by commas
    /// [default: team,namespace for the report, else namespace]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub by: Vec<String>,
    /// What those who run carry besides their own: idle
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub share: Vec<Share>,
    /// Only some: such as `namespace:"shop"+label[team]!:"media"`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// How to show it
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A server with the API of OpenCost, such as http://localhost:9003 [default: the running supercargo up]
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    pub from: Option<String>,
    /// A directory with a ledger in it, a recording, or a bucket: s3://BUCKET/PREFIX
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// The bucket that `upload` puts a ledger into: s3://BUCKET/PREFIX
    #[arg(long, value_name = "BUCKET")]
    pub to: Option<String>,
    /// Where the files of a bucket are kept [default: ~/.cache/supercargo/ledgers]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// The scheduler of machines on which the query of `sql` runs, such as scheduler:50050 [default: this process]
    #[arg(long, value_name = "ADDRESS", requires = "query")]
    pub scheduler: Option<String>,
    /// How many tasks each stage of a query has at most, with --scheduler [default: 16]
    #[arg(long, value_name = "NUMBER", requires = "scheduler")]
    pub parts: Option<NonZeroU16>,
    /// The region whose prices the ledger's nodes have
    #[arg(long, value_name = "REGION", default_value = "us-east-1", conflicts_with = "from")]
    pub region: String,
    /// Price files for this answer, before those that are kept beside the ledger: lists, OpenCost's lists, spot data feeds, spot
    /// histories, prices of units
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "from")]
    pub prices: Vec<PathBuf>,
    /// The account that is billed, for -o focus
    #[arg(long, value_name = "ID", default_value = "")]
    pub account: String,
    /// What words stand for, in a ledger; a server has words of its own.
    #[command(flatten)]
    pub labels: LabelArguments,
    /// The moment that windows are counted from [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "from")]
    pub at: Option<jiff::Timestamp>,
}

/// What else there is to do with costs than to show them.
#[derive(Clone, Debug, Subcommand)]
pub enum CostCommand {
    #[allow(missing_docs, reason = "the arguments have their own")]
    Import(Box<ImportArguments>),
    #[allow(missing_docs, reason = "the arguments have their own")]
    Reprice(Box<RepriceArguments>),
    #[allow(missing_docs, reason = "the arguments have their own")]
    Scheduler(SchedulerArguments),
    #[allow(missing_docs, reason = "the arguments have their own")]
    Executor(Box<ExecutorArguments>),
}

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Costs by team and namespace, with idle and total, and what to know about them.
    Report,
    /// Costs by anything.
    Allocation,
    /// What was paid for.
    Assets,
    /// What nobody used, by node.
    Idle,
    /// How well what was asked for was used.
    Efficiency,
    /// What everybody cost in every hour, as -o csv or -o parquet; of a ledger only.
    Rows,
    /// The answer of an SQL query over all hours of a ledger.
    Sql,
    /// Nothing: put what is over of a ledger into a bucket.
    Upload,
}

/// What can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Share {
    /// What nobody used.
    Idle,
}

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table.
    Table,
    /// A table with more columns.
    Wide,
    /// What the API answers.
    Json,
    /// Comma-separated values.
    Csv,
    /// A Parquet file, exact to 10⁻⁹ dollars.
    Parquet,
    /// Every charge of every hour by the FinOps Open Cost and Usage Specification 1.2, as comma-separated values; of a
    /// ledger only.
    Focus,
}
