//! The arguments of `supercargo consolidate`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use supercargo_api::ConsolidationPolicy;
use supercargo_engine::disruption::BudgetOverride;

use crate::cluster::{ClusterArguments, dump};
use crate::plan::Preferences;

/// What a cluster could save, by which moves, and why not more.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Reads the dump of a cluster and prints by which moves it would become cheaper: nodes to delete, to replace, \
                  to split and to merge, in an order in which each is valid after those before it, grouped into waves that \
                  keep disruption budgets and PodDisruptionBudgets. For every node that stays it says why, and the one thing \
                  that would unlock it. Nothing is changed.",
    after_help = "See --help for the kubectl command that makes a dump.",
    after_long_help = long_help()
)]
pub struct Arguments {
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// How to print the moves
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// Judge all NodePools by this consolidationPolicy instead of their own
    #[arg(long, value_enum, ignore_case = true, value_name = "POLICY")]
    pub policy: Option<Policy>,
    /// Judge all NodePools by this disruption budget instead of their own: nodes, or a share such as 20%
    #[arg(long, value_name = "NODES")]
    pub budget: Option<BudgetOverride>,
    /// At most so many moves
    #[arg(long, value_name = "COUNT")]
    pub max_moves: Option<usize>,
    /// At most so many new nodes in one move
    #[arg(long, value_name = "COUNT", default_value_t = 4, hide_short_help = true)]
    pub max_new_nodes: u32,
    /// Dollars a month that a move has to save [default: by the Balanced rule, in proportion to the disruption]
    #[arg(long, value_name = "DOLLARS", value_parser = dollars, allow_negative_numbers = true)]
    pub min_savings: Option<f64>,
    /// Ask what would be if every NodePool allowed spot, too
    #[arg(long)]
    pub to_spot: bool,
    /// Replace spot nodes by cheaper spot nodes, under Karpenter's rule of 15 types
    #[arg(long)]
    pub spot_to_spot: bool,
    /// Order of the moves in the table
    #[arg(long, value_enum, default_value_t = Sort::Order, value_name = "BY")]
    pub sort: Sort,
    /// The moment to judge at, such as 2026-11-23T18:00:00Z [default: that of the dump]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Whether preferences of pods are tried before they are given up
    #[arg(
        long,
        value_enum,
        env = "PREFERENCE_POLICY",
        ignore_case = true,
        default_value = "respect",
        value_name = "POLICY"
    )]
    pub preference_policy: Preferences,
}

/// How to print a consolidation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each move, and for nodes that stay for the same reason.
    #[default]
    Table,
    /// A line for each move and each node, with names, zones and reasons.
    Wide,
    /// The consolidation as a document, for programs.
    Json,
    /// The same in YAML.
    Yaml,
}

/// The order of the moves in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// In which they are to be made.
    #[default]
    Order,
    /// Most savings first.
    Savings,
    /// Fewest pods moved first.
    Pods,
    /// Best score first.
    Score,
}

/// A consolidationPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Only nodes without pods that would have to move.
    #[value(alias = "WhenEmpty")]
    WhenEmpty,
    /// All nodes.
    #[value(alias = "WhenEmptyOrUnderutilized")]
    WhenEmptyOrUnderutilized,
    /// All nodes, as far as what is saved is worth the disruption.
    Balanced,
}

impl From<Policy> for ConsolidationPolicy {
    fn from(policy: Policy) -> ConsolidationPolicy {
        match policy {
            Policy::WhenEmpty => ConsolidationPolicy::WhenEmpty,
            Policy::WhenEmptyOrUnderutilized => ConsolidationPolicy::WhenEmptyOrUnderutilized,
            Policy::Balanced => ConsolidationPolicy::Balanced,
        }
    }
}

fn long_help() -> String {
    format!(
        "Examples:\n  \
         supercargo consolidate -f examples/fragmented\n  \
         supercargo consolidate -f dump.json -o wide --sort savings\n  \
         supercargo consolidate -f dump.json --budget 100% --min-savings 5\n\n\
         {}\n\n\
         Exit codes: 0 the answer is there, whether or not there are moves; 2 the input is wrong.",
        dump::help()
    )
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.strip_prefix('$').unwrap_or(text).parse::<f64>() {
        Ok(dollars) if (0.0..1e12).contains(&dollars) => Ok(dollars),
        _ => Err("expected dollars a month, such as 5 or 1.50".to_owned()),
    }
}
