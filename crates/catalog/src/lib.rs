//! The market: instance types, zones, capacity types, prices, and the model of what a node has to give.

mod money;
mod offering;

pub use money::{Usd, UsdError};
pub use offering::{
    CapacityType, CapacityTypeError, InstanceType, Offering, PriceKind, PriceStamp, Reservation,
    ReservationKind, Tenancy,
};
