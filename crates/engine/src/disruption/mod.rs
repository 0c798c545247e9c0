//! What may be disrupted now, and what stands against it: candidates, costs, budgets, drift and expiry
//! (reference sections 3.4 and 4.1 to 4.14).
//!
//! ```text
//! Objects + Snapshot + now ──> Disruption { rooms, pods, budgets, pdbs }
//!                                   │         │      │        └─ evictions that may happen at once
//!                                   │         │      └─ nodes of a NodePool that may go at once
//!                                   │         └─ what evicting a pod costs, and what forbids it
//!                                   └─ whether a node may go, its price, its drift, its end
//! ```
//!
//! The table is built once for a snapshot and never changes. It answers for one node or one pod at a time; which nodes
//! go together, and where their pods go, is decided elsewhere.

mod blocked;
mod budgets;
mod drift;
mod expiry;
mod moment;
mod options;
mod pdb;
mod pods;
mod prices;
mod room_table;
mod rooms;
mod running;
mod table;
pub(crate) mod windows;

pub use blocked::{Annotated, BlockReason, Blocked};
pub use budgets::{Allowed, Binding, BudgetStanding, PoolBudget};
pub use drift::{Drift, DriftReason, drift_of};
pub use expiry::Expiry;
pub use moment::moment;
pub use options::{BudgetOverride, BudgetOverrideError, DisruptionOptions, Policy};
pub use pdb::{Pdb, PdbShort};
pub use pods::{PodBlock, PodMove, PodStanding, protected_until, stays_on_leaving_nodes};
pub use rooms::RoomStanding;
pub use supercargo_api::DisruptionReason;
pub use table::Disruption;
