//! What a controller answers over HTTP.
//!
//! ```text
//! METRICS_PORT       /metrics   counters, and gauges of the mirrored state (reference section 6.1)
//!                    /journal   decisions: ?subject=, kind=, since=, after=, limit=
//! HEALTH_PROBE_PORT  /healthz   the process answers
//!                    /readyz    it waits for the lease, or leads with a complete picture (reference section 6.4)
//! ```

mod answers;
mod journal;
mod seen;

pub use journal::JournalDocument;
pub use seen::{Endpoints, EndpointsOptions};
