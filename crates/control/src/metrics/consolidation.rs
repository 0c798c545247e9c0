//! Consolidation under the policy `Balanced`: scores and moves.

use super::Metrics;
use super::buckets::SCORE;
use super::family::families;

families! {
    /// Families about scored moves.
    ConsolidationFamilies {
        score: Histograms<3>("karpenter_consolidation_score", ["decision", "nodepool", "policy"],
            "Savings divided by disruption of the moves that were looked at", SCORE),
        moves: Counters<3>("karpenter_consolidation_moves_total", ["decision", "nodepool", "policy"],
            "Number of consolidation moves that were looked at, by decision, nodepool and policy"),
    }
}

impl Metrics {
    /// A move was given this score, and was `approved` or `rejected`.
    pub fn move_scored(&self, decision: &str, node_pool: &str, policy: &str, score: f64) {
        self.consolidation.score.observe([decision, node_pool, policy], score);
        self.consolidation.moves.count([decision, node_pool, policy]);
    }
}
