//! Facts from any server that answers Prometheus' range queries, or from its answers in files.
//!
//! ```text
//! server ──range queries, an hour each──> series, one at a time ──> HourTable ──> HourFacts
//! files of answers ──────────────────────────────────────────────────┘
//! ```
//! Only one hour is in memory (two, if the first of them ends in a hole). Nothing is computed by the server but the last
//! sample of every step, so every figure is the integral over what was scraped: counters may begin anew, pods may reuse
//! a name, the same series may come from several jobs. A step without a sample is a gap, never a zero.
//!
//! What is read is in [`METRICS`] (reference section 3.2): kube-state-metrics in its first and second shape, cAdvisor, the
//! kubelet, node_exporter, DCGM, Karpenter, and what OpenCost exports itself.

mod answer;
mod balancers;
mod containers;
mod counters;
mod grid;
mod hour;
mod import;
mod labels;
mod machines;
mod metrics;
mod pods;
mod server;
mod table;
mod take;
mod told;
mod volumes;

pub use answer::{AnswerError, Series, read_answer};
pub use grid::{Grid, GridError};
pub(crate) use import::HourSequence;
pub use import::{ImportError, ImportReport, ImportSettings, Importer};
pub use metrics::{METRICS, Metric, Pace};
pub use server::{AskError, MetricServer, Retry};
pub(crate) use table::HourTable;
