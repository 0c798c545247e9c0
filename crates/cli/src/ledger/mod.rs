//! The ledger of a running cluster: kept, measured and answered for; by `supercargo up` and `supercargo controller` alike.
//!
//! ```text
//! cluster ──meter──> Books ──> ledger on disk, if it is kept
//!                      └─────> ledger in memory ──> OpenCost API on its ports
//! ```

mod answers;
mod kept;
mod labels;
mod refreshing;

pub(crate) use answers::{Ports, answer};
pub(crate) use kept::{Account, Measuring, keep};
pub use labels::LabelArguments;
