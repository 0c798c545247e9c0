//! The part of an EC2NodeClass that decides what its nodes hold, where they can be bought and how many pods they take.

mod from_manifest;
mod model;

pub use from_manifest::NodeClassModelError;
pub use model::{
    BlockDeviceModel, CapacitySettings, KubeletModel, NodeClassModel, Placement, PlacementStrategy,
    ReservationModel, Threshold,
};
