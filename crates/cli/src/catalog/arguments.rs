//! The arguments of `supercargo catalog`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use supercargo_catalog::CapacityType;
use supercargo_catalog::query::Order;

/// Find instance types by what they have and what they cost.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Lists the EC2 instance types that meet all conditions, with their prices, and says on stderr how many \
                  types each condition removes. The data is built in; no account is asked. Prices in us-east-1 are AWS's \
                  list prices of the day shown, prices elsewhere and spot prices are estimates.",
    after_help = "Examples:\n  \
                  supercargo catalog --vcpus 4..8 --memory 16Gi.. --arch arm64 --limit 5\n  \
                  supercargo catalog --requirements 'karpenter.k8s.aws/instance-category in (m,c,r)' --capacity-type spot\n  \
                  supercargo catalog --nodepool examples/three-pods/node-pool.yaml -o wide\n  \
                  supercargo catalog --gpus 1.. --sort price-per-vcpu -o csv\n\n\
                  Exit codes: 0 some types match; 1 none does; 2 the input is wrong."
)]
pub struct Arguments {
    /// Conditions on labels, as in `kubectl -l`: `key in (a,b)`, `key!=a`, `key`, `!key`, `key>4`; repeatable
    #[arg(long, value_name = "SELECTOR")]
    pub requirements: Vec<String>,
    /// Conditions of the NodePool in this file, for the nodes of its EC2NodeClass if that is in the file, too
    #[arg(long, value_name = "FILE")]
    pub nodepool: Option<PathBuf>,
    /// Which NodePool of the file, if it has several
    #[arg(long, value_name = "NAME", requires = "nodepool")]
    pub nodepool_name: Option<String>,
    /// Virtual CPUs: `4`, `4..8`, `4..` or `..8`
    #[arg(long, value_name = "RANGE")]
    pub vcpus: Option<String>,
    /// Memory: `16Gi`, `8Gi..64Gi`, `8Gi..` or `..64Gi`
    #[arg(long, value_name = "RANGE")]
    pub memory: Option<String>,
    /// Whole GPUs: `0`, `1..`, `4..8`
    #[arg(long, value_name = "RANGE")]
    pub gpus: Option<String>,
    /// Processor architectures, separated by commas: amd64, arm64
    #[arg(long, value_name = "ARCH", value_delimiter = ',', value_parser = ["amd64", "arm64"])]
    pub arch: Vec<String>,
    /// Zones, separated by commas
    #[arg(long, value_name = "ZONE", value_delimiter = ',')]
    pub zone: Vec<String>,
    /// Capacity types, separated by commas: on-demand, spot
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub capacity_type: Vec<CapacityType>,
    /// Region [default: that of the zones, else us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Prices that replace the catalogue's (YAML, JSON or CSV; see docs/catalog.md)
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Order: price, spot-price, price-per-vcpu, vcpus, memory or name
    #[arg(long, value_name = "BY", default_value = "price")]
    pub sort: Order,
    /// At most so many types
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
    /// How to print the types
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
}

/// How to print the types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each type.
    #[default]
    Table,
    /// The same with more columns.
    Wide,
    /// A document with all labels, resources and offerings, for programs.
    Json,
    /// The same in YAML.
    Yaml,
    /// A line for each offering, comma-separated, for spreadsheets.
    Csv,
}
