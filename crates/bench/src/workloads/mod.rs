//! The workloads, each a function of nothing but fixed seeds.

mod backlog;
mod burst;
mod diverse;
mod incremental;
mod preference;
mod trace;
mod workload;

pub use backlog::{HOPELESS, PLACEABLE, backlog};
pub use burst::burst;
pub use diverse::diverse;
pub use incremental::{PENDING, incremental};
pub use preference::preference;
pub use trace::{TraceError, dlrm, openb};
pub use workload::{Context, Workload, WorkloadError};
