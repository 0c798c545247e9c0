//! NodePools: what they have, whether they can be used, and by which digest their nodes drift (reference sections 1.1, 3.2,
//! 4.7, 9.3). Static ones are kept at their replicas (2.15). NodeOverlays and CapacityBuffers, which change what is planned for
//! them, say whether they count (1.3, 1.5).

mod buffers;
mod controller;
mod counters;
mod hash;
mod overlays;
mod readiness;
mod replicas;
mod take_over;
#[cfg(test)]
mod tests;

pub use buffers::Buffers;
pub use controller::NodePools;
pub use counters::{Counters, counters};
pub use hash::hash;
pub use overlays::Overlays;
pub use readiness::{class_finding, validation_finding};
pub use replicas::StaticPools;
pub(crate) use replicas::static_shape;
pub use take_over::take_over;
