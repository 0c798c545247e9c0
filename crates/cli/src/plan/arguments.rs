//! The arguments of `supercargo plan`.

use clap::{Args, ValueEnum};
use supercargo_engine::solve::{MinValuesPolicy, PreferencePolicy, SolveOptions};

use crate::cluster::ClusterArguments;

/// Plan the cheapest nodes for the pods of manifests or of a cluster.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Reads manifests or the dump of a cluster, packs the pods that have no node yet onto the nodes that \
                  exist and onto new ones, and prints which nodes to buy, at what price and why. Nothing is changed.\n\n\
                  The input needs NodePools and their EC2NodeClasses, and pods or the workloads that make them. Nodes \
                  and bound pods in it count as existing capacity.",
    after_help = "Examples:\n  \
                  supercargo plan -f examples/eks-production\n  \
                  supercargo plan -f examples/eks-production -o wide --explain\n  \
                  kubectl get nodepools,ec2nodeclasses,nodes,pods,ds -A -o json | supercargo plan -f -\n\n\
                  Exit codes: 0 every pod has a place; 1 some pods have none; 2 the input is wrong."
)]
pub struct Arguments {
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// Plan with these NodePools only; repeatable
    #[arg(long = "nodepool", value_name = "NAME")]
    pub node_pools: Vec<String>,
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
    /// Whether a node must be as flexible as minValues says
    #[arg(
        long,
        value_enum,
        env = "MIN_VALUES_POLICY",
        ignore_case = true,
        default_value = "strict",
        value_name = "POLICY"
    )]
    pub min_values_policy: MinValues,
    /// How to print the plan
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// Say why each node is what it is, and step by step why a pod has no place
    #[arg(long)]
    pub explain: bool,
    /// Plan for all pods from scratch, as if there were no nodes
    #[arg(long)]
    pub all_pods: bool,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Identical nodes on one line.
    #[default]
    Table,
    /// A line for each node, with zones, alternatives and pods.
    Wide,
    /// The plan as a document, for programs.
    Json,
    /// The same in YAML.
    Yaml,
}

/// How preferences are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preferences {
    /// As requirements, given up one by one when they cannot be met.
    Respect,
    /// As if they were not there.
    Ignore,
}

/// How minValues is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MinValues {
    /// A node that is not flexible enough is not bought.
    Strict,
    /// As flexible as can be.
    #[value(alias = "besteffort")]
    BestEffort,
}

impl Preferences {
    /// What a solver is told that heeds nothing else.
    pub fn solve_options(self) -> SolveOptions {
        let preferences = match self {
            Preferences::Respect => PreferencePolicy::Respect,
            Preferences::Ignore => PreferencePolicy::Ignore,
        };
        SolveOptions { preferences, ..SolveOptions::default() }
    }
}

impl Arguments {
    /// What the solver is told.
    pub fn solve_options(&self) -> SolveOptions {
        SolveOptions {
            min_values: match self.min_values_policy {
                MinValues::Strict => MinValuesPolicy::Strict,
                MinValues::BestEffort => MinValuesPolicy::BestEffort,
            },
            ..self.preference_policy.solve_options()
        }
    }
}
