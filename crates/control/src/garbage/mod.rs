//! What has lost its other half: claims whose instance is gone, instances that no claim knows (reference section 3.6).
//!
//! ```text
//! every 2 min (10 s at the beginning): DescribeInstances ──> claims without an instance  ──> deleted
//!                                                       └──> instances without a claim ──> ended, their nodes deleted
//! ```
//!
//! An instance whose claim is being made looks like one that nobody knows: the claim learns of it last. So instances are
//! spared for 30 s, and as long as a claim of their NodePool, older than they are, still waits to hear of its launch.

mod decide;
mod leftovers;
mod part;
mod tags;
#[cfg(test)]
mod tests;

pub use decide::{Seen, Waste, waste};
pub use leftovers::{Leftovers, Sweep};
pub use part::Garbage;
pub use tags::InstanceTags;
