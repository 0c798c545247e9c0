//! An hour of a cluster.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::facts::{BalancerFact, ContainerFact, NodeFact, VolumeFact};
use crate::interval::Interval;

/// The control plane while it was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementFact {
    /// Who runs it, such as `EKS`.
    pub provisioner: Arc<str>,
    /// When, within the hour.
    pub interval: Interval,
}

/// A stretch of time for which something is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// When, within the hour.
    pub interval: Interval,
    /// What is missing, such as `usage of node ip-10-0-0-1` or `cluster`.
    pub subject: Arc<str>,
}

/// All facts of a cluster in an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourFacts {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// Start of the hour.
    pub hour: i64,
    /// Nodes.
    pub nodes: Vec<NodeFact>,
    /// Containers.
    pub containers: Vec<ContainerFact>,
    /// Volumes.
    pub volumes: Vec<VolumeFact>,
    /// Load balancers.
    pub balancers: Vec<BalancerFact>,
    /// The control plane, if it is paid for.
    pub management: Option<ManagementFact>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

impl HourFacts {
    /// An hour without facts.
    pub fn new(cluster: &str, hour: i64) -> HourFacts {
        HourFacts { cluster: cluster.into(), hour, ..HourFacts::default() }
    }

    /// The hour.
    pub const fn interval(&self) -> Interval {
        Interval::hour(self.hour)
    }

    /// Puts everything in the order that answers are made in, so that they do not depend on how the facts came.
    pub fn sort(&mut self) {
        self.sort_containers();
        self.sort_things();
    }

    fn sort_containers(&mut self) {
        self.containers.par_sort_by(|one, other| {
            (&one.workload, one.interval, one.cpu.charged, one.ram.charged).cmp(&(
                &other.workload,
                other.interval,
                other.cpu.charged,
                other.ram.charged,
            ))
        });
    }

    /// Whether every container comes after the one before it, and none is there twice.
    pub(crate) fn has_ordered_containers(&self) -> bool {
        self.containers.par_windows(2).all(|pair| pair[0].workload < pair[1].workload)
    }

    /// The same for all but containers.
    pub(crate) fn sort_things(&mut self) {
        self.nodes
            .sort_by(|one, other| (&one.name, one.interval, one).cmp(&(&other.name, other.interval, other)));
        self.volumes.sort_by(|one, other| (&one.name, one.interval).cmp(&(&other.name, other.interval)));
        self.balancers.sort_by(|one, other| {
            (&one.namespace, &one.service, &one.address).cmp(&(
                &other.namespace,
                &other.service,
                &other.address,
            ))
        });
        for volume in &mut self.volumes {
            volume.uses.sort_by(|one, other| one.workload.cmp(&other.workload));
        }
        for balancer in &mut self.balancers {
            balancer.uses.sort_by(|one, other| one.workload.cmp(&other.workload));
        }
        self.gaps.sort();
    }

    /// The stretch of the hour that anything is known of.
    pub fn covered(&self) -> Interval {
        let nodes = self.nodes.iter().map(|node| node.interval);
        let containers = self.containers.iter().map(|container| container.interval);
        let volumes = self.volumes.iter().map(|volume| volume.interval);
        let balancers = self.balancers.iter().map(|balancer| balancer.interval);
        let management = self.management.iter().map(|management| management.interval);
        let empty = Interval::new(self.hour, self.hour);
        nodes.chain(containers).chain(volumes).chain(balancers).chain(management).fold(empty, Interval::hull)
    }
}
