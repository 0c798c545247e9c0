//! NodeClaims from launch to expiry: their nodes are registered and initialized, and what takes too long is given up
//! (reference sections 1.2, 3.2 to 3.4, 3.6, 3.8, 4.6).
//!
//! ```text
//! Launched ──registration──> Registered ──initialization──> Initialized ──consolidatable──> Consolidatable
//!    └─────liveness: 15 min──────┘                                └──expiry, consistency, pod events
//! ```
//!
//! Launching itself and the end of a claim are elsewhere ([`launching`](crate::launching),
//! [`termination`](crate::termination)).

mod claims;
mod consistency;
mod consolidatable;
mod controller;
mod expiry;
mod health;
mod initialization;
mod liveness;
mod partitions;
mod pod_events;
mod registration;
mod reservations;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;

pub use claims::{capacity_type, node_pool_of, provider_id};
pub use consistency::Consistency;
pub use consolidatable::Consolidatables;
pub use controller::{Lifecycle, owning_pool};
pub use expiry::{Expiry, expired_in_turn};
pub use health::{Health, RegistrationHealth};
pub use pod_events::PodEvents;
pub use reservations::Reservations;
