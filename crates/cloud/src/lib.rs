//! The door to EC2: what is asked of a cloud, in EC2's words, and what it answers.
//!
//! ```text
//! NodeClaim, EC2NodeClass, instance types ──launch──> FleetRequest ──CloudProvider──> FleetAnswer
//!                                                                                        │
//! NodeClaim's status <──launch::observe── Instance <─────────────────────────────────────┘
//! interruption queue ──event──> Event
//! ```
//!
//! Nothing in here opens a socket or waits. The simulated region and the real one implement [`CloudProvider`]; everything
//! above speaks to the trait.

mod action;
mod bootstrap;
mod call;
mod drift;
mod error;
pub mod event;
mod fleet;
mod image;
pub mod image_alias;
mod instance;
pub mod launch;
mod launch_template;
mod network;
mod price;
mod profile;
mod provider;
mod provider_id;
mod queue;
mod reservation;
pub mod resolve;
pub mod selector;
pub mod tags;
mod unavailable;

pub use action::{Action, ActionError};
pub use bootstrap::{Bootstrap, Cluster};
pub use call::{BoxFuture, Reply, Sleep};
pub use drift::{DriftReason, drift};
pub use error::{CloudError, ErrorKind, is_unfulfillable, launch_reason};
pub use fleet::{
    AllocationStrategy, FleetAnswer, FleetConfig, FleetError, FleetInstances, FleetOverride, FleetRequest,
    PurchaseOption,
};
pub use image::Image;
pub use image_alias::{AliasError, ImageLine, ImageVariant};
pub use instance::{
    CheckStatus, Instance, InstanceQuery, InstanceState, InstanceStatus, ScheduledEvent, StateChange,
};
pub use launch_template::{LaunchTemplate, LaunchTemplateData, LaunchTemplateRequest, ReservationPreference};
pub use network::{PlacementGroup, SecurityGroup, Subnet};
pub use price::{SpotPrice, TypeOffering};
pub use profile::{InstanceProfile, InstanceProfileRequest};
pub use provider::CloudProvider;
pub use provider_id::{ProviderId, ProviderIdError};
pub use queue::{QueueMessage, ReceiveRequest};
pub use reservation::{BLOCK_EXPIRES_AHEAD, CapacityReservation, ReservationState};
pub use selector::Selector;
pub use tags::Tags;
pub use unavailable::{UNAVAILABLE_FOR, Unavailable};
