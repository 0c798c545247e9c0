//! The arguments of `supercargo local`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Simulated machines and control-plane parts.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Adds and removes simulated machines, and runs single parts of the simulated control plane against any \
                  Kubernetes API server."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
    /// The kubeconfig [default: $KUBECONFIG, else .supercargo/kubeconfig, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Add simulated machines that become nodes
    AddNode(AddNode),
    /// Remove simulated machines and their nodes
    RemoveNode(RemoveNode),
    /// Run parts of the simulated control plane against an API server until Ctrl-C
    Run(Parts),
}

/// Machines to add.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    supercargo local add-node --type m7i.2xlarge --zone us-east-1b --count 3\n  \
    supercargo local add-node --capacity-type spot --taint spot=true:NoSchedule --label team=media")]
pub struct AddNode {
    /// Instance type
    #[arg(long = "type", value_name = "TYPE", default_value = "m6i.xlarge")]
    pub instance_type: String,
    /// Zone
    #[arg(long, value_name = "ZONE", default_value = "us-east-1a")]
    pub zone: String,
    /// How they are paid for
    #[arg(long, value_name = "KIND", default_value = "on-demand", value_parser = ["on-demand", "spot", "reserved"])]
    pub capacity_type: String,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub count: u32,
    /// Name of the node, if it is one [default: node-1, node-2 and so on]
    #[arg(long, value_name = "NAME", conflicts_with = "count")]
    pub name: Option<String>,
    /// A label, KEY=VALUE; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// A taint, KEY=VALUE:EFFECT or KEY:EFFECT; may be repeated
    #[arg(long = "taint", value_name = "TAINT")]
    pub taints: Vec<String>,
    /// Seconds until the kubelet starts
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub boot_seconds: u32,
}

/// Machines to remove.
#[derive(Clone, Debug, Args)]
pub struct RemoveNode {
    /// Names of nodes
    #[arg(value_name = "NODE", required = true)]
    pub names: Vec<String>,
}

/// Parts to run.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    supercargo local run --parts kubelets --kubeconfig ~/.kube/config")]
pub struct Parts {
    /// Which parts, separated by commas; those that the other control plane has must be left out
    #[arg(long, value_name = "PARTS", value_delimiter = ',', required = true)]
    pub parts: Vec<String>,
    /// Another seed, another course of things
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Requests under way at once
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub concurrency: u16,
}
