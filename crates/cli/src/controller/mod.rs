//! `supercargo controller`: the controllers against any API server.
//!
//! ```text
//! flags, environment ──> settings ──> client, cloud ──> endpoints ──> lease ──> controllers ──> until SIGTERM
//! ```

mod arguments;
mod cloud;
mod lines;
mod logs;
mod preconditions;
mod run;

pub use arguments::{Arguments, CloudChoice};
pub use run::run;
