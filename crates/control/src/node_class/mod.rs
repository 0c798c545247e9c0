//! EC2NodeClasses: what their selectors find, whether they can be used, and how they go (reference sections 1.4, 5.1, 5.6).
//!
//! ```text
//! EC2NodeClass ──due?──> Question ──(cloud)──> Found ──status──> status.amis, .subnets, ..., conditions
//!                                                └──> Knowledge: subnets with free addresses, reservations with counts
//! ```

mod controller;
mod found;
mod hash;
mod profile;
mod question;
mod release;
mod resources;
mod service_range;
mod status;
#[cfg(test)]
mod tests;
mod validation;

pub use controller::NodeClasses;
pub use found::Found;
pub use hash::hash;
pub use profile::{profile_name, profile_path};
pub use question::{Question, Wants};
pub use release::Release;
pub use resources::ClassResources;
pub use service_range::service_range;
pub use status::{StatusInput, roots, status};
