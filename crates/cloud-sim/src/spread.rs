//! How long things take: a bell between two ends, and now and then much longer.

use std::time::Duration;

use supercargo_clock::Randomness;

/// A distribution of durations: normal around `typical`, cut off at `least` and `most`; with `tail_probability` an
/// exponential time of mean `tail_mean` is added, which nothing cuts off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// No less than this.
    pub least: Duration,
    /// The middle.
    pub typical: Duration,
    /// Standard deviation.
    pub deviation: Duration,
    /// No more than this, the tail apart.
    pub most: Duration,
    /// How often the tail is added, 0 to 1.
    pub tail_probability: f64,
    /// Mean of the tail.
    pub tail_mean: Duration,
}

impl Spread {
    /// Always the same.
    pub const fn exactly(time: Duration) -> Spread {
        Spread {
            least: time,
            typical: time,
            deviation: Duration::ZERO,
            most: time,
            tail_probability: 0.0,
            tail_mean: Duration::ZERO,
        }
    }

    /// Between two durations, mostly near the middle.
    pub const fn between(least: Duration, most: Duration) -> Spread {
        let span = most.saturating_sub(least);
        Spread {
            least,
            typical: Duration::from_millis(((least.as_millis() + most.as_millis()) / 2) as u64),
            deviation: Duration::from_millis((span.as_millis() / 5) as u64),
            most,
            tail_probability: 0.0,
            tail_mean: Duration::ZERO,
        }
    }

    /// The same with a tail.
    pub const fn with_tail(self, probability: f64, mean: Duration) -> Spread {
        Spread { tail_probability: probability, tail_mean: mean, ..self }
    }

    /// The same, everything so many times as long.
    pub fn times(self, factor: f64) -> Spread {
        let factor = if factor.is_finite() { factor.max(0.0) } else { 1.0 };
        let scaled =
            |time: Duration| Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time);
        Spread {
            least: scaled(self.least),
            typical: scaled(self.typical),
            deviation: scaled(self.deviation),
            most: scaled(self.most),
            tail_probability: self.tail_probability,
            tail_mean: scaled(self.tail_mean),
        }
    }

    /// A draw, in whole milliseconds.
    pub fn draw(&self, randomness: &mut Randomness) -> Duration {
        let bell = if self.deviation.is_zero() {
            self.typical.as_secs_f64()
        } else {
            randomness.normal(self.typical.as_secs_f64(), self.deviation.as_secs_f64())
        };
        let cut = bell.min(self.most.as_secs_f64()).max(self.least.as_secs_f64());
        let is_slow = self.tail_probability > 0.0 && randomness.chance(self.tail_probability);
        let tail = if is_slow { randomness.exponential(self.tail_mean.as_secs_f64()) } else { 0.0 };
        // a float-to-integer cast saturates
        Duration::from_millis(((cut + tail) * 1000.0).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn exactly_is_always_the_same() {
        let mut randomness = Randomness::from_seed(1);
        assert!((0..100).all(|_| Spread::exactly(7 * SECOND).draw(&mut randomness) == 7 * SECOND));
    }

    #[test]
    fn the_tail_makes_some_draws_much_longer() {
        let mut randomness = Randomness::from_seed(1);
        let spread = Spread::between(SECOND, 2 * SECOND).with_tail(0.1, 60 * SECOND);
        let slow = (0..10_000).filter(|_| spread.draw(&mut randomness) > 2 * SECOND).count();
        assert!((850..1150).contains(&slow), "{slow} of 10,000 draws were slow");
    }

    proptest! {
        #[test]
        fn a_draw_without_a_tail_is_between_the_ends(seed: u64, least in 0u64..1000, span in 0u64..1000) {
            let (least, most) = (Duration::from_millis(least), Duration::from_millis(least + span));
            let drawn = Spread::between(least, most).draw(&mut Randomness::from_seed(seed));
            prop_assert!(least <= drawn && drawn <= most);
        }
    }
}
