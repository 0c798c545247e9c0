//! What a cluster needs before the controllers run: definitions, permissions, and the Deployment itself.
//!
//! ```text
//! crd::definitions() ──┐
//!                      ├──> printed by `supercargo install --dry-run`, or
//! objects(..) ─────────┘    applied by the server, one after the other (apply)
//! ```

mod apply;
mod objects;
mod permissions;

pub use apply::{Applied, InstallError, apply};
pub use objects::{CostOptions, InstallationOptions, objects};
pub use permissions::{cluster_role_rules, cost_rules, role_rules};
