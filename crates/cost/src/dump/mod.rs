//! Recorded dumps: what a collector saw, line by line, or answers of a Prometheus server in files.

mod reader;
mod recording;

pub use reader::{DumpError, DumpReport, read_dumps};
pub use recording::{Record, RecordingError, read_recording};
