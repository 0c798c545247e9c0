//! What the machines of an answer are: their provider ids, and their GPUs by the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use supercargo_catalog::Catalog;

use crate::allocation::AllocationSet;
use crate::interval::Interval;
use crate::ledger::Ledger;

/// A cluster and a node.
type Name = (Arc<str>, Arc<str>);

/// Machines by cluster and node, each as it was last.
#[derive(Default)]
pub struct Machines {
    known: BTreeMap<Name, Machine>,
}

struct Machine {
    provider_id: Arc<str>,
    gpu: &'static str,
}

/// How many hours are looked at, from the last one back.
const HOURS: usize = 24;

impl Machines {
    /// Those that an answer has to say something about; nobody looks if there are none.
    pub fn of(ledger: &Ledger, window: Interval, sets: &[AllocationSet]) -> Machines {
        let aggregates = sets.iter().flat_map(|set| set.aggregates.values());
        let with_gpus = aggregates
            .filter(|aggregate| aggregate.measures.gpu.charged > 0)
            .map(|aggregate| aggregate.properties.get())
            .map(|row| (Arc::clone(&row.cluster), Arc::clone(&row.node)));
        let with_shares = sets.iter().flat_map(|set| set.assets.keys().cloned());
        let mut wanted: BTreeSet<Name> =
            with_gpus.chain(with_shares).filter(|(_, node)| !node.is_empty()).collect();
        let mut machines = Machines::default();
        if wanted.is_empty() {
            return machines;
        }
        let hours: Vec<i64> = ledger.hours(window).collect();
        for hour in hours.into_iter().rev().take(HOURS) {
            for facts in ledger.facts(Interval::hour(hour)) {
                // of a node that changed within the hour, the last
                for node in facts.nodes.iter().rev() {
                    let name = (Arc::clone(&facts.cluster), Arc::clone(&node.name));
                    if wanted.remove(&name) {
                        let (provider_id, gpu) = (Arc::clone(&node.provider_id), gpu_of(&node.instance_type));
                        machines.known.insert(name, Machine { provider_id, gpu });
                    }
                }
            }
            if wanted.is_empty() {
                break;
            }
        }
        machines
    }

    /// The model of a node's GPUs; empty if it is not known.
    pub fn gpu(&self, cluster: &Arc<str>, node: &Arc<str>) -> &'static str {
        self.machine(cluster, node).map_or("", |machine| machine.gpu)
    }

    /// A node's provider id; empty if it is not known.
    pub fn provider_id(&self, cluster: &Arc<str>, node: &Arc<str>) -> &str {
        self.machine(cluster, node).map_or("", |machine| &machine.provider_id)
    }

    fn machine(&self, cluster: &Arc<str>, node: &Arc<str>) -> Option<&Machine> {
        self.known.get(&(Arc::clone(cluster), Arc::clone(node)))
    }
}

fn gpu_of(instance_type: &str) -> &'static str {
    let gpus =
        Catalog::embedded().facts(instance_type).map(|facts| facts.gpus.as_slice()).unwrap_or_default();
    gpus.first().map_or("", |gpu| gpu.name.as_str())
}
