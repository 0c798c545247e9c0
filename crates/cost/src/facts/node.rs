//! A node in an hour.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// What a machine holds, or leaves to pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeHardware {
    /// Thousandths of a core.
    pub millicores: u64,
    /// Bytes of memory.
    pub ram_bytes: u64,
    /// Thousandths of a GPU.
    pub milli_gpus: u64,
}

/// A node while it was there, within one hour. A node that changes its size in the hour has one fact for each size.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFact {
    /// Name.
    pub name: Arc<str>,
    /// When, within the hour.
    pub interval: Interval,
    /// Provider id, such as `aws:///us-east-1a/i-0123456789abcdef0`.
    pub provider_id: Arc<str>,
    /// Instance type.
    pub instance_type: Arc<str>,
    /// Region.
    pub region: Arc<str>,
    /// Zone.
    pub zone: Arc<str>,
    /// Architecture.
    pub arch: Arc<str>,
    /// Name of the NodePool or node group; may be empty.
    pub pool: Arc<str>,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// What the machine holds.
    pub capacity: NodeHardware,
    /// What it leaves to pods.
    pub allocatable: NodeHardware,
}

impl NodeFact {
    /// The instance id at the end of the provider id; the provider id itself if it has no slash.
    pub fn instance_id(&self) -> &str {
        self.provider_id.rsplit('/').next().unwrap_or(&self.provider_id)
    }
}
