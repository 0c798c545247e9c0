//! From a NodeClaim to a fleet request, and from the instance back to the NodeClaim (reference sections 5.4 and 3.1).
//!
//! ```text
//! NodeClaim ─┐
//! EC2NodeClass ─┼─ choose ─> types with offerings ─ plan ─> launch templates, FleetRequest ─ perform ─> instance
//! instance types ┘    (filters, price, 60)        (images, subnets, tags)                              │
//! NodeClaim's labels and status <───────────────────────────── observe ───────────────────────────────┘
//! ```
//!
//! - fit: whether an offering of a type is what a claim asks for
//! - choose: which types and offerings go into the request
//! - template: what the machines are told, a launch template for each group of types
//! - addresses: the subnet of each zone
//! - plan: the request
//! - perform: the calls, and what their errors mean
//! - observe: the claim's labels and status

mod addresses;
mod choose;
mod error;
mod fit;
mod observe;
mod perform;
mod place;
mod plan;
mod template;

pub use addresses::{AddressClaim, AddressesInFlight};
pub use choose::{Choice, Chosen, Funnel, MAX_TYPES, MinValuesPolicy, choose};
pub use error::LaunchError;
pub use fit::offering_fits;
pub use observe::{Observed, observe};
pub use perform::{Direct, LaunchFailure, Launched, Launcher, perform};
pub use plan::{LaunchInput, LaunchPlan, LaunchWarning, plan};
