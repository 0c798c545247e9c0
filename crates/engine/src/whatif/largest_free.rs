//! Finds the first room of a row that holds an amount, without looking at each: a tree of largest free amounts.

use crate::amounts::Amounts;

/// Room of a place that is gone: nothing fits, not even a pod that asks for nothing but its own place.
const GONE: Amounts = Amounts([i64::MIN; crate::amounts::WIDTH]);

/// Free amounts of a row of rooms; every inner node holds the largest of each resource below it.
#[derive(Clone, Debug)]
pub(super) struct LargestFree {
    /// A power of two: the first leaf.
    leaves: usize,
    nodes: Vec<Amounts>,
}

impl LargestFree {
    pub(super) fn new(free: impl ExactSizeIterator<Item = Amounts>) -> LargestFree {
        let leaves = free.len().next_power_of_two();
        let mut nodes = vec![GONE; leaves];
        nodes.extend(free);
        nodes.resize(leaves * 2, GONE);
        for index in (1..leaves).rev() {
            nodes[index] = nodes[index * 2].at_least(&nodes[index * 2 + 1]);
        }
        LargestFree { leaves, nodes }
    }

    /// What the place at a position has free.
    pub(super) fn set(&mut self, position: usize, free: Amounts) {
        let mut index = self.leaves + position;
        self.nodes[index] = free;
        while index > 1 {
            index /= 2;
            let largest = self.nodes[index * 2].at_least(&self.nodes[index * 2 + 1]);
            if largest == self.nodes[index] {
                break;
            }
            self.nodes[index] = largest;
        }
    }

    /// The place at a position is gone.
    pub(super) fn remove(&mut self, position: usize) {
        self.set(position, GONE);
    }

    /// The first position at or after `from` with room for the amounts.
    pub(super) fn first(&self, from: usize, amounts: &Amounts) -> Option<usize> {
        if from >= self.leaves {
            return None;
        }
        // Up from the starting leaf to the first subtree on the right that may do, and down again.
        let mut index = self.leaves + from;
        loop {
            if amounts.fits(&self.nodes[index]) {
                if index >= self.leaves {
                    return Some(index - self.leaves);
                }
                index *= 2;
                continue;
            }
            // The last node of its level has nothing to its right.
            loop {
                if (index + 1).is_power_of_two() {
                    return None;
                }
                if index.is_multiple_of(2) {
                    index += 1;
                    break;
                }
                index /= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts(cpu: i64, memory: i64) -> Amounts {
        let mut amounts = Amounts::ZERO;
        (amounts[0], amounts[1], amounts[3]) = (cpu, memory, 1);
        amounts
    }

    proptest! {
        #[test]
        fn finds_what_a_search_from_the_left_finds(
            free in prop::collection::vec((0i64..8, 0i64..8), 1..40),
            changes in prop::collection::vec((0usize..40, 0i64..8, 0i64..8, any::<bool>()), 0..20),
            wanted in (0i64..9, 0i64..9),
            from in 0usize..45,
        ) {
            let mut plain: Vec<Option<Amounts>> = free.iter().map(|(cpu, memory)| Some(amounts(*cpu, *memory))).collect();
            let mut tree = LargestFree::new(free.iter().map(|(cpu, memory)| amounts(*cpu, *memory)));
            for (position, cpu, memory, gone) in changes {
                let position = position % plain.len();
                if gone {
                    plain[position] = None;
                    tree.remove(position);
                } else {
                    plain[position] = Some(amounts(cpu, memory));
                    tree.set(position, amounts(cpu, memory));
                }
            }
            let wanted = amounts(wanted.0, wanted.1);
            let expected = (from..plain.len()).find(|at| plain[*at].is_some_and(|free| wanted.fits(&free)));
            prop_assert_eq!(tree.first(from, &wanted), expected);
        }
    }
}
