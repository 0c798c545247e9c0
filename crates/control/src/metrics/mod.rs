//! The metrics of Karpenter, under its names and labels (reference section 6.1).

mod registry;

pub use registry::Metrics;
