//! Values at moments, and what counters grew by.

use crate::interval::Interval;
use crate::prometheus::grid::{Grid, moments};

/// Values at some of the moments of an hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Points {
    set: u64,
    values: Vec<f64>,
}

impl Points {
    /// Notes a value. Where two series tell of the same thing, the greater counts: whichever job scraped it, and whichever
    /// comes first, the answer is the same.
    pub fn note(&mut self, moment: u32, value: f64) {
        if !value.is_finite() || moment > 63 {
            return;
        }
        let place = (self.set & ((1 << moment) - 1)).count_ones() as usize;
        if self.set >> moment & 1 == 1 {
            self.values[place] = self.values[place].max(value);
        } else {
            self.values.insert(place, value);
            self.set |= 1 << moment;
        }
    }

    /// Moments that have a value.
    pub const fn set(&self) -> u64 {
        self.set
    }

    /// The value at a moment.
    pub fn at(&self, moment: u32) -> Option<f64> {
        (self.set >> moment & 1 == 1)
            .then(|| self.values[(self.set & ((1 << moment) - 1)).count_ones() as usize])
    }

    /// The value at a moment, or the last before it, or else the first after it.
    pub fn near(&self, moment: u32) -> Option<f64> {
        let before = (self.set & ((1u64 << moment) << 1).wrapping_sub(1)).count_ones() as usize;
        self.values.get(before.saturating_sub(1)).copied()
    }

    /// Whether it is the same at all moments.
    pub fn is_constant(&self) -> bool {
        self.values.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        moments(self.set).zip(self.values.iter().copied())
    }

    /// Adds what another one knows and this one does not.
    pub fn fill(&mut self, other: &Points) {
        for (moment, value) in
            other.iter().filter(|(moment, _)| self.set >> moment & 1 == 0).collect::<Vec<_>>()
        {
            self.note(moment, value);
        }
    }
}

/// What a counter grew by in a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    pub stretch: Interval,
    pub amount: u64,
}

/// What a counter grew by, between its values. One that went down began anew. `since` is when it began to count, if that
/// is known; without it the first value only begins the time. A stretch longer than `longest` seconds says nothing.
/// Amounts are in `unit`ths of what the counter counts.
pub(crate) fn growth(
    points: &Points,
    grid: Grid,
    since: Option<i64>,
    longest: i64,
    unit: f64,
) -> Vec<Growth> {
    let mut found = Vec::new();
    let mut before: Option<(i64, f64)> = None;
    for (moment, value) in points.iter() {
        let time = grid.time(moment);
        let start =
            before.map(|(start, _)| start).or_else(|| since.filter(|since| moment > 0 && *since < time));
        let grown = match before {
            Some((_, last)) if value >= last => value - last,
            _ => value,
        };
        if let Some(start) = start.filter(|start| time - start <= longest) {
            // a float-to-integer cast saturates
            found.push(Growth { stretch: Interval::new(start, time), amount: (grown * unit).round() as u64 });
        }
        before = Some((time, value));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(values: &[(u32, f64)]) -> Points {
        let mut points = Points::default();
        values.iter().for_each(|(moment, value)| points.note(*moment, *value));
        points
    }

    #[test]
    fn values_are_found_at_and_near_moments() {
        let points = points(&[(5, 2.0), (2, 1.0), (63, 9.0), (5, 1.5)]);
        assert_eq!((points.at(5), points.at(4)), (Some(2.0), None));
        assert_eq!(
            [0, 2, 4, 5, 62, 63].map(|moment| points.near(moment)),
            [1.0, 1.0, 1.0, 2.0, 2.0, 9.0].map(Some)
        );
        assert_eq!(Points::default().near(3), None);
    }

    #[test]
    fn a_counter_that_goes_down_began_anew_and_a_long_hole_says_nothing() {
        let grid = Grid::new(0, 60).unwrap();
        let found =
            growth(&points(&[(0, 10.0), (1, 16.0), (2, 3.0), (4, 5.0), (40, 80.0)]), grid, None, 300, 1.0);
        let amounts: Vec<_> =
            found.iter().map(|each| (each.stretch.start, each.stretch.end, each.amount)).collect();
        assert_eq!(amounts, [(0, 60, 6), (60, 120, 3), (120, 240, 2)]);
        let young = growth(&points(&[(2, 4.0)]), grid, Some(70), 300, 1_000.0);
        assert_eq!(young, [Growth { stretch: Interval::new(70, 120), amount: 4_000 }]);
        assert_eq!(growth(&points(&[(2, 4.0)]), grid, None, 300, 1.0), []);
    }

    proptest! {
        #[test]
        fn the_order_of_values_does_not_matter(values in proptest::collection::vec((0u32..61, 0.0f64..9.0), 0..40)) {
            let forwards = points(&values);
            let backwards: Vec<_> = values.iter().rev().copied().collect();
            prop_assert_eq!(&forwards, &points(&backwards));
            // telling twice counts once
            let twice: Vec<_> = values.iter().chain(&values).copied().collect();
            prop_assert_eq!(forwards, points(&twice));
        }
    }
}
