//! A simulated EC2 region.
//!
//! ```text
//! catalogue ──> pools (type, zone, capacity type): depth and price, moving ──┐
//! script, seed, clock ───────────────────────────────────────────────────────┤
//!                                                                            v
//! CloudProvider calls ──> throttle, faults ──> Region: instances, subnets, images, reservations ──> answers, latency
//!                                                │
//!                        timeline of what happens by itself ──> queue of EventBridge messages, bill
//! ```
//!
//! A [`Region`] is a pure state machine: it has no tasks and never waits. Every call first lets everything happen that was
//! due until the clock's time, in order, and then answers at once. The same options and the same calls at the same times
//! give the same answers, to the byte.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use supercargo_catalog::CapacityType;
//! use supercargo_clock::VirtualClock;
//! use supercargo_cloud_sim::{Region, RegionOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(VirtualClock::new("2026-11-23T09:00:00Z".parse()?));
//! let mut options = RegionOptions::new(clock.clone(), 1);
//! options.script = r#"at: 10:00, zone: us-east-1a, capacityType: spot, types: "m*", depth: 0, for: 30m"#.parse()?;
//! let region = Region::new(options);
//! let depth = || region.pool("m5.large", "us-east-1a", CapacityType::Spot).map(|pool| pool.depth);
//! assert!(depth() > Some(0));
//! clock.advance(Duration::from_secs(3_600));
//! assert_eq!(depth(), Some(0));
//! # Ok(())
//! # }
//! ```

mod addresses;
mod allocation;
mod calls;
mod changes;
mod disturbances;
mod fleets;
mod images;
mod ledger;
mod life;
mod machine;
mod noise;
mod options;
mod placement;
mod pools;
mod provider;
mod queue;
mod record;
mod region;
mod reservations;
pub mod script;
mod shocks;
mod spread;
mod state;
mod throttle;
mod timeline;

pub use changes::MachineChanges;
pub use ledger::{Bill, InstanceBill, ReservationBill};
pub use machine::{Machine, MachineFault, MachineImage};
pub use options::{
    ApiOptions, BootOptions, BucketSize, FailureOptions, FaultRule, ImageOptions, InterruptionOptions,
    MarketOptions, NetworkOptions, QueueOptions, QuotaClass, Quotas, RegionOptions, ReservationOptions,
};
pub use provider::PatientRegion;
pub use region::{Answer, Census, Launches, PoolFacts, Region};
pub use script::{Effect, Scope, Script, ScriptError, ScriptEvent, ScriptProblem, When};
pub use spread::Spread;
