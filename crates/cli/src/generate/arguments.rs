//! The arguments of `supercargo generate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

/// Make up a cluster, for demonstrations and tests.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Makes up objects that read like the dump of a grown cluster: the same for the same seed."
)]
pub struct Arguments {
    /// What to make up.
    #[command(subcommand)]
    pub what: What,
}

/// What to make up.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// A whole cluster, as a dump
    Cluster(ClusterSettings),
}

/// What the cluster shall be like.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Makes up the dump of a cluster: Deployments, StatefulSets with zonal volumes, DaemonSets, Jobs, \
                  PodDisruptionBudgets, spreads, several NodePools, spot and on-demand. Its nodes were bought by the engine as \
                  workloads arrived one after the other. With --churn, workloads were scaled down unevenly since, which leaves \
                  nodes half empty.",
    after_help = "Examples:\n  \
                  supercargo generate cluster --nodes 50 --seed 7 --churn 0.5 --out dump.json\n  \
                  supercargo generate cluster --nodes 1000 | supercargo consolidate -f -"
)]
pub struct ClusterSettings {
    /// How many nodes
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub nodes: u32,
    /// Another seed makes another cluster
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Share of the pods that is gone since the nodes were bought, from 0 to 0.95
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub churn: f64,
    /// About how many pods a node has before churn
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    pub pods_per_node: u32,
    /// How many NodePools
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub pools: u32,
    /// Region
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
    /// The moment of the dump [default: 2026-10-26T12:00:00Z]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Without PodDisruptionBudgets
    #[arg(long)]
    pub no_pdbs: bool,
    /// Without other things that keep nodes: do-not-disrupt, tight budgets, narrow policies, nodes that drifted
    #[arg(long)]
    pub no_obstacles: bool,
    /// With a NodePool of GPUs, and pods for it
    #[arg(long)]
    pub gpu: bool,
    /// How to write it
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Write it to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How to write a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One List, an object on each line.
    #[default]
    Json,
    /// A document for each object.
    Yaml,
}

impl ClusterSettings {
    /// The format asked for, or the one that the file's name tells.
    pub fn format(&self) -> Format {
        let extension = self.out.as_ref().and_then(|path| path.extension()).and_then(|text| text.to_str());
        match (self.output, extension) {
            (Some(format), _) => format,
            (None, Some("yaml" | "yml")) => Format::Yaml,
            (None, _) => Format::Json,
        }
    }
}
