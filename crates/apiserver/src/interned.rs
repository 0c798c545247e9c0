//! Values that many objects share, kept once: names of managers, sets of fields, times.
//!
//! A hundred thousand pods of a few Deployments say the same few things about who manages which fields.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The smallest number of values at which those that nobody uses any more are looked for.
const FEWEST: usize = 1024;

/// A table of shared values. What nobody else holds is dropped when the table has doubled.
#[derive(Debug)]
pub(crate) struct Interned<T: ?Sized> {
    table: Mutex<Table<T>>,
}

#[derive(Debug)]
struct Table<T: ?Sized> {
    values: BTreeSet<Arc<T>>,
    next_sweep: usize,
}

impl<T: ?Sized + Ord> Interned<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { table: Mutex::new(Table { values: BTreeSet::new(), next_sweep: FEWEST }) }
    }

    /// The shared copy of a value.
    pub fn share<V: Borrow<T> + Into<Arc<T>>>(&self, value: V) -> Arc<T> {
        // A value is in the table or not when anything could panic.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = table.values.get(value.borrow()) {
            return shared.clone();
        }
        if table.values.len() >= table.next_sweep {
            table.values.retain(|value| Arc::strong_count(value) > 1);
            table.next_sweep = FEWEST.max(2 * table.values.len());
        }
        let shared: Arc<T> = value.into();
        table.values.insert(shared.clone());
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_are_dropped() {
        let table: Interned<str> = Interned::new();
        let kept = table.share("kept");
        assert!(Arc::ptr_eq(&kept, &table.share("kept".to_owned())));
        for number in 0..10_000 {
            table.share(number.to_string());
        }
        let values = &table.table.lock().unwrap().values;
        assert!(values.contains("kept"));
        assert!(values.len() <= FEWEST, "{}", values.len());
    }
}
