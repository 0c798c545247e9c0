//! Random scenarios with random faults.
//!
//! - scenario: the scenario of a seed
//! - pools: its NodePools and their EC2NodeClass
//! - workloads: its Deployments, and how they grow, shrink and are replaced
//! - troubles: what happens to the market, the machines and the controllers, and what users change meanwhile

mod pools;
mod scenario;
mod troubles;
mod workloads;

pub use scenario::random_scenario;
