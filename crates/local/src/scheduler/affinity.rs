//! Affinity and anti-affinity between pods, both ways.

use std::collections::{BTreeMap, BTreeSet};

use super::class::PodClass;
use super::filter::Reason;
use super::groups::{Counted, Counts, Pull};
use super::index::{Index, NodeInfo};

/// What other pods say about where one pod may go.
#[derive(Debug, Default)]
pub(super) struct AffinityState {
    /// Domains that pods there keep it out of, by topology key.
    refused: BTreeMap<String, BTreeSet<String>>,
    /// Domains it keeps away from.
    shunned: BTreeMap<String, BTreeSet<String>>,
    /// For each required term the key and the domains with pods that are meant.
    wanted: Vec<(String, BTreeSet<String>)>,
    /// Whether it may be the first of its kind.
    may_be_first: bool,
}

impl AffinityState {
    /// Looks up the domains for a class.
    pub(super) fn new(class: &PodClass, index: &mut Index) -> Self {
        let mut found = Self::default();
        let terms = index.groups.terms_on(class, &index.namespaces);
        for term in terms {
            let (term, counts) = index.groups.carried(term);
            if term.pull == Pull::Refuses && !counts.is_empty() {
                let domains = domains(counts, &term.topology_key, &index.nodes);
                found.refused.entry(term.topology_key.clone()).or_default().extend(domains);
            }
        }
        for (meant, key) in &class.anti_affinity {
            let counts = index.counts(Counted::All, meant).clone();
            let domains = domains(&counts, key, &index.nodes);
            found.shunned.entry(key.clone()).or_default().extend(domains);
        }
        if let Some((meant, keys)) = &class.affinity {
            let counts = index.counts(Counted::All, meant).clone();
            for key in keys {
                found.wanted.push((key.clone(), domains(&counts, key, &index.nodes)));
            }
            found.may_be_first =
                class.own_affinity && found.wanted.iter().all(|(_, domains)| domains.is_empty());
        }
        found
    }

    /// What speaks against a node.
    pub(super) fn reason(&self, node: &NodeInfo) -> Option<Reason> {
        for (key, domains) in &self.wanted {
            match node.labels.get(key) {
                Some(domain) if domains.contains(domain) || self.may_be_first => {}
                _ => return Some(Reason::PodAffinity),
            }
        }
        if is_in(&self.shunned, node) {
            return Some(Reason::AntiAffinity);
        }
        is_in(&self.refused, node).then_some(Reason::ExistingAntiAffinity)
    }
}

fn is_in(domains: &BTreeMap<String, BTreeSet<String>>, node: &NodeInfo) -> bool {
    domains.iter().any(|(key, domains)| node.labels.get(key).is_some_and(|domain| domains.contains(domain)))
}

fn domains(counts: &Counts, key: &str, nodes: &[NodeInfo]) -> BTreeSet<String> {
    counts.keys().filter_map(|slot| nodes[*slot].labels.get(key).cloned()).collect()
}
