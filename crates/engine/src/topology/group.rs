//! One constraint, and how it stands in each domain.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use supercargo_api::selector::Selector;

use crate::class::PodClass;

/// What a group demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most this much more than in the emptiest domain.
    Spread {
        /// Largest allowed difference.
        max_skew: i64,
        /// Fewer domains than this count as a minimum of zero.
        min_domains: Option<i64>,
        /// Domains are those the pod's node affinity admits.
        honor_affinity: bool,
        /// Domains are those whose taints the pod tolerates.
        honor_taints: bool,
        /// The node filter: two pods with different rules about nodes count separately (T1).
        rules: u32,
    },
    /// Only where a selected pod is.
    Affinity,
    /// Only where no selected pod is.
    AntiAffinity,
}

/// Pods in one domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Pods that the selector selects.
    pub matched: i64,
    /// Pods that state the rule, for the inverse of required anti-affinity.
    pub owners: i64,
}

/// One constraint, shared by the classes that state it.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it demands.
    pub rule: Rule,
    /// Topology key, aliases resolved.
    pub key: String,
    /// Whether the key is the hostname.
    pub by_host: bool,
    /// Namespaces it looks into; `None` for all.
    pub namespaces: Option<Vec<String>>,
    pub(super) selector: Selector,
    pub(super) raw: Option<LabelSelector>,
    /// Counts by domain; empty for groups by host.
    pub counts: BTreeMap<String, Count>,
}

impl Group {
    /// The selector as it is written; nothing where there is none, which selects no pod.
    pub fn selector(&self) -> Option<&LabelSelector> {
        self.raw.as_ref()
    }

    pub(super) fn selects(&self, class: &PodClass) -> bool {
        let in_namespace = self
            .namespaces
            .as_ref()
            .is_none_or(|namespaces| namespaces.binary_search(&class.namespace).is_ok());
        in_namespace && self.selector.matches(&class.labels)
    }

    /// The count of a domain.
    pub fn count(&self, domain: &str) -> Count {
        self.counts.get(domain).copied().unwrap_or_default()
    }

    /// Adds `pods` of a class to a domain.
    pub fn record(&mut self, domain: &str, pods: i64, matched: bool, owner: bool) {
        if !self.counts.contains_key(domain) {
            self.counts.insert(domain.to_owned(), Count::default());
        }
        if let Some(count) = self.counts.get_mut(domain) {
            count.matched += if matched { pods } else { 0 };
            count.owners += if owner { pods } else { 0 };
        }
    }

    /// Whether any domain has a selected pod.
    pub fn is_populated(&self) -> bool {
        self.counts.values().any(|count| count.matched > 0)
    }
}
