//! Topology spread constraints that must hold.

use std::collections::BTreeMap;

use supercargo_api::taint::first_untolerated;

use super::class::{PodClass, Spread};
use super::filter::{Reason, matches_nodes};
use super::groups::Counted;
use super::index::{Index, NodeInfo};

/// The constraints of one pod, with counts by domain.
#[derive(Debug, Default)]
pub(super) struct SpreadState {
    constraints: Vec<Constraint>,
}

#[derive(Debug)]
struct Constraint {
    spread: Spread,
    /// Pods by domain, for domains that count.
    domains: BTreeMap<String, i64>,
    /// The least of them; zero if there are fewer domains than asked for.
    least: i64,
}

impl SpreadState {
    /// Counts the domains of a class's hard constraints.
    pub(super) fn new(class: &PodClass, index: &mut Index) -> Self {
        if class.hard_spread.is_empty() {
            return Self::default();
        }
        let order = index.order();
        let keys: Vec<&str> = class.hard_spread.iter().map(|spread| spread.topology_key.as_str()).collect();
        let constraints = class
            .hard_spread
            .iter()
            .map(|spread| {
                let counts = index.counts(Counted::Staying, &spread.meant).clone();
                let mut domains: BTreeMap<String, i64> = BTreeMap::new();
                for slot in order.iter() {
                    let node = &index.nodes[*slot];
                    if !keys.iter().all(|key| node.labels.contains_key(*key))
                        || !counts_in(class, spread, node)
                    {
                        continue;
                    }
                    let domain = &node.labels[&spread.topology_key];
                    let pods = counts.get(slot).copied().unwrap_or(0);
                    match domains.get_mut(domain) {
                        Some(count) => *count += pods,
                        None => {
                            domains.insert(domain.clone(), pods);
                        }
                    }
                }
                let enough = i64::try_from(domains.len()).is_ok_and(|found| found >= spread.min_domains);
                let least = if enough { domains.values().copied().min().unwrap_or(0) } else { 0 };
                Constraint { spread: spread.clone(), domains, least }
            })
            .collect();
        Self { constraints }
    }

    /// What speaks against a node.
    pub(super) fn reason(&self, node: &NodeInfo) -> Option<Reason> {
        for constraint in &self.constraints {
            let Some(domain) = node.labels.get(&constraint.spread.topology_key) else {
                return Some(Reason::SpreadLabel);
            };
            let pods = constraint.domains.get(domain).copied().unwrap_or(0);
            let itself = i64::from(constraint.spread.means_itself);
            if pods + itself - constraint.least > constraint.spread.max_skew {
                return Some(Reason::Spread);
            }
        }
        None
    }
}

/// Whether a node counts as part of its domain.
pub(super) fn counts_in(class: &PodClass, spread: &Spread, node: &NodeInfo) -> bool {
    (!spread.honors_affinity || matches_nodes(class, node))
        && (!spread.honors_taints || first_untolerated(&node.taints, &class.tolerations, false).is_none())
}
