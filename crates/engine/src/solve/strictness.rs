//! With `minValues` kept strictly, no node is bought that leaves too little choice (reference section 2.5).
//!
//! The packer sees to it while it fills nodes. What it cannot see is what limits leave of the choice once every node of
//! a NodePool has to stay within them whichever type it turns out to be. Where that is too little, nodes are given up
//! until the rest have their choice.

use std::collections::BTreeMap;

use crate::flexible::{check_min_values, settle};
use crate::market::TypeSet;
use crate::pack::reserved_mask;

use super::options::MinValuesPolicy;
use super::outcome::Unplaced;
use super::solver::Solver;

/// One in so many of the nodes that fall short is given up at a time.
const STEP: usize = 8;

impl Solver<'_> {
    /// Settles all nodes. Pods of nodes that had to be given up are returned.
    pub(super) fn settle_nodes(&mut self) -> Vec<Unplaced> {
        let strict = self.options.min_values == MinValuesPolicy::Strict
            && self.snapshot.pools.iter().any(|pool| !pool.min_values.is_empty());
        let mut given_up: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        loop {
            let ground = Self::ground(self.snapshot, &self.variants);
            if !strict {
                settle(ground, &mut self.stock, &mut self.nodes);
                return Vec::new();
            }
            let (mut stock, mut nodes) = (self.stock.clone(), self.nodes.clone());
            settle(ground, &mut stock, &mut nodes);
            let short = (0..nodes.len())
                .rev()
                .filter(|index| nodes[*index].min_values_relaxed && !nodes[*index].is_static);
            let short: Vec<usize> = short.collect();
            if short.is_empty() {
                (self.stock, self.nodes) = (stock, nodes);
                break;
            }
            for index in &short[..short.len().div_ceil(STEP)] {
                for pod in std::mem::take(&mut self.nodes[*index].pods) {
                    given_up.entry(self.snapshot.pods[pod as usize].class).or_default().push(pod);
                }
                self.return_node(*index);
            }
        }
        let level = self.first_level();
        given_up.into_iter().map(|(class, pods)| Unplaced { class, pods, level }).collect()
    }

    /// Leaves reservations to NodePools that can do with so little choice: a reservation is for one type.
    pub(super) fn forgo_reservations(&mut self) {
        if self.options.min_values != MinValuesPolicy::Strict {
            return;
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        let reserved = reserved_mask(ground);
        let mut forgone = vec![0; self.variants.len()];
        for (index, variant) in self.variants.iter().enumerate() {
            let pool = &self.snapshot.pools[variant.pool as usize];
            let Some(table) = pool.table.as_ref().filter(|_| !pool.min_values.is_empty()) else { continue };
            for key in (0..self.snapshot.market.keys.len()).filter(|key| reserved >> key & 1 == 1) {
                let mut types = TypeSet::with_capacity(table.len());
                types.extend(variant.types.ones().filter(|index| table.offer_masks[*index] >> key & 1 == 1));
                if check_min_values(table, ground, &pool.min_values, &types, 1 << key).is_err() {
                    forgone[index] |= 1 << key;
                }
            }
        }
        for (variant, forgone) in self.variants.iter_mut().zip(forgone) {
            variant.offers &= !forgone;
        }
    }
}
