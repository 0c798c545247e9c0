//! Voluntary disruption: what was decided, and how often it came to nothing.

use std::time::Duration;

use super::Metrics;
use super::buckets::DURATION;
use super::family::families;

families! {
    /// Families about voluntary disruption.
    DisruptionFamilies {
        evaluation: Histograms<2>("karpenter_voluntary_disruption_decision_evaluation_duration_seconds",
            ["reason", "consolidation_type"], "Duration of the disruption decision evaluation process, in seconds", DURATION),
        decisions: Counters<3>("karpenter_voluntary_disruption_decisions_total",
            ["decision", "reason", "consolidation_type"],
            "Number of disruption decisions performed, by decision, reason and consolidation type"),
        by_node_pool: Counters<4>("karpenter_voluntary_disruption_decisions_by_nodepool_total",
            ["nodepool", "decision", "reason", "consolidation_type"],
            "Number of disruption decisions performed, by nodepool, decision, reason and consolidation type"),
        eligible: Gauges<1>("karpenter_voluntary_disruption_eligible_nodes", ["reason"],
            "Number of nodes eligible for disruption, by reason"),
        timeouts: Counters<1>("karpenter_voluntary_disruption_consolidation_timeouts_total", ["consolidation_type"],
            "Number of times the consolidation algorithm has reached a timeout, by consolidation type"),
        invalid: Counters<1>("karpenter_voluntary_disruption_failed_validations_total", ["consolidation_type"],
            "Number of candidates that were selected for disruption but failed validation, by consolidation type"),
        failures: Counters<3>("karpenter_voluntary_disruption_queue_failures_total",
            ["decision", "reason", "consolidation_type"],
            "The number of times that an enqueued disruption decision failed, by decision, reason and consolidation type"),
    }
}

/// What was decided about candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// They go.
    Delete,
    /// They go when others have come.
    Replace,
    /// They stay.
    NoOp,
}

impl Decision {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Replace => "replace",
            Self::NoOp => "no-op",
        }
    }
}

/// How candidates were looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsolidationType {
    /// Empty nodes.
    Empty,
    /// Several nodes at once.
    Multi,
    /// One node at a time.
    Single,
    /// Not by consolidation at all.
    None,
}

impl ConsolidationType {
    /// Its word; the empty one outside of consolidation.
    pub fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Multi => "multi",
            Self::Single => "single",
            Self::None => "",
        }
    }
}

impl Metrics {
    /// Looking for candidates took this long; the reason is `drifted`, `empty`, `underutilized`.
    pub fn disruption_evaluated(&self, reason: &str, kind: ConsolidationType, duration: Duration) {
        self.disruption.evaluation.took([reason, kind.word()], duration);
    }

    /// It was decided about candidates of these NodePools.
    pub fn disruption_decided<'a>(
        &self,
        decision: Decision,
        reason: &str,
        kind: ConsolidationType,
        node_pools: impl IntoIterator<Item = &'a str>,
    ) {
        self.disruption.decisions.count([decision.word(), reason, kind.word()]);
        for node_pool in node_pools {
            self.disruption.by_node_pool.count([node_pool, decision.word(), reason, kind.word()]);
        }
    }

    /// So many nodes may be disrupted for this reason.
    pub fn eligible_nodes(&self, reason: &str, nodes: usize) {
        self.disruption.eligible.set([reason], nodes as f64);
    }

    /// Searches are bounded by their work and have no time-out, which is shown as none that was reached.
    pub fn consolidation_has_no_timeout(&self) {
        for kind in [ConsolidationType::Multi, ConsolidationType::Single] {
            self.disruption.timeouts.add([kind.word()], 0.0);
        }
    }

    /// What had been decided did not hold any more when it was looked at again.
    pub fn disruption_validation_failed(&self, kind: ConsolidationType) {
        self.disruption.invalid.count([kind.word()]);
    }

    /// What had been decided could not be carried out. Karpenter has the decision in the place of the reason.
    pub fn disruption_failed(&self, decision: Decision, reason: &str, kind: ConsolidationType) {
        self.disruption.failures.count([decision.word(), reason, kind.word()]);
    }
}
