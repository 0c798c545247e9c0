//! The market: instance types, zones, capacity types, prices, and the model of what a node has to give.
//!
//! ```text
//! data/catalog.bin ──decode──> Market ──┐
//!                                       ├─> Catalog::instance_types ──> [InstanceType] ──> engine
//! EC2NodeClass ──> NodeClassModel ──────┘         (labels, capacity, allocatable, offerings)
//! ```
//!
//! The data is embedded in the program; nothing here opens a file or a socket or reads a clock, and the same questions
//! always get the same answers. Every price carries its kind (list, estimate, live) and its day.

mod ami_family;
mod capacity;
mod catalog;
mod compatibility;
pub mod encoding;
mod facts;
pub mod market;
mod money;
mod node_class;
mod offering;
mod offers;
mod overhead;
mod overrides;
pub mod query;
mod spot;
mod type_labels;
mod volume_limit;

pub use catalog::{Catalog, Price};
pub use compatibility::Incompatibility;
pub use facts::{Accelerator, Arch, Gpu, Hypervisor, NetworkCard, TypeFacts};
pub use market::InterruptionBucket;
pub use money::{Usd, UsdError};
pub use node_class::{
    BlockDeviceModel, CapacitySettings, KubeletModel, NodeClassModel, NodeClassModelError, Placement,
    PlacementStrategy, ReservationModel, Threshold,
};
pub use offering::{
    CapacityType, CapacityTypeError, InstanceType, Offering, PriceKind, PriceStamp, Reservation,
    ReservationKind, Tenancy,
};
pub use overrides::{PriceOverride, PriceOverrideProblem, PriceOverrides, PriceOverridesError};
