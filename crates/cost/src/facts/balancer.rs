//! A load balancer in an hour.

use std::sync::Arc;

use crate::interval::Interval;
use crate::workload::Workload;

/// A container behind a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerUse {
    /// Who.
    pub workload: Arc<Workload>,
    /// For how many seconds both were there.
    pub seconds: u64,
}

/// The load balancer of a Service while it was there, within one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancerFact {
    /// Namespace of the Service.
    pub namespace: Arc<str>,
    /// Name of the Service.
    pub service: Arc<str>,
    /// When, within the hour.
    pub interval: Interval,
    /// Host name or address.
    pub address: Arc<str>,
    /// Whether it is not reachable from the internet.
    pub private: bool,
    /// Who is behind it, in order of workloads.
    pub uses: Vec<BalancerUse>,
}
