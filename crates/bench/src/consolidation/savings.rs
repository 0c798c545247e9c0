//! How much of what could be saved is saved: fragmented clusters, many seeds, beside prefix search.

use supercargo_engine::consolidate::{ConsolidateOptions, Outcome};

use super::case::{Case, CaseError, anything_goes};
use super::figures::{Figure, FigureRow};
use super::prefix_search::prefix_search;
use super::validity::replayed;
use crate::goals::Goal;

/// Nodes of a cluster.
const NODES: u32 = 200;
const POOLS: u32 = 5;

/// What came of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Savings {
    /// Saved, as a share of the price now less that of an ideal fresh pack, in percent.
    pub captured: f64,
    /// The same with the default floor.
    pub with_floor: f64,
    /// The same of a prefix search.
    pub prefix: f64,
    /// Moves of the plan and of the search.
    pub moves: (usize, usize),
    /// Pods moved by the plan and by the search.
    pub pods_moved: (usize, usize),
    /// What the plan breaks when replayed.
    pub violations: Vec<String>,
}

/// Measures one cluster.
///
/// # Errors
/// When it cannot be made up.
pub fn savings(churn: f64, seed: u64) -> Result<Savings, CaseError> {
    let case = Case::make(Case::free(NODES, POOLS, 30, churn, seed))?;
    let options = anything_goes();
    let (outcome, document) = case.plan(&options);
    let floored = ConsolidateOptions { spot_to_spot: true, ..ConsolidateOptions::default() };
    let (with_floor, _) = case.plan(&floored);
    let (snapshot, disruption) = case.read(true);
    let prefix = prefix_search(&snapshot, &disruption);
    let possible = outcome.price_now.as_f64() - outcome.ideal.as_f64();
    let share = |saved: f64| if possible > 0.0 { saved / possible * 100.0 } else { 100.0 };
    let of = |outcome: &Outcome| share(outcome.saved().as_f64());
    Ok(Savings {
        captured: of(&outcome),
        with_floor: of(&with_floor),
        prefix: share(prefix.saved.as_f64()),
        moves: (outcome.moves.len(), prefix.commands),
        pods_moved: (document.summary.pods_moved, prefix.pods_moved),
        violations: replayed(&case, &document, &options),
    })
}

/// One row a churn, and one for all of them.
///
/// # Errors
/// When a cluster cannot be made up.
pub fn savings_rows(churns: &[f64], seeds: u64) -> Result<Vec<FigureRow>, CaseError> {
    let mut rows = Vec::new();
    let mut all = Vec::new();
    for churn in churns {
        let mut measured = Vec::new();
        for seed in 0..seeds {
            measured.push(savings(*churn, seed)?);
        }
        rows.push(row(format!("churn {churn}, {NODES} nodes, {seeds} seeds"), &measured));
        all.append(&mut measured);
    }
    rows.push(row(format!("all {} clusters", all.len()), &all));
    Ok(rows)
}

fn row(variant: String, measured: &[Savings]) -> FigureRow {
    let captured = median(measured.iter().map(|one| one.captured));
    let least = measured.iter().map(|one| one.captured).fold(f64::INFINITY, f64::min);
    FigureRow {
        work: "savings captured",
        variant,
        figures: vec![
            Figure::new("median", captured, "%"),
            Figure::new("least", least, "%"),
            Figure::new(
                "median with the Balanced floor",
                median(measured.iter().map(|one| one.with_floor)),
                "%",
            ),
            Figure::new("median of prefix search", median(measured.iter().map(|one| one.prefix)), "%"),
            Figure::new("moves, median", median(measured.iter().map(|one| one.moves.0 as f64)), ""),
            Figure::new(
                "of prefix search",
                median(measured.iter().map(|one| one.moves.1 as f64)),
                "commands",
            ),
            Figure::new("pods moved, median", median(measured.iter().map(|one| one.pods_moved.0 as f64)), ""),
            Figure::new(
                "prefix search",
                median(measured.iter().map(|one| one.pods_moved.1 as f64)),
                "pods moved",
            ),
        ],
        violations: measured.iter().flat_map(|one| one.violations.clone()).collect(),
        goals: vec![Goal::at_least("captured", "%", 90.0, captured)],
    }
}

/// The middle value, or the mean of the two in the middle; zero of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median(std::iter::empty()), 0.0);
    }
}
