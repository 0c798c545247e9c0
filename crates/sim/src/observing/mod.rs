//! What is seen of a run: the lives of pods and nodes, samples over time, and a log that two runs can be compared by.
//!
//! - observer: sees every change and every write of the controllers
//! - lives: when pods were made, bound and running
//! - log: what happened, a line each, and its checksum
//! - samples: the state of things every few seconds

mod lives;
mod log;
mod observer;
mod samples;

pub use lives::{Latencies, Lives};
pub use log::Log;
pub(crate) use observer::lock;
pub use observer::{Observer, Seen, observers};
pub use samples::{Census, Sample, sample};
