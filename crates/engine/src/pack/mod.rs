//! The packer: which nodes to buy for pods that no existing room can take, at the least total price.
//!
//! ```text
//! demand (class, fits, count) ──> kinds (same size, same fits)
//!   loop: hardest kind left = anchor
//!         each promising column: fill around the anchor, price / worth held
//!         best pattern, repeated as often as the demand lasts ──> planned nodes
//! ```
//!
//! Worth is measured at the shadow prices of the fractional problem ([`crate::view`]), so a pattern's ratio says how
//! far it is from the ideal: 1.00 is perfect. Columns whose optimistic ratio is no better than the best pattern found
//! are not tried. Where a rule by host forces many nodes (anti-affinity, spread over hostnames), no node may take
//! more than its fair share of the demand, so that filler is left for the others.

mod buy;
mod configured;
mod demand;
mod fill;
mod packer;
mod patterns;
mod stock;

pub use demand::{Demand, HostRule, HostRules};
pub use packer::Packer;
pub use stock::{Shelf, Stock, reserved_mask, within_limits};
