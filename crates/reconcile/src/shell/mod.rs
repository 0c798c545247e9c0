//! The thin layer with IO: lists and watches fill the state, actions become requests.
//!
//! ```text
//! API server ──list, watch──> Feed ──> Driver { State, parts } ──> perform ──> API server
//! ```

mod driver;
mod feed;
mod perform;
mod recorder;
mod server_clock;

pub use driver::{Driver, DriverOptions};
pub(crate) use feed::{Feed, watch};
pub(crate) use perform::{Performed, perform};
pub(crate) use recorder::Recorder;
