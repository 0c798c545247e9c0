//! The market: instance types, zones, capacity types, prices, and the model of what a node has to give.

pub mod encoding;
mod facts;
pub mod market;
mod money;
mod offering;

pub use facts::{Accelerator, Arch, Gpu, Hypervisor, NetworkCard, TypeFacts};
pub use money::{Usd, UsdError};
pub use offering::{
    CapacityType, CapacityTypeError, InstanceType, Offering, PriceKind, PriceStamp, Reservation,
    ReservationKind, Tenancy,
};
