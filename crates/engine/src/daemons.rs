//! What DaemonSets take from new nodes, by group of types that get the same daemons (reference section 2.9).

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::taint;

use crate::amounts::{Amounts, ResourceNames};
use crate::class::HostPort;
use crate::market::{Market, TypeSet};
use crate::pools::{Daemon, Pool, Variant, type_amounts};

impl Variant {
    /// Subtracts what DaemonSets take from each type. Where types differ in daemons that hold a host port which some
    /// pod wants (`wanted`), each group of types becomes a variant of its own.
    pub fn with_daemons(
        mut self,
        pool: &Pool,
        market: &Market,
        names: &ResourceNames,
        daemons: &[Daemon],
        wanted: &BTreeSet<HostPort>,
    ) -> Vec<Variant> {
        let Some(table) = &pool.table else { return vec![self] };
        let mut overhead = vec![Amounts::ZERO; table.len()];
        let mut with_ports: Vec<(&Daemon, TypeSet)> = Vec::new();
        for daemon in daemons {
            let runs_on = self.types_of(daemon, pool, market);
            for index in runs_on.ones() {
                overhead[index].add(&daemon.requests);
            }
            if !daemon.host_ports.is_empty() && !runs_on.is_clear() {
                with_ports.push((daemon, runs_on));
            }
        }
        let types = overhead.iter().enumerate();
        self.net = types.map(|(index, overhead)| type_amounts(table, index, names).minus(overhead)).collect();
        self.overhead = overhead;
        let is_wanted = |port: &&HostPort| wanted.iter().any(|other| port.conflicts(other));
        let mut groups: BTreeMap<Vec<&HostPort>, TypeSet> = BTreeMap::new();
        for index in self.types.ones() {
            let here = with_ports.iter().filter(|(_, runs_on)| runs_on.contains(index));
            let taken: BTreeSet<&HostPort> =
                here.flat_map(|(daemon, _)| &daemon.host_ports).filter(is_wanted).collect();
            let group = groups
                .entry(taken.into_iter().collect())
                .or_insert_with(|| TypeSet::with_capacity(table.len()));
            group.insert(index);
        }
        if groups.is_empty() {
            return vec![self];
        }
        if groups.len() == 1 {
            let Some((taken, types)) = groups.pop_first() else { return vec![self] };
            let daemon_ports = taken.into_iter().cloned().collect();
            return vec![Variant { types, daemon_ports, ..self }];
        }
        let variants = groups.into_iter().map(|(taken, types)| Variant {
            types,
            daemon_ports: taken.into_iter().cloned().collect(),
            ..self.clone()
        });
        variants.collect()
    }

    /// The types whose nodes get a pod of the DaemonSet.
    fn types_of(&self, daemon: &Daemon, pool: &Pool, market: &Market) -> TypeSet {
        let Some(table) = &pool.table else { return TypeSet::new() };
        let mut runs_on = TypeSet::with_capacity(table.len());
        if taint::first_untolerated(&pool.taints, &daemon.rules.tolerations, false).is_some() {
            return runs_on;
        }
        for alternative in &daemon.rules.alternatives {
            let Ok(admitted) = self.admits(table, market, alternative) else { continue };
            let reachable = admitted.types.ones();
            runs_on.extend(
                reachable.filter(|index| table.offer_masks[*index] & admitted.offers & self.offers != 0),
            );
        }
        runs_on
    }
}
