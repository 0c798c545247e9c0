//! What a consolidation may do.

use supercargo_catalog::Usd;

use crate::plan::HOURS_PER_MONTH;
use crate::solve::SolveOptions;

/// What a move has to save.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Floor {
    /// A share of the NodePool's cost of at least the share of its disruption, divided by `k` (reference section 4.13).
    Balanced {
        /// Two in Karpenter.
        k: f64,
    },
    /// More than this, for a month of 730 hours.
    PerMonth(Usd),
}

impl Default for Floor {
    fn default() -> Floor {
        Floor::Balanced { k: 2.0 }
    }
}

impl std::fmt::Display for Floor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Floor::Balanced { k } => {
                write!(out, "Balanced: a share of cost of at least 1/{k} of the share of disruption")
            }
            Floor::PerMonth(least) if least.is_zero() => out.write_str("any saving"),
            Floor::PerMonth(least) => write!(out, "more than {least} a month"),
        }
    }
}

/// What a consolidation may do.
#[derive(Clone, Copy, Debug)]
pub struct ConsolidateOptions {
    /// What a move has to save.
    pub floor: Floor,
    /// At most this many moves.
    pub max_moves: Option<usize>,
    /// At most this many new nodes for one node that goes; several that go together may become as many as they are.
    pub max_new_nodes: u32,
    /// Most nodes that go in one move.
    pub max_nodes: u32,
    /// Whether spot may replace spot (reference section 4.12).
    pub spot_to_spot: bool,
    /// Only moves and why nodes stay: no ideal fresh pack, no lower bound, nothing about drifted and expired nodes.
    pub moves_only: bool,
    /// Settings of the plans beside it: where pending pods go, and what an ideal fresh pack costs.
    pub solve: SolveOptions,
}

impl Default for ConsolidateOptions {
    fn default() -> ConsolidateOptions {
        ConsolidateOptions {
            floor: Floor::default(),
            max_moves: None,
            max_new_nodes: 4,
            max_nodes: 16,
            spot_to_spot: false,
            moves_only: false,
            solve: SolveOptions::default(),
        }
    }
}

impl ConsolidateOptions {
    /// The floor in dollars per hour, where it is one amount for all.
    pub(super) fn least_per_hour(least_per_month: Usd) -> Usd {
        Usd::from_f64(least_per_month.as_f64() / HOURS_PER_MONTH)
    }
}
