//! All groups, each class's relation to them, and the counts of what runs.

use rustc_hash::FxHashMap;
use supercargo_api::taint;

use crate::snapshot::{Snapshot, UNBOUND};

use super::collect::Collector;
use super::group::{Count, Group, Rule};

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
    pub(crate) fn counts_on(&mut self, snapshot: &Snapshot, group: u32, room: u32) -> bool {
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
