//! Resources as numbers in a row, so that fitting is comparing.

use std::collections::BTreeMap;

use supercargo_api::Resources;
use supercargo_api::resources::{CPU, EPHEMERAL_STORAGE, MEMORY, PODS};

/// The position of cpu.
pub(super) const CPU_AT: usize = 0;
/// The position of memory.
pub(super) const MEMORY_AT: usize = 1;
/// The position of the number of pods.
pub(super) const PODS_AT: usize = 3;

/// Amounts in base units; a position that is not there counts as zero.
pub(super) type Amounts = Vec<i64>;

/// The positions of resources.
#[derive(Debug, Clone)]
pub(super) struct Names {
    positions: BTreeMap<String, usize>,
    names: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { positions: BTreeMap::new(), names: Vec::new() };
        for name in [CPU, MEMORY, EPHEMERAL_STORAGE, PODS] {
            names.position(name);
        }
        names
    }
}

impl Names {
    /// The position of a resource, new if it was never seen.
    pub(super) fn position(&mut self, name: &str) -> usize {
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        let position = self.names.len();
        self.names.push(name.to_owned());
        self.positions.insert(name.to_owned(), position);
        position
    }

    /// The name at a position.
    pub(super) fn name(&self, position: usize) -> &str {
        &self.names[position]
    }

    /// Resources as amounts.
    pub(super) fn amounts(&mut self, resources: &Resources) -> Amounts {
        let mut amounts = vec![0; 4];
        for (name, amount) in resources.iter() {
            let position = self.position(name);
            if amounts.len() <= position {
                amounts.resize(position + 1, 0);
            }
            amounts[position] = amount;
        }
        amounts
    }
}

/// Adds `other`, times `sign`.
pub(super) fn add(amounts: &mut Amounts, other: &[i64], sign: i64) {
    if amounts.len() < other.len() {
        amounts.resize(other.len(), 0);
    }
    for (amount, more) in amounts.iter_mut().zip(other) {
        *amount = amount.saturating_add(more.saturating_mul(sign));
    }
}

/// The amount at a position.
pub(super) fn at(amounts: &[i64], position: usize) -> i64 {
    amounts.get(position).copied().unwrap_or(0)
}
