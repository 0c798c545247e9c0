//! Rules between pods, as the scheduler filters nodes: spreads that must hold, affinity, anti-affinity of both sides.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PodAffinityTerm, TopologySpreadConstraint};
use supercargo_api::Pod;
use supercargo_api::selector::{Selector, WhenAbsent};

use super::admission::{admits, tolerated};
use super::world::{Labels, World};

/// Required anti-affinity terms of a pod.
pub(super) fn anti_affinity(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec().and_then(|spec| spec.affinity.as_ref()?.pod_anti_affinity.as_ref());
    affinity
        .and_then(|rules| rules.required_during_scheduling_ignored_during_execution.as_deref())
        .unwrap_or_default()
}

/// Required affinity terms of a pod.
fn affinity(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec().and_then(|spec| spec.affinity.as_ref()?.pod_affinity.as_ref());
    affinity
        .and_then(|rules| rules.required_during_scheduling_ignored_during_execution.as_deref())
        .unwrap_or_default()
}

fn labels_of(pod: &Pod) -> Labels {
    pod.metadata.labels.clone().unwrap_or_default()
}

fn namespace_of(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

impl World<'_> {
    /// Why the rules between pods keep the pod from the node, if they do.
    pub(super) fn neighbours_refuse(&self, pod_name: &str, node: &str) -> Option<String> {
        let pod = self.pods[pod_name].pod;
        self.spreads_refuse(pod, node)
            .or_else(|| self.affinity_refuses(pod, node))
            .or_else(|| self.anti_affinity_refuses(pod_name, pod, node))
    }

    fn spreads_refuse(&self, pod: &Pod, node: &str) -> Option<String> {
        let spec = pod.spec()?;
        let hard = spec.topology_spread_constraints.iter().flatten();
        let hard: Vec<_> = hard.filter(|one| one.when_unsatisfiable == "DoNotSchedule").collect();
        let keys: Vec<&str> = hard.iter().map(|one| one.topology_key.as_str()).collect();
        hard.iter().find_map(|one| self.spread_refuses(pod, node, one, &keys))
    }

    fn spread_refuses(
        &self,
        pod: &Pod,
        node: &str,
        spread: &TopologySpreadConstraint,
        keys: &[&str],
    ) -> Option<String> {
        let key = spread.topology_key.as_str();
        let Some(own) = self.sites[node].labels.get(key) else {
            return Some(format!("it has no label {key}, over which the pod is spread"));
        };
        let mut selector =
            Selector::compile_optional(spread.label_selector.as_ref(), WhenAbsent::SelectNothing).ok()?;
        let pod_labels = labels_of(pod);
        for key in spread.match_label_keys.iter().flatten() {
            if let Some(value) = pod_labels.get(key) {
                selector = selector.with_label(key, value);
            }
        }
        let heeds_affinity = spread.node_affinity_policy.as_deref() != Some("Ignore");
        let heeds_taints = spread.node_taints_policy.as_deref() == Some("Honor");
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        let mut counting: BTreeSet<&str> = BTreeSet::new();
        for (name, site) in &self.sites {
            let eligible = keys.iter().all(|key| site.labels.contains_key(*key))
                && (!heeds_affinity || admits(pod, &site.labels, name))
                && (!heeds_taints || tolerated(pod, &site.taints));
            if let Some(domain) = site.labels.get(key).filter(|_| eligible) {
                counts.entry(domain).or_default();
                counting.insert(name);
            }
        }
        for name in self.by_namespace.get(namespace_of(pod)).into_iter().flatten() {
            let other = &self.pods[name];
            let Some(place) = other.node.as_deref().filter(|place| counting.contains(place)) else {
                continue;
            };
            if other.pod.metadata.deletion_timestamp.is_none()
                && selector.matches_optional(other.pod.metadata.labels.as_ref())
                && let Some(count) = counts.get_mut(self.sites[place].labels[key].as_str())
            {
                *count += 1;
            }
        }
        let mut least = counts.values().copied().min().unwrap_or(0);
        if spread.min_domains.is_some_and(|wanted| (counts.len() as i64) < i64::from(wanted)) {
            least = 0;
        }
        let itself = i64::from(selector.matches(&pod_labels));
        let here = counts.get(own.as_str()).copied().unwrap_or(0);
        let skew = here + itself - least;
        (skew > i64::from(spread.max_skew))
            .then(|| format!("skew over {key} would be {skew}, at most {} is allowed", spread.max_skew))
    }

    fn affinity_refuses(&self, pod: &Pod, node: &str) -> Option<String> {
        let terms = affinity(pod);
        if terms.is_empty() {
            return None;
        }
        let mut nobody = true;
        let mut met = true;
        for term in terms {
            let key = term.topology_key.as_str();
            let Some(own) = self.sites[node].labels.get(key) else {
                return Some(format!("it has no label {key}, which pod affinity is over"));
            };
            let mut here = false;
            for other in self.pods.values() {
                let Some(place) = other.node.as_deref() else { continue };
                if self.selects(term, pod, other.pod) {
                    nobody = false;
                    here |= self.sites.get(place).and_then(|site| site.labels.get(key)) == Some(own);
                }
            }
            met &= here;
        }
        // The first of a group that wants to be together may go anywhere.
        let first = nobody && terms.iter().all(|term| self.selects(term, pod, pod));
        (!met && !first).then(|| "no pod that it must be with is there".to_owned())
    }

    fn anti_affinity_refuses(&self, pod_name: &str, pod: &Pod, node: &str) -> Option<String> {
        let labels = &self.sites[node].labels;
        for term in anti_affinity(pod) {
            let Some(own) = labels.get(term.topology_key.as_str()) else { continue };
            for (name, other) in &self.pods {
                let there = other.node.as_deref().and_then(|place| self.sites.get(place));
                let same = there.and_then(|site| site.labels.get(term.topology_key.as_str())) == Some(own);
                if same && name != pod_name && self.selects(term, pod, other.pod) {
                    return Some(format!("it must not be with {name}"));
                }
            }
        }
        for name in self.shy.iter().filter(|name| *name != pod_name) {
            let other = &self.pods[name];
            let Some(site) = other.node.as_deref().and_then(|place| self.sites.get(place)) else { continue };
            for term in anti_affinity(other.pod) {
                let key = term.topology_key.as_str();
                let same = site.labels.contains_key(key) && site.labels.get(key) == labels.get(key);
                if same && self.selects(term, other.pod, pod) {
                    return Some(format!("{name} must not be with it"));
                }
            }
        }
        None
    }

    /// Whether a term of one pod selects another.
    fn selects(&self, term: &PodAffinityTerm, of: &Pod, other: &Pod) -> bool {
        let namespace = namespace_of(other);
        let listed = term.namespaces.as_deref().unwrap_or_default();
        let by_label = term.namespace_selector.as_ref().is_some_and(|selector| {
            let found =
                self.objects.namespaces.iter().find(|one| one.metadata.name.as_deref() == Some(namespace));
            let labels = found.and_then(|one| one.metadata.labels.as_ref());
            Selector::compile(selector).is_ok_and(|selector| selector.matches_optional(labels))
        });
        let own = listed.is_empty() && term.namespace_selector.is_none() && namespace == namespace_of(of);
        if !(own || by_label || listed.iter().any(|one| one == namespace)) {
            return false;
        }
        let selector = Selector::compile_optional(term.label_selector.as_ref(), WhenAbsent::SelectNothing);
        selector.is_ok_and(|selector| selector.matches_optional(other.metadata.labels.as_ref()))
    }
}
