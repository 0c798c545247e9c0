//! Aggregates: rows of one key, added up.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::allocation::properties::Properties;
use crate::interval::Interval;
use crate::measures::Measures;
use crate::money::Money;
use crate::workload::Workload;

/// What an aggregate carries of a cluster's or a node's assets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetShare {
    /// Cores, memory, GPUs, load balancers, volumes.
    pub costs: [Money; 5],
}

impl AssetShare {
    /// A row's costs, without what was handed on to it.
    pub fn of(row: &Measures) -> AssetShare {
        let own = |resource: &crate::measures::Resource| resource.cost - resource.idle;
        AssetShare {
            costs: [own(&row.cpu), own(&row.ram), own(&row.gpu), row.balancer_cost(), row.volume_cost()],
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: AssetShare) {
        for (mine, theirs) in self.costs.iter_mut().zip(other.costs) {
            *mine += theirs;
        }
    }
}

/// Shares by cluster and node (empty if by cluster).
pub type AssetShares = BTreeMap<(Arc<str>, Arc<str>), AssetShare>;

/// Rows of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What the rows have in common.
    pub properties: Properties,
    /// Their sum.
    pub measures: Measures,
    /// What they carry of the assets; empty unless asked for.
    pub shares: AssetShares,
}

/// The answer for one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllocationSet {
    /// The window.
    pub window: Interval,
    /// By key.
    pub aggregates: IndexMap<String, Aggregate>,
    /// What there is to carry, by cluster or node; empty unless asked for.
    pub assets: AssetShares,
}

impl AllocationSet {
    /// An empty answer.
    pub fn new(window: Interval) -> AllocationSet {
        AllocationSet { window, ..AllocationSet::default() }
    }

    /// Adds a row under a key.
    pub fn add(
        &mut self,
        key: String,
        workload: &Arc<Workload>,
        row: &Measures,
        keep_labels: bool,
    ) -> &mut Aggregate {
        self.add_sum(key, workload, false, row, keep_labels)
    }

    /// Adds a row that may be the sum of `several`; then `workload` is what they have in common.
    pub(crate) fn add_sum(
        &mut self,
        key: String,
        workload: &Arc<Workload>,
        several: bool,
        row: &Measures,
        keep_labels: bool,
    ) -> &mut Aggregate {
        match self.aggregates.entry(key) {
            indexmap::map::Entry::Occupied(known) => {
                let known = known.into_mut();
                known.properties.join(workload, several, keep_labels);
                known.measures.add(row);
                known
            }
            indexmap::map::Entry::Vacant(free) => free.insert(Aggregate {
                properties: Properties::of(workload, several, keep_labels),
                measures: row.clone(),
                shares: AssetShares::new(),
            }),
        }
    }

    /// Adds another answer: the windows are joined, aggregates of one key added up.
    pub fn merge(&mut self, other: AllocationSet, keep_labels: bool) {
        self.window = self.window.hull(other.window);
        for (key, aggregate) in other.aggregates {
            match self.aggregates.entry(key) {
                indexmap::map::Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.properties.merge(&aggregate.properties, keep_labels);
                    known.measures.add(&aggregate.measures);
                    add_shares(&mut known.shares, &aggregate.shares);
                }
                indexmap::map::Entry::Vacant(free) => {
                    free.insert(aggregate);
                }
            }
        }
        add_shares(&mut self.assets, &other.assets);
    }

    /// Sum of all costs.
    pub fn total(&self) -> Money {
        self.aggregates.values().map(|aggregate| aggregate.measures.total()).sum()
    }
}

fn add_shares(mine: &mut AssetShares, theirs: &AssetShares) {
    for (name, share) in theirs {
        mine.entry(name.clone()).or_default().add(*share);
    }
}
