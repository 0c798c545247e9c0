//! Spot prices: what AWS publishes is one saving per type and region; the market has a price per zone.
//!
//! The zones of a region are visited in order of their ids. From one to the next the price walks a random step; then
//! the walk is shifted so that its mean is the published saving. The draws depend on the seed, the region and the
//! type, not on which zones or types are asked for, so a price is the same in every answer. Spot is never dearer
//! than on demand.

use supercargo_clock::Randomness;

use crate::Usd;
use crate::market::{Region, SpotFigure};

/// Largest step between neighbouring zones, in thousandths of the mean price.
const LARGEST_STEP: i64 = 80;
/// The walk turns back here, in thousandths of the mean price.
const FARTHEST: i64 = 160;
/// AWS quotes spot prices to a hundredth of a cent.
const UNIT: i64 = 100_000;

/// The spot market of a region under a seed.
pub(crate) struct SpotMarket {
    randomness: Randomness,
    /// For each zone in the region's order, its place in the order of zone ids.
    order: Vec<usize>,
}

impl SpotMarket {
    pub(crate) fn new(region: &Region, seed: u64) -> SpotMarket {
        let mut by_id: Vec<usize> = (0..region.zones.len()).collect();
        by_id.sort_by(|left, right| region.zones[*left].zone_id.cmp(&region.zones[*right].zone_id));
        let mut order = vec![0; region.zones.len()];
        for (place, zone) in by_id.into_iter().enumerate() {
            order[zone] = place;
        }
        SpotMarket { randomness: Randomness::from_seed(seed).fork("spot prices").fork(&region.name), order }
    }

    /// Dollars per hour in each zone, in the region's order of zones.
    pub(crate) fn prices(&self, type_name: &str, on_demand: Usd, figure: SpotFigure) -> Vec<Usd> {
        let walk = self.walk(type_name);
        let kept_percent = 100 - i64::from(figure.saving_percent);
        let price_in = |place: usize| {
            let deviation = walk.get(place).copied().unwrap_or_default();
            let exact = on_demand.scaled(kept_percent * (1000 + deviation), 100_000);
            let quoted = exact.scaled(1, UNIT).saturating_mul(UNIT).max(Usd::from_nanos(UNIT));
            quoted.min(on_demand)
        };
        self.order.iter().map(|place| price_in(*place)).collect()
    }

    /// Deviations from the mean in thousandths, one per zone, adding up to nearly nothing.
    fn walk(&self, type_name: &str) -> Vec<i64> {
        let mut randomness = self.randomness.fork(type_name);
        let mut position = 0;
        let mut walk: Vec<i64> = Vec::with_capacity(self.order.len());
        for _ in &self.order {
            let step = randomness.below(2 * LARGEST_STEP as u64 + 1) as i64 - LARGEST_STEP;
            // a step over the edge is taken inwards
            position = if (position + step).abs() > FARTHEST { position - step } else { position + step };
            walk.push(position);
        }
        let mean = walk.iter().sum::<i64>() / i64::try_from(walk.len().max(1)).unwrap_or(1);
        walk.iter_mut().for_each(|deviation| *deviation -= mean);
        walk
    }
}
