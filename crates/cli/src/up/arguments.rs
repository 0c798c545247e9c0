//! The arguments of `supercargo up`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::ledger::LabelArguments;

/// How many times faster than the clock on the wall time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Speed {
    /// As on the wall.
    #[value(name = "1")]
    Real,
    /// Ten seconds in one.
    #[value(name = "10")]
    Ten,
    /// A hundred seconds in one.
    #[value(name = "100")]
    Hundred,
}

impl Speed {
    /// As a number.
    pub fn times(self) -> u32 {
        match self {
            Speed::Real => 1,
            Speed::Ten => 10,
            Speed::Hundred => 100,
        }
    }
}

/// Start a cluster on this machine.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Starts a Kubernetes API server with a control plane, simulated kubelets, a simulated EC2 region and the controllers \
                  that buy nodes there, all in this process, and writes a kubeconfig for it. It runs until Ctrl-C.",
    after_help = "Examples:\n  \
                  supercargo up\n  \
                  supercargo up --speed 10 --data-dir ./cluster\n  \
                  supercargo local add-node --type m7i.2xlarge --count 3"
)]
pub struct Arguments {
    /// How many times faster than the clock on the wall time passes
    #[arg(long, value_name = "TIMES", default_value = "1")]
    pub speed: Speed,
    /// Keep the cluster here, so that it is there again next time [default: only in memory]
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
    /// Port of the API server on 127.0.0.1; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 6443)]
    pub port: u16,
    /// Another seed, another course of things
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// The simulated region
    #[arg(long, value_name = "REGION", default_value = crate::place::DEFAULT_REGION)]
    pub region: String,
    /// The name of the cluster, by which EC2NodeClasses find its subnets and security groups: karpenter.sh/discovery
    #[arg(long, value_name = "NAME", default_value = "eks-production")]
    pub cluster: String,
    /// Port on 127.0.0.1 of /metrics, /journal and /explain of the controllers; 0 is none
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub metrics_port: u16,
    /// Port on 127.0.0.1 of the costs: the API of OpenCost, which supercargo cost asks; 0 is none
    #[arg(long, value_name = "PORT", default_value_t = crate::cost::PORT)]
    pub cost_port: u16,
    /// Another port on 127.0.0.1 of the same, where OpenCost has its user interface; 0 is none
    #[arg(long, value_name = "PORT", default_value_t = 9090)]
    pub ui_port: u16,
    /// How often use is measured, in seconds of the cluster's time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub cost_interval: u64,
    /// What words stand for in questions about costs.
    #[command(flatten)]
    pub labels: LabelArguments,
    /// Leave out the controllers and their definitions, for supercargo controller to run beside it
    #[arg(long)]
    pub no_controllers: bool,
    /// Where to write the kubeconfig
    #[arg(long, value_name = "FILE", default_value = super::KUBECONFIG)]
    pub kubeconfig: PathBuf,
}
