//! From what a cluster looks like to facts.
//!
//! [`Collector::observe`] is given the time, the objects as they are and what was measured since the last time, and returns
//! the facts of the stretch in between, hour by hour, to be added to the ledger ([`HourFacts::absorb`]). It reads no clock
//! and talks to nobody. What it does not know it reports as a gap; it never counts a stretch twice.
//!
//! [`HourFacts::absorb`]: crate::facts::HourFacts::absorb

mod balancers;
mod claims;
mod known;
mod nodes;
mod observe;
mod owners;
mod pods;
mod rates;
mod readings;
mod shares;
mod view;
mod volumes;

pub(crate) use nodes::node_fact;
pub use observe::{Collector, CollectorSettings, Observation, ObserveError};
pub use owners::Owned;
pub(crate) use owners::Owners;
pub use rates::{Measured, Rates};
pub use readings::{ContainerReading, ReadingError, Readings, read_pod_metrics, read_summary};
pub(crate) use shares::evenly;
pub use view::{ContainerUsage, Measurements, PodTraffic, Seen, View, VolumeUsage};
