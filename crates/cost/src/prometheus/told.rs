//! What several series say of one thing, over an hour.

use std::collections::BTreeMap;

use crate::prometheus::grid::{first, last};

/// Values with the moments at which they were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told<T>(BTreeMap<T, u64>);

impl<T> Default for Told<T> {
    fn default() -> Told<T> {
        Told(BTreeMap::new())
    }
}

impl<T: Ord> Told<T> {
    /// Notes that a value was told at some moments.
    pub fn note(&mut self, value: T, set: u64) {
        if set != 0 {
            *self.0.entry(value).or_default() |= set;
        }
    }

    /// The value at a moment. If there are two, the one that was told for longer; if there is none, the last before or
    /// else the first after it.
    pub fn at(&self, moment: u32) -> Option<&T> {
        let until = ((1u64 << moment) << 1).wrapping_sub(1);
        // now, or how long ago, or how far ahead
        let distance = |set: u64| match last(set & until) {
            Some(latest) => (false, moment - latest),
            None => (true, first(set).unwrap_or(u32::MAX)),
        };
        let rank = |(_, set): &(&T, &u64)| (distance(**set), std::cmp::Reverse(last(**set)));
        self.0.iter().min_by_key(rank).map(|(value, _)| value)
    }

    /// Whether it was never anything else.
    pub fn is_constant(&self) -> bool {
        self.0.len() < 2
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }
}

/// Stretches of moments from `from` to `to`, both included, in which something is the same.
pub(crate) fn runs<T: PartialEq>(
    from: u32,
    to: u32,
    constant: bool,
    of: impl Fn(u32) -> T,
) -> Vec<(u32, u32, T)> {
    let mut runs: Vec<(u32, u32, T)> = Vec::new();
    if constant {
        runs.push((from, to, of(to)));
        return runs;
    }
    for moment in from..=to {
        let here = of(moment);
        match runs.last_mut() {
            Some((_, end, same)) if *same == here => *end = moment,
            _ => runs.push((moment, moment, here)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_moment_is_the_one_told_then_or_nearest() {
        let mut told = Told::default();
        told.note("old", 0b0011_1100);
        told.note("new", 0b1110_0000);
        assert_eq!(
            [0, 3, 5, 7, 60].map(|moment| *told.at(moment).unwrap()),
            ["old", "old", "new", "new", "new"]
        );
        assert_eq!(runs(1, 9, false, |moment| told.at(moment)).len(), 2);
        assert!(Told::<u8>::default().at(3).is_none());
    }
}
