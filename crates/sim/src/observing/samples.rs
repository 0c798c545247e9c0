//! The state of things every few seconds.

use std::collections::BTreeMap;

use serde::Serialize;
use supercargo_catalog::CapacityType;
use supercargo_cloud::InstanceState;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{State, node_of};

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

/// How things are now.
pub fn sample(second: u64, state: &State, region: &Region) -> Sample {
    let mut sample = Sample { second, interruptions: region.census().noticed, ..Sample::default() };
    for pod in state.pods.values() {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        match phase {
            Some("Succeeded" | "Failed") => {}
            Some("Running") if node_of(pod).is_some() => sample.running += 1,
            _ => sample.pending += 1,
        }
    }
    let ready = state.nodes.values().filter(|node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    sample.ready_nodes = ready.count();
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
