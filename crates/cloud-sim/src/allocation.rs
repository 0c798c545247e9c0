//! Which offering a fleet takes next.

use supercargo_catalog::Usd;
use supercargo_cloud::AllocationStrategy;

/// An offering that can be tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Instances it still has.
    pub available: u32,
    /// Dollars per hour.
    pub price: Usd,
    /// The lower, the rather.
    pub priority: f64,
    /// Instances that this fleet has got from it.
    pub got: u32,
    /// It has refused already.
    pub refused: bool,
}

/// Instances that make a pool half as good as a very deep one, for strategies that look at depth.
const HALF_DEPTH: f64 = 10.0;

/// Position of the offering to try next: the best by the strategy of those that have not refused, the first of equal
/// ones.
pub(crate) fn next(strategy: AllocationStrategy, candidates: &[Candidate]) -> Option<usize> {
    let open = candidates.iter().enumerate().filter(|(_, candidate)| !candidate.refused);
    let better = |left: &[f64; 2], right: &[f64; 2]| {
        left[0].total_cmp(&right[0]).then(left[1].total_cmp(&right[1])).is_lt()
    };
    let mut best: Option<(usize, [f64; 2])> = None;
    for (position, candidate) in open {
        let rank = rank(strategy, candidate);
        if best.as_ref().is_none_or(|(_, least)| better(&rank, least)) {
            best = Some((position, rank));
        }
    }
    best.map(|(position, _)| position)
}

/// What is smallest for the best offering.
fn rank(strategy: AllocationStrategy, candidate: &Candidate) -> [f64; 2] {
    let price = candidate.price.as_f64();
    let depth = f64::from(candidate.available);
    match strategy {
        AllocationStrategy::PriceCapacityOptimized => [price * scarcity(depth) * scarcity(depth), price],
        AllocationStrategy::CapacityOptimized => [-depth, price],
        AllocationStrategy::CapacityOptimizedPrioritized => {
            [f64::from(tier(candidate.available)), candidate.priority]
        }
        AllocationStrategy::Diversified => {
            let is_empty = f64::from(u8::from(candidate.available == 0));
            [is_empty * 1e9 + f64::from(candidate.got), price]
        }
        AllocationStrategy::LowestPrice => [price, -depth],
        AllocationStrategy::Prioritized => [candidate.priority, price],
    }
}

/// How much dearer a pool of a depth counts: 1 for a very deep one, 2 at ten instances, without end at none.
fn scarcity(depth: f64) -> f64 {
    1.0 + HALF_DEPTH / depth
}

/// The tiers of depth within which priority decides: the lower, the deeper.
fn tier(available: u32) -> u8 {
    match available {
        0 => 4,
        1..=2 => 3,
        3..=9 => 2,
        10..=49 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use AllocationStrategy::*;

    fn offering(available: u32, cents: i64, priority: f64) -> Candidate {
        Candidate { available, price: Usd::from_nanos(cents * 10_000_000), priority, got: 0, refused: false }
    }

    #[rstest]
    #[case::of_equal_prices_the_deeper(PriceCapacityOptimized, &[(5, 10, 0.), (500, 10, 0.)], 1)]
    #[case::of_equal_depths_the_cheaper(PriceCapacityOptimized, &[(500, 10, 0.), (500, 9, 0.)], 1)]
    #[case::a_little_cheaper_does_not_make_up_for_shallow(PriceCapacityOptimized, &[(2, 8, 0.), (400, 10, 0.)], 1)]
    #[case::a_little_deeper_does_not_make_up_for_dear(PriceCapacityOptimized, &[(400, 10, 0.), (450, 20, 0.)], 0)]
    #[case::an_empty_pool_comes_last(PriceCapacityOptimized, &[(0, 1, 0.), (1, 99, 0.)], 1)]
    #[case::depth_alone(CapacityOptimized, &[(10, 1, 0.), (11, 99, 0.)], 1)]
    #[case::priority_within_a_tier(CapacityOptimizedPrioritized, &[(90, 1, 5.), (60, 1, 1.)], 1)]
    #[case::depth_before_priority(CapacityOptimizedPrioritized, &[(90, 1, 5.), (1, 1, 1.)], 0)]
    #[case::price_alone(LowestPrice, &[(100, 10, 0.), (1, 9, 0.)], 1)]
    #[case::priority_alone(Prioritized, &[(100, 1, 2.), (1, 99, 1.)], 1)]
    #[case::the_first_of_equal_ones(LowestPrice, &[(7, 10, 0.), (7, 10, 0.)], 0)]
    fn a_strategy_prefers(
        #[case] strategy: AllocationStrategy,
        #[case] offered: &[(u32, i64, f64)],
        #[case] expected: usize,
    ) {
        let candidates: Vec<Candidate> =
            offered.iter().map(|(depth, cents, priority)| offering(*depth, *cents, *priority)).collect();
        assert_eq!(next(strategy, &candidates), Some(expected));
    }

    #[test]
    fn diversified_takes_turns() {
        let mut candidates = [offering(50, 10, 0.), offering(50, 20, 0.), offering(0, 1, 0.)];
        let mut taken = Vec::new();
        for _ in 0..4 {
            let position = next(Diversified, &candidates).unwrap();
            candidates[position].got += 1;
            taken.push(position);
        }
        assert_eq!(taken, [0, 1, 0, 1]);
    }

    #[test]
    fn what_has_refused_is_not_tried_again() {
        let mut candidates = [offering(5, 1, 0.)];
        candidates[0].refused = true;
        assert_eq!(next(LowestPrice, &candidates), None);
    }
}
