//! `supercargo controller`: the controllers against any API server.
//!
//! ```text
//! flags, environment ──> settings ──> client, cloud ──> endpoints ──> lease ──> controllers ──> until SIGTERM
//! ```

mod arguments;
mod cloud;
mod kept;
mod leading;
mod lines;
mod listen;
mod logs;
mod memory;
mod preconditions;
mod run;

pub use arguments::{Arguments, CloudChoice};
pub(crate) use kept::{keep_journal, open_journal};
pub(crate) use leading::{Ended, Leadership};
pub(crate) use listen::listen;
pub use run::{run, run_on_cloud};
