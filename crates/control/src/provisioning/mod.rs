//! From pods without a node to NodeClaims (reference sections 2.1, 2.4, 2.11 to 2.13).
//!
//! ```text
//! pods, leaving nodes ──trigger──> Window ──closes──> Inputs ──plan (apart)──> Planned
//!                                                                               │
//! NodeClaims, assignments, nominations, Events <────────── Provisioner ─────────┘
//! ```
//!
//! - window: when a batch is planned
//! - plan: what is to be bought for it, a pure function of the cluster and the market
//! - shape, claim: a planned node as a NodeClaim
//! - part: the loop
//! - notices: which Events are worth writing
//! - names: names of claims
//! - record: what the journal says about it

mod batches;
mod claim;
mod names;
mod notices;
mod part;
mod plan;
mod record;
mod shape;
mod window;

pub use batches::{BatchTimes, Batches};
pub use claim::node_claim;
pub use names::Names;
pub use part::Provisioner;
pub(crate) use plan::solve_options;
pub use plan::{BufferFit, Planned, PlannedClaim, PlannedPod, PlannedRoom, plan};
pub use shape::ClaimShape;
pub use window::Window;
