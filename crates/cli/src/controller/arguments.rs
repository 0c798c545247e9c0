//! The arguments of `supercargo controller`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use supercargo_control::settings::SettingsArguments;

use crate::ledger::LabelArguments;

/// Which cloud machines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CloudChoice {
    /// A simulated EC2 region in this process, whose machines become simulated kubelets.
    Sim,
    /// EC2.
    Aws,
}

/// Run the controllers against a Kubernetes API server.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Runs the controllers against a Kubernetes API server: pending pods become nodes, nodes that are empty, too \
                  dear, drifted or interrupted go. It takes the settings of Karpenter, by the same flags and environment \
                  variables, and waits for Karpenter's lease. The definitions must be there: supercargo install creates them.",
    after_help = "Examples:\n  \
                  supercargo controller --cloud sim --kubeconfig ~/.kube/config\n  \
                  CLUSTER_NAME=shop supercargo controller --cloud sim --feature-gates NodeRepair=true\n\n\
                  Exit codes: 0 it was asked to end; 1 the lease was lost; 2 the input is wrong, or another autoscaler is active."
)]
pub struct Arguments {
    /// Where machines come from
    #[arg(long, value_enum, value_name = "CLOUD", default_value = "aws")]
    pub cloud: CloudChoice,
    /// The kubeconfig [default: $KUBECONFIG, the pod's service account, .supercargo/kubeconfig, ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The address that the ports are opened on
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub bind: std::net::IpAddr,
    /// The region
    #[arg(long, env = "AWS_REGION", hide_env_values = true, value_name = "REGION", default_value = crate::place::DEFAULT_REGION)]
    pub region: String,
    /// Port of the costs: the API of OpenCost; 0 is none
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub cost_port: u16,
    /// Keep the ledger of costs here [default: only in memory, if --cost-port is given]
    #[arg(long, value_name = "DIR")]
    pub cost_store: Option<PathBuf>,
    /// How often use is measured, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub cost_interval: u64,
    /// What words stand for in questions about costs.
    #[command(flatten)]
    pub labels: LabelArguments,
    /// Another seed, another course of things in the simulated region
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingsArguments,
}
