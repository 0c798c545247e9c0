//! The arguments that all commands about a whole cluster share.

use std::path::PathBuf;

use clap::Args;
use supercargo_catalog::CapacitySettings;

const HEADING: &str = "What nodes have to give";

/// Where a cluster is read from, and what its nodes can be bought as.
#[derive(Clone, Debug, Args)]
pub struct ClusterArguments {
    /// Manifests: a file, a directory (with its subdirectories), or `-` for standard input; repeatable
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    pub files: Vec<PathBuf>,
    /// Region to buy in [default: what the input tells, else us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Zones to buy in, separated by commas [default: those of the NodeClass, else all of the region]
    #[arg(long, value_name = "ZONES", value_delimiter = ',')]
    pub zones: Vec<String>,
    /// Prices that replace the catalogue's (YAML, JSON or CSV; see docs/catalog.md)
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Share of memory that the hypervisor keeps, from 0 to 1
    #[arg(long, env = "VM_MEMORY_OVERHEAD_PERCENT", default_value_t = 0.075, value_parser = share, value_name = "SHARE", hide_short_help = true, help_heading = HEADING)]
    pub vm_memory_overhead_percent: f64,
    /// Network interfaces that pods may not use
    #[arg(long, env = "RESERVED_ENIS", default_value_t = 0, value_name = "COUNT", hide_short_help = true, help_heading = HEADING)]
    pub reserved_enis: u32,
    /// The VPC CNI hands out prefixes, which lifts the limit on pods per node
    #[arg(long, hide_short_help = true, help_heading = HEADING)]
    pub prefix_delegation: bool,
}

impl ClusterArguments {
    /// What the capacity model is told.
    pub fn capacity_settings(&self) -> CapacitySettings {
        CapacitySettings {
            vm_memory_overhead_percent: self.vm_memory_overhead_percent,
            reserved_enis: self.reserved_enis,
            prefix_delegation: self.prefix_delegation,
            ..CapacitySettings::default()
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1, such as 0.075".to_owned()),
    }
}
