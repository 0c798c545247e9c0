//! `supercargo up`: a cluster in one process.
//!
//! ```text
//! arguments ──> time, region, API server, control plane, controllers ──> kubeconfig, what to do next
//!                                                      └──> until Ctrl-C
//! ```

mod arguments;
mod controllers;
mod costs;
mod files;
mod run;

pub use arguments::Arguments;
#[cfg(feature = "scale-out")]
pub(crate) use run::interrupted;
pub(crate) use run::interruption;
pub use run::run;

/// Where the kubeconfig is unless told otherwise.
pub const KUBECONFIG: &str = ".supercargo/kubeconfig";
