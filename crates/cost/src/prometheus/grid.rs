//! The steps of an hour.

use thiserror::Error;

use crate::interval::{HOUR, Interval};

/// A step that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a step of {step} seconds: expected one from 60 to 600 that divides an hour, such as 60, 120 or 300")]
pub struct GridError {
    /// The step, in seconds.
    pub step: i64,
}

/// An hour in steps. Step *k*, from 1 on, ends at its moment *k*; moment 0 is the beginning of the hour. There are at most
/// 61 moments, so a set of them is a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    hour: i64,
    step: i64,
}

impl Grid {
    /// The steps of the hour that begins at `hour`; `step` is in seconds.
    pub const fn new(hour: i64, step: i64) -> Result<Grid, GridError> {
        if step < 60 || step > 600 || HOUR % step != 0 {
            return Err(GridError { step });
        }
        Ok(Grid { hour, step })
    }

    /// The beginning of the hour.
    pub const fn hour(self) -> i64 {
        self.hour
    }

    /// Seconds of a step.
    pub const fn step(self) -> i64 {
        self.step
    }

    /// The last moment.
    pub(crate) const fn last(self) -> u32 {
        (HOUR / self.step) as u32
    }

    /// When a moment is.
    pub(crate) const fn time(self, moment: u32) -> i64 {
        self.hour + self.step * moment as i64
    }

    /// The step that ends at a moment.
    pub(crate) const fn cell(self, moment: u32) -> Interval {
        Interval::new(self.time(moment) - self.step, self.time(moment))
    }

    /// The moment that a sample of a time, in seconds, belongs to: the end of its step. None if it is of another hour.
    pub(crate) fn moment(self, time: f64) -> Option<u32> {
        let steps = ((time - self.hour as f64) / self.step as f64).ceil();
        // a comparison with not-a-number is false
        (steps >= 0.0 && steps <= f64::from(self.last())).then_some(steps as u32)
    }
}

/// The moments of a set, in order.
pub(crate) fn moments(set: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |moment| set >> moment & 1 == 1)
}

/// The first moment of a set.
pub(crate) const fn first(set: u64) -> Option<u32> {
    if set == 0 { None } else { Some(set.trailing_zeros()) }
}

/// The last moment of a set.
pub(crate) const fn last(set: u64) -> Option<u32> {
    if set == 0 { None } else { Some(63 - set.leading_zeros()) }
}

/// Everything but moment 0, which is the end of the hour before.
pub(crate) const STEPS: u64 = !1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_belongs_to_the_end_of_its_step() {
        let grid = Grid::new(3_600, 60).unwrap();
        assert_eq!(grid.moment(3_600.0), Some(0));
        assert_eq!(grid.moment(3_600.001), Some(1));
        assert_eq!(grid.moment(3_660.0), Some(1));
        assert_eq!(grid.moment(7_200.0), Some(60));
        assert_eq!(grid.moment(7_200.5), None);
        assert_eq!(grid.moment(f64::NAN), None);
        assert_eq!(grid.cell(1), Interval::new(3_600, 3_660));
        assert_eq!(Grid::new(0, 45), Err(GridError { step: 45 }));
        assert_eq!(moments(0b101).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((first(0b110), last(0b110), first(0)), (Some(1), Some(2), None));
    }
}
