//! Topology groups: the rules pods make about each other (reference section 2.7).
//!
//! A group is one constraint, shared by all classes that state it alike. Groups over the hostname are decided node by
//! node ([`HostCounts`]); groups over any other key have domains with counts ([`Group::counts`]), and a pod that such a
//! group concerns is pinned to a domain before nodes are packed.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use rustc_hash::FxHashMap;
use supercargo_api::labels;
use supercargo_api::selector::{Selector, WhenAbsent};
use supercargo_api::taint;

use crate::class::{PodClass, PodTerm, Spread};
use crate::fingerprint::selector_hash;
use crate::snapshot::{Snapshot, UNBOUND};

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
    selector: Selector,
    raw: Option<LabelSelector>,
    /// Counts by domain; empty for groups by host.
    pub counts: BTreeMap<String, Count>,
}

impl Group {
    fn selects(&self, class: &PodClass) -> bool {
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

/// How strongly a class holds to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Never given up.
    Required,
    /// The n-th preferred affinity term, heaviest first.
    PreferredAffinity(u16),
    /// The n-th preferred anti-affinity term, heaviest first.
    PreferredAntiAffinity(u16),
    /// The n-th `ScheduleAnyway` spread.
    SoftSpread(u16),
}

/// A class's relation to the groups.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Groups that the class states.
    pub owned: Vec<(u32, Strength)>,
    /// Groups that select the class's pods, sorted.
    pub matched: Vec<u32>,
}

impl Links {
    /// Whether a group selects the class's pods.
    pub fn matches(&self, group: u32) -> bool {
        self.matched.binary_search(&group).is_ok()
    }
}

/// All groups, and each class's relation to them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The groups.
    pub groups: Vec<Group>,
    /// By class.
    pub links: Vec<Links>,
    /// Counts on existing nodes for groups by host.
    pub host_counts: FxHashMap<(u32, u32), Count>,
    /// Selected pods anywhere, by group, for groups by host.
    pub host_totals: Vec<i64>,
    /// Whether pods on a room count for a group, as far as it was asked.
    counting: FxHashMap<(u32, u32), bool>,
}

impl Topology {
    /// Collects the groups of all pending classes and the required anti-affinity of running ones, and counts.
    /// With `preferences`, preferred terms and soft spreads become groups as well.
    pub fn new(snapshot: &Snapshot, preferences: bool) -> Topology {
        let mut is_pending = vec![false; snapshot.classes.len()];
        let mut in_batch = vec![false; snapshot.pods.len()];
        for pod in &snapshot.pending {
            in_batch[*pod as usize] = true;
            is_pending[snapshot.pods[*pod as usize].class as usize] = true;
        }
        let mut collector = Collector { snapshot, groups: Vec::new(), by_hash: FxHashMap::default() };
        let mut links = vec![Links::default(); snapshot.classes.len()];
        for (index, class) in snapshot.classes.iter().enumerate() {
            links[index].owned = collector.owned(class, is_pending[index], preferences);
        }
        let mut topology = Topology { groups: collector.groups, links, ..Topology::default() };
        topology.link(snapshot, &is_pending);
        topology.host_totals = vec![0; topology.groups.len()];
        topology.count_running(snapshot, &in_batch);
        topology
    }

    /// Finds out which classes each group selects. Groups that demand one label value are found by that value.
    fn link(&mut self, snapshot: &Snapshot, is_pending: &[bool]) {
        if self.groups.is_empty() {
            return;
        }
        let mut by_value: FxHashMap<(&str, &str), Vec<u32>> = FxHashMap::default();
        let mut by_search: Vec<u32> = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let first = group
                .raw
                .as_ref()
                .and_then(|raw| raw.match_labels.as_ref())
                .and_then(|map| map.iter().next());
            match first {
                Some((key, value)) => by_value.entry((key, value)).or_default().push(index as u32),
                None => by_search.push(index as u32),
            }
        }
        let mut found: Vec<Vec<u32>> = Vec::with_capacity(snapshot.classes.len());
        for (index, class) in snapshot.classes.iter().enumerate() {
            let mut matched = Vec::new();
            // A refused class is never placed, but a running one still counts.
            if class.refusal.is_none() || !is_pending[index] {
                let by_label = class
                    .labels
                    .iter()
                    .filter_map(|(key, value)| by_value.get(&(key.as_str(), value.as_str())));
                for group in by_label.flatten().chain(&by_search) {
                    if self.groups[*group as usize].selects(class) {
                        matched.push(*group);
                    }
                }
            }
            matched.sort_unstable();
            matched.dedup();
            found.push(matched);
        }
        for (links, matched) in self.links.iter_mut().zip(found) {
            links.matched = matched;
        }
    }

    /// Counts running pods that are neither leaving nor to be placed anew (T4).
    fn count_running(&mut self, snapshot: &Snapshot, in_batch: &[bool]) {
        if self.groups.is_empty() {
            return;
        }
        for (index, pod) in snapshot.pods.iter().enumerate() {
            if pod.room == UNBOUND || pod.terminating || in_batch[index] {
                continue;
            }
            self.record_on_room(snapshot, pod.class, pod.room, 1);
        }
    }

    /// Whether pods on a room count for a group: a spread looks only at nodes that its own pods could use, as far as
    /// it honours node affinity and taints (T2).
    fn counts_on(&mut self, snapshot: &Snapshot, group: u32, room: u32) -> bool {
        let Rule::Spread { honor_affinity, honor_taints, rules, .. } = self.groups[group as usize].rule
        else {
            return true;
        };
        if !honor_affinity && !honor_taints {
            return true;
        }
        *self.counting.entry((group, room)).or_insert_with(|| {
            let (rules, room) = (&snapshot.rules[rules as usize], &snapshot.rooms[room as usize]);
            let admitted = !honor_affinity || rules.without_volumes.iter().any(|terms| room.satisfies(terms));
            admitted
                && (!honor_taints
                    || taint::first_untolerated(&room.taints, &rules.tolerations, false).is_none())
        })
    }

    /// Counts pods of a class on an existing node in every group that cares.
    pub fn record_on_room(&mut self, snapshot: &Snapshot, class: u32, room: u32, pods: i64) {
        let links = &self.links[class as usize];
        if links.matched.is_empty() && links.owned.is_empty() {
            return;
        }
        let room_labels = &snapshot.rooms[room as usize].labels;
        let owned = links
            .owned
            .iter()
            .filter(|(_, strength)| *strength == Strength::Required)
            .map(|(group, _)| *group);
        let owned: Vec<u32> =
            owned.filter(|group| self.groups[*group as usize].rule == Rule::AntiAffinity).collect();
        let matched = links.matched.clone();
        for (groups, is_matched) in [(&matched, true), (&owned, false)] {
            for group in groups {
                if !self.counts_on(snapshot, *group, room) {
                    continue;
                }
                let entry = &mut self.groups[*group as usize];
                if entry.by_host {
                    let count = self.host_counts.entry((room, *group)).or_default();
                    if is_matched {
                        count.matched += pods;
                        self.host_totals[*group as usize] += pods;
                    } else {
                        count.owners += pods;
                    }
                } else if let Some(domain) = room_labels.get(entry.key.as_str()) {
                    entry.record(domain, pods, is_matched, !is_matched);
                }
            }
        }
    }
}

struct Collector<'s> {
    snapshot: &'s Snapshot,
    groups: Vec<Group>,
    by_hash: FxHashMap<u64, Vec<u32>>,
}

impl Collector<'_> {
    fn owned(&mut self, class: &PodClass, pending: bool, preferences: bool) -> Vec<(u32, Strength)> {
        let mut owned = Vec::new();
        for term in &class.anti_affinity {
            owned.push((self.term(term, Rule::AntiAffinity), Strength::Required));
        }
        if !pending {
            return owned;
        }
        for term in &class.affinity {
            owned.push((self.term(term, Rule::Affinity), Strength::Required));
        }
        for spread in class.spreads.iter().filter(|spread| spread.hard) {
            owned.push((self.spread(spread, class.rules), Strength::Required));
        }
        if !preferences {
            return owned;
        }
        for (order, (_, term)) in class.preferred_affinity.iter().enumerate() {
            owned.push((self.term(term, Rule::Affinity), Strength::PreferredAffinity(order as u16)));
        }
        for (order, (_, term)) in class.preferred_anti_affinity.iter().enumerate() {
            owned.push((self.term(term, Rule::AntiAffinity), Strength::PreferredAntiAffinity(order as u16)));
        }
        for (order, spread) in class.spreads.iter().filter(|spread| !spread.hard).enumerate() {
            owned.push((self.spread(spread, class.rules), Strength::SoftSpread(order as u16)));
        }
        owned
    }

    fn term(&mut self, term: &PodTerm, rule: Rule) -> u32 {
        let namespaces = match &term.namespace_selector {
            None => Some(term.namespaces.clone()),
            Some(selector) => {
                let all = selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
                    && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
                if all { None } else { Some(self.selected_namespaces(term, selector)) }
            }
        };
        self.group(rule, &term.key, namespaces, term.selector.as_ref())
    }

    fn selected_namespaces(&self, term: &PodTerm, selector: &LabelSelector) -> Vec<String> {
        let mut names = term.namespaces.clone();
        if let Ok(selector) = Selector::compile(selector) {
            let selected = self.snapshot.namespaces.iter().filter(|(_, labels)| selector.matches(labels));
            names.extend(selected.map(|(name, _)| name.clone()));
        }
        names.sort();
        names.dedup();
        names
    }

    fn spread(&mut self, spread: &Spread, rules: u32) -> u32 {
        let rule = Rule::Spread {
            max_skew: spread.max_skew,
            min_domains: spread.min_domains,
            honor_affinity: spread.honor_affinity,
            honor_taints: spread.honor_taints,
            rules: if spread.honor_affinity || spread.honor_taints { rules } else { 0 },
        };
        self.group(rule, &spread.key, Some(vec![spread.namespace.clone()]), spread.selector.as_ref())
    }

    fn group(
        &mut self,
        rule: Rule,
        key: &str,
        namespaces: Option<Vec<String>>,
        selector: Option<&LabelSelector>,
    ) -> u32 {
        let hash = selector_hash(selector);
        let candidates = self.by_hash.entry(hash).or_default();
        for candidate in candidates.iter() {
            let group = &self.groups[*candidate as usize];
            if group.rule == rule
                && group.key == key
                && group.namespaces == namespaces
                && group.raw.as_ref() == selector
            {
                return *candidate;
            }
        }
        let index = self.groups.len() as u32;
        candidates.push(index);
        self.groups.push(Group {
            rule,
            by_host: key == labels::HOSTNAME,
            key: key.to_owned(),
            namespaces,
            selector: Selector::compile_optional(selector, WhenAbsent::SelectNothing)
                .unwrap_or_else(|_| Selector::nothing()),
            raw: selector.cloned(),
            counts: BTreeMap::new(),
        });
        index
    }
}

/// Counts on one node that is being filled, for groups by host.
#[derive(Clone, Debug, Default)]
pub struct HostCounts {
    counts: Vec<(u32, Count)>,
}

impl HostCounts {
    /// Starts from an existing node's counts.
    pub fn count(&self, group: u32) -> Count {
        self.counts.iter().find(|(known, _)| *known == group).map(|(_, count)| *count).unwrap_or_default()
    }

    /// Adds to a group's count.
    pub fn record(&mut self, group: u32, matched: i64, owners: i64) {
        match self.counts.iter_mut().find(|(known, _)| *known == group) {
            Some((_, count)) => {
                count.matched += matched;
                count.owners += owners;
            }
            None => self.counts.push((group, Count { matched, owners })),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.clear();
    }
}
