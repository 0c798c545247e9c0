//! A scenario's world: API server, region, cluster and controllers on one clock.
//!
//! - gate: the controllers' connection to the API server, which faults disturb and audits note
//! - build: all of it, started
//! - apply: objects made and deleted as a user does it

mod apply;
mod build;
mod gate;

pub use apply::ApplyError;
pub(crate) use apply::name_of;
pub use build::{Observers, World, WorldError};
pub use gate::{Audit, Gate};
