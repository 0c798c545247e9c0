//! The arguments of `supercargo explain`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cluster::{ClusterArguments, dump};

/// Explain one pod, node or NodePool.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Explains one object of a cluster. Of a pod: why it waits, or where else it could go. Of a node: why it has \
                  its type, what runs on it, who bears its price, whether and how it could go. Of a NodePool: what it allows, \
                  which requirement is the narrowest, how flexible it is, and what is wrong with it.",
    after_help = "Examples:\n  \
                  supercargo explain pod shop/web-0 -f examples/running-cluster\n  \
                  supercargo explain node ip-10-0-1-17.eu-central-1.compute.internal -f examples/running-cluster\n  \
                  supercargo explain nodepool general -f examples/running-cluster -o yaml\n  \
                  supercargo explain pod shop/web-0 -f http://127.0.0.1:8080\n\n\
                  Exit codes: 0 explained; 1 the pod has no place; 2 the input is wrong, or there is no such object.",
    after_long_help = long_help()
)]
pub struct Arguments {
    /// What to explain
    #[arg(value_enum, value_name = "KIND", ignore_case = true)]
    pub subject: Subject,
    /// Its name; of a pod, NAMESPACE/NAME
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// The moment to judge at, such as 2026-11-23T18:00:00Z [default: that of the dump]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// How to print the explanation
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
}

/// What to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Why a pod waits, or where it could go.
    #[value(aliases = ["pods", "po"])]
    Pod,
    /// Why a node has its type, what runs on it, whether it could go.
    #[value(aliases = ["nodes", "no", "nodeclaim"])]
    Node,
    /// What a NodePool allows, and what is wrong with it.
    #[value(name = "nodepool", aliases = ["nodepools", "np"])]
    NodePool,
}

/// How to print an explanation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Sentences and tables.
    #[default]
    Text,
    /// A document, for programs.
    Json,
    /// The same in YAML.
    Yaml,
}

impl Subject {
    /// As Kubernetes calls it.
    pub fn kind(self) -> &'static str {
        match self {
            Subject::Pod => "pod",
            Subject::Node => "node",
            Subject::NodePool => "NodePool",
        }
    }
}

fn long_help() -> String {
    format!(
        "Examples:\n  \
         supercargo explain pod shop/web-0 -f examples/running-cluster\n  \
         supercargo explain node ip-10-0-1-17.eu-central-1.compute.internal -f examples/running-cluster\n  \
         supercargo explain nodepool general -f examples/running-cluster -o yaml\n  \
         supercargo explain pod shop/web-0 -f http://127.0.0.1:8080    (a running controller)\n\n\
         {}\n\n\
         Exit codes: 0 explained; 1 the pod has no place; 2 the input is wrong, or there is no such object.",
        dump::help()
    )
}
