//! What a controller answers over HTTP.
//!
//! ```text
//! METRICS_PORT       /metrics   counters, and gauges of the mirrored state (reference section 6.1)
//!                    /journal   decisions: ?subject=, kind=, since=, after=, limit=
//!                    /explain   one object as it stands, and what was decided about it: ?kind=, name=
//! HEALTH_PROBE_PORT  /healthz   the process answers
//!                    /readyz    it waits for the lease, or leads with a complete picture (reference section 6.4)
//! ```

mod answers;
mod explanation;
mod journal;
mod seen;

pub use explanation::{ExplainedKind, Explanation, ExplanationDocument, ExplanationQuery};
pub use journal::JournalDocument;
pub use seen::{Endpoints, EndpointsOptions};
