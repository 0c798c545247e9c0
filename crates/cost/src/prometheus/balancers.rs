//! Load balancers of an hour, as facts.

use std::sync::Arc;

use crate::facts::{BalancerFact, BalancerUse, ContainerFact};
use crate::prometheus::hour::Frame;
use crate::prometheus::table::HourTable;
use crate::prometheus::volumes::any_nodes;

/// All load balancers of the hour, with the containers whose pods their Services select.
pub(super) fn balancer_facts(
    table: &HourTable,
    containers: &[ContainerFact],
    frame: &Frame<'_>,
) -> Vec<BalancerFact> {
    let mut facts = Vec::new();
    for ((namespace, service), series) in &table.services {
        let Some(life) = frame.life(series.present, series.created, any_nodes) else { continue };
        let Some(address) = series.address.at(life.to) else { continue };
        let interval = life.stretch;
        let behind = containers.iter().filter(|fact| {
            fact.workload.namespace == *namespace && fact.workload.services.binary_search(service).is_ok()
        });
        let mut uses: Vec<BalancerUse> = behind
            .map(|fact| BalancerUse {
                workload: Arc::clone(&fact.workload),
                seconds: fact.interval.overlap(interval).seconds(),
            })
            .filter(|each| each.seconds > 0)
            .collect();
        uses.sort_by(|one, other| one.workload.cmp(&other.workload));
        facts.push(BalancerFact {
            namespace: Arc::clone(namespace),
            service: Arc::clone(service),
            interval,
            private: address.starts_with("internal-"),
            address: Arc::clone(address),
            uses,
        });
    }
    facts
}
