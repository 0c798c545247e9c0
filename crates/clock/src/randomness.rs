//! Seeded random draws, the same on every platform.
//!
//! ```text
//! seed ──> Randomness ──fork("zones")──> Randomness ──fork("us-east-1a")──> Randomness
//! ```
//!
//! A fork depends on the seed and the names on the way to it, not on what else was drawn: adding a draw in one place
//! changes nothing in another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::logarithm::ln;

/// A stream of random draws decided by its seed (ChaCha with 8 rounds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Randomness {
    generator: ChaCha8Rng,
}

impl Randomness {
    /// The stream of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { generator: ChaCha8Rng::from_seed(key) }
    }

    /// An independent stream of this name. The same name gives the same stream, whatever was drawn before.
    pub fn fork(&self, name: &str) -> Self {
        let mut key = self.generator.get_seed();
        // The name is absorbed block by block; the length, which is never zero here, sets apart names that differ only in
        // padding and forks from the stream itself.
        let length = name.len() as u64 + 1;
        let mut absorb = |block: &[u8]| {
            for (byte, other) in key.iter_mut().zip(block) {
                *byte ^= other;
            }
            let mut derived = ChaCha8Rng::from_seed(key);
            derived.set_stream(length);
            derived.fill_bytes(&mut key);
        };
        if name.is_empty() {
            absorb(&[]);
        }
        name.as_bytes().chunks(32).for_each(absorb);
        Self { generator: ChaCha8Rng::from_seed(key) }
    }

    /// Any 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Fills the slice with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
    }

    /// A whole number below `limit`, each equally likely; zero if `limit` is zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            return 0;
        }
        // Lemire's method: the high half of a product, drawn again where the low half would favour some results.
        let unfair = limit.wrapping_neg() % limit;
        loop {
            let product = u128::from(self.u64()) * u128::from(limit);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number of 0 or above and below 1, in steps of 2^-53.
    pub fn f64(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.u64() >> 11) as f64 * STEP
    }

    /// True with this probability: never at 0 or below, always at 1 or above.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.f64() < probability
    }

    /// A draw from the normal distribution (Marsaglia's polar method).
    pub fn normal(&mut self, mean: f64, standard_deviation: f64) -> f64 {
        loop {
            let (left, right) = (2.0 * self.f64() - 1.0, 2.0 * self.f64() - 1.0);
            let square = left * left + right * right;
            if square > 0.0 && square < 1.0 {
                return mean + standard_deviation * left * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }

    /// A draw from the exponential distribution: the time to the next event if `mean` is the mean time between events.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.f64())
    }

    /// One of the items, each equally likely; nothing if there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Puts the items in random order, each order equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
