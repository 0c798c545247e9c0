//! The state of things every few seconds.

use std::collections::BTreeMap;

use serde::Serialize;
use supercargo_catalog::CapacityType;
use supercargo_cloud::InstanceState;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{Change, Object, node_of};

/// The state of things at a moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Seconds after the start.
    pub second: u64,
    /// Pods that have no node, or do not run yet.
    pub pending: usize,
    /// Pods that run.
    pub running: usize,
    /// Nodes that are ready.
    pub ready_nodes: usize,
    /// Machines that are paid for.
    pub machines: usize,
    /// Those of them that are spot.
    pub spot_machines: usize,
    /// Dollars per hour.
    pub price_per_hour: f64,
    /// Spot machines that EC2 has given notice to so far.
    pub interruptions: u64,
}

/// How many pods and nodes there are, kept as they come and go.
#[derive(Debug, Clone, Default)]
pub struct Census {
    pending: usize,
    running: usize,
    ready_nodes: usize,
}

impl Census {
    /// Takes in a change.
    pub fn change(&mut self, change: &Change) {
        if let Some(count) = change.old.as_ref().and_then(|old| self.count(old)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = change.new.as_ref().and_then(|new| self.count(new)) {
            *count += 1;
        }
    }

    /// Where an object is counted.
    fn count(&mut self, object: &Object) -> Option<&mut usize> {
        match object {
            Object::Pod(pod) => match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
                Some("Succeeded" | "Failed") => None,
                Some("Running") if node_of(pod).is_some() => Some(&mut self.running),
                _ => Some(&mut self.pending),
            },
            Object::Node(node) => {
                let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
                let is_ready = conditions
                    .into_iter()
                    .flatten()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True");
                is_ready.then_some(&mut self.ready_nodes)
            }
            _ => None,
        }
    }
}

/// How things are now.
pub fn sample(second: u64, census: &Census, region: &Region) -> Sample {
    let mut sample = Sample {
        second,
        pending: census.pending,
        running: census.running,
        ready_nodes: census.ready_nodes,
        interruptions: region.census().noticed,
        ..Sample::default()
    };
    let mut pools = BTreeMap::new();
    for machine in region.machines() {
        if !matches!(machine.state, InstanceState::Pending | InstanceState::Running) {
            continue;
        }
        sample.machines += 1;
        sample.spot_machines += usize::from(machine.capacity_type == CapacityType::Spot);
        *pools.entry((machine.instance_type, machine.zone, machine.capacity_type)).or_insert(0_u32) += 1;
    }
    for ((instance_type, zone, capacity_type), count) in pools {
        let pool = region.pool(&instance_type, &zone, capacity_type);
        sample.price_per_hour += pool.map_or(0.0, |pool| pool.price.as_f64()) * f64::from(count);
    }
    sample
}
