//! All metrics of the process.

/// All metrics of the process. Parts count into it; it is written out for Prometheus.
#[derive(Debug, Default)]
pub struct Metrics {}
