//! Names of NodeClaims: that of the NodePool, and five characters.

use supercargo_clock::Randomness;

/// What the API server makes names of; no vowels, so no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Characters that are added.
const ADDED: usize = 5;
/// The longest name.
const LONGEST: usize = 63;

/// Makes names.
#[derive(Debug)]
pub struct Names {
    randomness: Randomness,
}

impl Names {
    /// Names that follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self { randomness: Randomness::from_seed(seed).fork("node-claim-names") }
    }

    /// A name for a claim of this NodePool that is not taken, as the API server would make it from `<pool>-`.
    pub fn next(&mut self, pool: &str, is_taken: impl Fn(&str) -> bool) -> String {
        let mut base = format!("{pool}-");
        let mut end = base.len().min(LONGEST - ADDED);
        while !base.is_char_boundary(end) {
            end -= 1;
        }
        base.truncate(end);
        loop {
            let mut name = base.clone();
            for _ in 0..ADDED {
                let letter = self.randomness.choose(LETTERS).copied().unwrap_or(b'x');
                name.push(char::from(letter));
            }
            if !is_taken(&name) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_new_fit_a_label_and_follow_from_the_seed() {
        let make = || {
            let mut names = Names::new(7);
            let mut taken = BTreeSet::new();
            for _ in 0..1_000 {
                let name = names.next("general", |name| taken.contains(name));
                assert!(name.starts_with("general-") && name.len() == 13);
                assert!(taken.insert(name));
            }
            taken
        };
        assert_eq!(make(), make());
        assert_eq!(Names::new(7).next(&"p".repeat(63), |_| false).len(), 63);
    }
}
