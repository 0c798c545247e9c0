//! Something that wanders and comes back: a number for every moment, decided by a seed.
//!
//! Random values stand on the points of several lattices in time, coarse and fine, with smooth curves between them. Their
//! sum has no trend and always returns to its middle, and the value of any moment is known without those before it, so
//! that thousands of pools cost nothing until somebody looks. Only basic arithmetic is used: the same bits everywhere.

/// Seconds between the points of a lattice, and how much it counts.
const LATTICES: [(i64, f64); 4] = [(1_800, 0.25), (7_200, 0.45), (28_800, 0.6), (172_800, 0.7)];

/// A wandering number between -2 and 2, mostly within -0.6 and 0.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noise {
    seed: u64,
}

impl Noise {
    /// The noise of a seed.
    pub(crate) fn new(seed: u64) -> Noise {
        Noise { seed }
    }

    /// Its value at a moment, in seconds since 1970.
    pub(crate) fn at(self, second: i64) -> f64 {
        let value = |(index, (period, weight)): (u64, (i64, f64))| {
            // lattices of different pools are not in step
            let shift = (mix(self.seed ^ index.wrapping_mul(0x9e37_79b9)) % period as u64) as i64;
            let moment = second.wrapping_add(shift);
            let point = moment.div_euclid(period);
            let fraction = moment.rem_euclid(period) as f64 / period as f64;
            let smooth = fraction * fraction * (3.0 - 2.0 * fraction);
            let (left, right) = (self.point(index, point), self.point(index, point + 1));
            weight * (left + (right - left) * smooth)
        };
        (0..).zip(LATTICES).map(value).sum()
    }

    /// The value of a point, -1 to 1.
    fn point(self, lattice: u64, point: i64) -> f64 {
        let bits =
            mix(mix(self.seed.wrapping_add(lattice.wrapping_mul(0xa076_1d64_78bd_642f))) ^ point as u64);
        signed_unit(bits)
    }
}

/// A number between -1 and 1 from random bits.
fn signed_unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (2.0 / (1u64 << 53) as f64) - 1.0
}

/// A number of 0 or above and below 1 that a seed and a few numbers decide.
pub(crate) fn fraction(seed: u64, numbers: &[u64]) -> f64 {
    (hash(seed, numbers) >> 11) as f64 / (1u64 << 53) as f64
}

/// 64 bits that a seed and a few numbers decide.
pub(crate) fn hash(seed: u64, numbers: &[u64]) -> u64 {
    numbers.iter().fold(mix(seed), |state, number| mix(state ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// Mixes bits (the finaliser of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_wanders_around_zero_and_comes_back() {
        let mut crossings = 0;
        let (mut sum, mut squares) = (0.0, 0.0);
        let count = 20_000;
        let noise = Noise::new(7);
        let mut before = noise.at(0);
        for step in 1..=count {
            let value = noise.at(step * 300);
            crossings += u32::from(before * value < 0.0);
            sum += value;
            squares += value * value;
            before = value;
        }
        let mean = sum / count as f64;
        let deviation = (squares / count as f64 - mean * mean).sqrt();
        assert!(mean.abs() < 0.1, "mean {mean}");
        assert!((0.2..0.8).contains(&deviation), "deviation {deviation}");
        assert!(crossings > 200, "{crossings} crossings in 70 days");
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_smooth(seed: u64, second in -4_000_000_000i64..4_000_000_000) {
            let (here, next) = (Noise::new(seed).at(second), Noise::new(seed).at(second + 1));
            prop_assert!(here.abs() <= 2.0);
            prop_assert!((here - next).abs() < 0.002, "{here} {next}");
        }

        #[test]
        fn seeds_differ(seed in 0u64..1_000_000) {
            prop_assert_ne!(Noise::new(seed).at(12_345).to_bits(), Noise::new(seed + 1).at(12_345).to_bits());
        }
    }
}
