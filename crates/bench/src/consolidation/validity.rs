//! Plans for clusters full of obstacles, every move replayed.

use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{ConsolidateOptions, Consolidation, Floor};
use supercargo_generate::ClusterOptions;

use super::case::{Case, CaseError};
use super::figures::{Figure, FigureRow};
use crate::goals::Goal;
use crate::replay::{Rules, replay};

/// Sizes of the clusters, and how many NodePools they have.
const SIZES: [(u32, u32); 3] = [(20, 5), (80, 12), (200, 5)];
const CHURNS: [f64; 3] = [0.3, 0.5, 0.7];

/// What a plan breaks when it is replayed.
pub(super) fn replayed(case: &Case, plan: &Consolidation, options: &ConsolidateOptions) -> Vec<String> {
    let (least, balanced) = match options.floor {
        Floor::Balanced { k } => (Usd::ZERO, Some(k)),
        Floor::PerMonth(amount) => (Usd::from_f64(amount.as_f64() / 730.0), None),
    };
    let rules = Rules { now: case.made.at, node_pools_decide: true, least, balanced };
    let violations = replay(&case.objects, &case.types, plan, rules);
    violations
        .iter()
        .map(|violation| format!("seed {}, churn {}: {violation}", case.made.seed, case.made.churn))
        .collect()
}

/// Replays plans for clusters with PodDisruptionBudgets, budgets of NodePools, pods and nodes that must not be disrupted.
///
/// # Errors
/// When a cluster cannot be made up.
pub fn validity(seeds: u64) -> Result<FigureRow, CaseError> {
    let (mut plans, mut moves, mut pods) = (0, 0, 0);
    let mut violations = Vec::new();
    for (nodes, pools) in SIZES {
        for churn in CHURNS {
            for seed in 0..seeds {
                let made = ClusterOptions { nodes, pools, churn, seed, ..ClusterOptions::default() };
                let case = Case::make(made)?;
                for floor in [Floor::PerMonth(Usd::ZERO), Floor::default()] {
                    let options = ConsolidateOptions { floor, ..ConsolidateOptions::default() };
                    let (_, document) = case.plan(&options);
                    plans += 1;
                    moves += document.moves.len();
                    pods += document.summary.pods_moved;
                    violations.extend(replayed(&case, &document, &options));
                }
            }
        }
    }
    Ok(FigureRow {
        work: "validity",
        variant: format!("clusters with obstacles, {seeds} seeds of each kind"),
        figures: vec![
            Figure::new("plans", f64::from(plans), ""),
            Figure::new("moves replayed", moves as f64, ""),
            Figure::new("pods moved", pods as f64, ""),
        ],
        goals: vec![Goal::at_most("violations", "", 0.0, violations.len() as f64)],
        violations,
    })
}
