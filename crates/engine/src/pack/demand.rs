//! What is to be packed, and what each pod demands of the others on its node.

use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::fits::FitId;
use crate::topology::HostCounts;
use crate::topology::Rule;

/// Pods to be placed on new nodes: one class at one level of relaxation, pinned to one set of fits.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Index of the class.
    pub class: u32,
    /// Where its pods may go.
    pub fits: FitId,
    /// What one pod takes.
    pub amounts: Amounts,
    /// Pods left.
    pub left: u32,
    /// Rules by host.
    pub host: HostRules,
    /// Whatever the caller wants to find again.
    pub tag: u32,
}

/// What a class demands of the other pods on its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    /// Groups by host that the class states, whether they select the class itself, and whether the statement binds
    /// others as well (required anti-affinity).
    pub owned: Vec<HostRule>,
    /// Groups by host that select the class.
    pub matched: Vec<u32>,
    /// Those among `matched` that are anti-affinity.
    pub shunned_by: Vec<u32>,
    /// Host ports.
    pub ports: Vec<HostPort>,
    /// Must be where some other pod is.
    pub follows: bool,
}

/// One rule by host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// Index of the group.
    pub group: u32,
    /// What it demands.
    pub rule: Rule,
    /// Whether the group selects the class itself.
    pub selects_self: bool,
    /// Required anti-affinity keeps others away, too.
    pub binds_others: bool,
}

impl HostRules {
    /// Whether neither rules nor ports play a part.
    pub fn is_free(&self) -> bool {
        self.owned.is_empty() && self.matched.is_empty() && self.ports.is_empty()
    }

    /// How many pods the rules allow on a node with these counts.
    pub fn copies(
        &self,
        counts: &dyn Fn(u32) -> crate::topology::Count,
        ports: &[HostPort],
        totals: &[i64],
    ) -> u32 {
        let mut most = u32::MAX;
        for rule in &self.owned {
            let count = counts(rule.group);
            let allowed = match rule.rule {
                Rule::Spread { max_skew, .. } => {
                    if rule.selects_self {
                        (max_skew - count.matched).max(0)
                    } else if count.matched <= max_skew {
                        i64::MAX
                    } else {
                        0
                    }
                }
                Rule::AntiAffinity if count.matched > 0 => 0,
                Rule::AntiAffinity if rule.selects_self => 1,
                Rule::AntiAffinity => i64::MAX,
                Rule::Affinity if count.matched > 0 => i64::MAX,
                Rule::Affinity if rule.selects_self && totals[rule.group as usize] == 0 => i64::MAX,
                Rule::Affinity => 0,
            };
            most = most.min(u32::try_from(allowed).unwrap_or(u32::MAX));
        }
        if self.shunned_by.iter().any(|group| counts(*group).owners > 0) {
            return 0;
        }
        if !self.ports.is_empty() {
            let taken = self.ports.iter().any(|port| ports.iter().any(|other| port.conflicts(other)));
            most = most.min(if taken { 0 } else { 1 });
        }
        most
    }

    /// At most this many pods of the class on an empty node, as far as the class alone decides.
    pub(super) fn most_per_node(&self) -> u32 {
        let spread = self.owned.iter().filter(|rule| rule.selects_self).map(|rule| match rule.rule {
            Rule::Spread { max_skew, .. } => u32::try_from(max_skew).unwrap_or(u32::MAX),
            Rule::AntiAffinity => 1,
            Rule::Affinity => u32::MAX,
        });
        let ports = if self.ports.is_empty() { u32::MAX } else { 1 };
        spread.min().unwrap_or(u32::MAX).min(ports)
    }

    /// Records pods of the class on a node.
    pub fn record(&self, host: &mut HostCounts, ports: &mut Vec<HostPort>, pods: u32) {
        for group in &self.matched {
            host.record(*group, i64::from(pods), 0);
        }
        for rule in self.owned.iter().filter(|rule| rule.binds_others) {
            host.record(rule.group, 0, i64::from(pods));
        }
        ports.extend(self.ports.iter().cloned());
    }
}
