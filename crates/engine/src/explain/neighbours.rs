//! Which rule about other pods keeps a pod off a node.

use crate::snapshot::Snapshot;
use crate::solve::{ClassOutlook, Outlook};
use crate::topology::{Count, Group, Rule, Strength};

use super::constraints::selector_text;

/// The required rules of one class, and those of others about it.
pub(super) struct Neighbours<'e> {
    pub(super) snapshot: &'e Snapshot,
    pub(super) outlook: &'e Outlook,
    pub(super) class: u32,
    pub(super) of_class: &'e ClassOutlook,
}

impl Neighbours<'_> {
    /// The first rule that one more pod of the class in a room would break.
    pub(super) fn in_the_way(&self, room: u32) -> Option<String> {
        let topology = &self.outlook.topology;
        let links = &topology.links[self.class as usize];
        let required = links.owned.iter().filter(|(_, strength)| *strength == Strength::Required);
        for (group, _) in required {
            let entry = &topology.groups[*group as usize];
            let selects_self = links.matches(*group);
            let text = if entry.by_host {
                self.on_host(*group, entry, selects_self, room)
            } else {
                self.in_domain(*group, entry, selects_self, room)
            };
            if text.is_some() {
                return text;
            }
        }
        let shunning = links.matched.iter().map(|group| (*group, &topology.groups[*group as usize]));
        let mut shunning = shunning.filter(|(_, entry)| entry.rule == Rule::AntiAffinity);
        shunning
            .find(|(group, entry)| self.count(*group, entry, room).is_some_and(|count| count.owners > 0))
            .map(|(_, entry)| {
                format!("pods there refuse pods with {} in the same {}", text(entry), entry.key)
            })
    }

    /// Pods of a group where a room is; nothing where the room lacks the label.
    fn count(&self, group: u32, entry: &Group, room: u32) -> Option<Count> {
        if entry.by_host {
            return Some(self.outlook.topology.host_counts.get(&(room, group)).copied().unwrap_or_default());
        }
        let domain = self.snapshot.rooms[room as usize].labels.get(&entry.key)?;
        Some(entry.count(domain))
    }

    fn on_host(&self, group: u32, entry: &Group, selects_self: bool, room: u32) -> Option<String> {
        let count = self.count(group, entry, room)?;
        let nobody = self.outlook.topology.host_totals[group as usize] == 0;
        match entry.rule {
            Rule::Spread { max_skew, .. } => {
                (count.matched + i64::from(selects_self) > max_skew).then(|| skewed(entry, max_skew))
            }
            Rule::AntiAffinity => (count.matched > 0).then(|| shunned(entry)),
            Rule::Affinity => (count.matched == 0 && !(selects_self && nobody)).then(|| lonely(entry)),
        }
    }

    fn in_domain(&self, group: u32, entry: &Group, selects_self: bool, room: u32) -> Option<String> {
        let Some(count) = self.count(group, entry, room) else {
            return (entry.rule != Rule::AntiAffinity).then(|| format!("it has no label {}", entry.key));
        };
        match entry.rule {
            Rule::Spread { max_skew, min_domains, .. } => {
                let universe = self.of_class.universes.get(&group)?;
                let few = min_domains.is_some_and(|least| (universe.len() as i64) < least);
                let least = universe.iter().map(|domain| entry.count(domain).matched).min();
                let least = if few { 0 } else { least.unwrap_or(0) };
                (count.matched + i64::from(selects_self) - least > max_skew).then(|| skewed(entry, max_skew))
            }
            Rule::AntiAffinity => (count.matched > 0).then(|| shunned(entry)),
            Rule::Affinity => {
                let starts = selects_self && !entry.is_populated();
                (count.matched == 0 && !starts).then(|| lonely(entry))
            }
        }
    }
}

fn text(entry: &Group) -> String {
    selector_text(entry.selector())
}

fn skewed(entry: &Group, max_skew: i64) -> String {
    format!("pods with {} would not be spread over {} (maxSkew {max_skew})", text(entry), entry.key)
}

fn shunned(entry: &Group) -> String {
    format!("there are pods with {} in the same {}, which it refuses", text(entry), entry.key)
}

fn lonely(entry: &Group) -> String {
    format!("there are no pods with {} in the same {}, which it wants", text(entry), entry.key)
}
