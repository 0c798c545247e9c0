//! What happened: integrals per container and hour, without any price.
//!
//! An amount that changes over time is kept as its integral, so that averages of any stretch are a division and rows add
//! up. Everything is a whole number: cpu in microcore-seconds, memory and volumes in byte-seconds, GPUs in
//! thousandth-GPU-seconds.

mod absorb;
mod balancer;
mod container;
mod hour;
mod node;
mod sweep;
mod volume;

pub use balancer::{BalancerFact, BalancerUse};
pub use container::{Amount, ContainerFact, NetworkBytes};
pub use hour::{Gap, HourFacts, ManagementFact};
pub use node::{NodeFact, NodeHardware};
pub use sweep::sweep;
pub use volume::{VolumeFact, VolumeUse};

/// Microcores of a core.
pub const MICROCORES: u64 = 1_000_000;
/// Thousandths of a GPU.
pub const MILLI_GPUS: u64 = 1_000;
/// Bytes of a GiB.
pub const GIB: u64 = 1 << 30;
