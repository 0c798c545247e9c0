//! All lints of a NodePool.

use std::collections::BTreeMap;

use supercargo_api::{NodePool, Objects};

use crate::disruption::Disruption;
use crate::market::{OfferMask, TypeSet, TypeTable};
use crate::pools::Pool;
use crate::snapshot::Snapshot;

use super::lint::Lint;
use super::stateful::Workloads;
use super::{budgets, choice, lifetime, limits, requirements};

/// One NodePool from all sides.
pub(super) struct Case<'a> {
    pub(super) objects: &'a Objects,
    pub(super) snapshot: &'a Snapshot,
    pub(super) disruption: &'a Disruption,
    pub(super) manifest: &'a NodePool,
    pub(super) index: u32,
    pub(super) pool: &'a Pool,
    /// What its requirements leave of the types of its NodeClass.
    pub(super) reach: Option<Reach<'a>>,
}

/// The types and offerings that a NodePool can have.
pub(super) struct Reach<'a> {
    pub(super) table: &'a TypeTable,
    pub(super) types: TypeSet,
    pub(super) offers: OfferMask,
}

/// What is unwise about each NodePool of the snapshot, by its index; of each, the worst first. All three arguments are of
/// the same input.
pub fn lint_node_pools(objects: &Objects, snapshot: &Snapshot, disruption: &Disruption) -> Vec<Vec<Lint>> {
    let workloads = Workloads::new(objects);
    let manifests: BTreeMap<&str, &NodePool> = objects
        .node_pools
        .iter()
        .map(|pool| (pool.metadata.name.as_deref().unwrap_or_default(), pool))
        .collect();
    let lints = snapshot.pools.iter().enumerate().map(|(index, pool)| {
        let manifest = manifests.get(pool.name.as_str())?;
        let index = u32::try_from(index).ok()?;
        Some(lints_of(&Case::new(objects, snapshot, disruption, manifest, index), &workloads))
    });
    lints.map(Option::unwrap_or_default).collect()
}

/// What is unwise about one NodePool, given by its index in the snapshot; the worst first.
pub fn lint_node_pool(
    objects: &Objects,
    snapshot: &Snapshot,
    disruption: &Disruption,
    index: u32,
) -> Vec<Lint> {
    let Some(pool) = snapshot.pools.get(index as usize) else { return Vec::new() };
    let named = |manifest: &&NodePool| manifest.metadata.name.as_deref().unwrap_or_default() == pool.name;
    let Some(manifest) = objects.node_pools.iter().find(named) else { return Vec::new() };
    let case = Case::new(objects, snapshot, disruption, manifest, index);
    lints_of(&case, &Workloads::new(objects))
}

impl<'a> Case<'a> {
    fn new(
        objects: &'a Objects,
        snapshot: &'a Snapshot,
        disruption: &'a Disruption,
        manifest: &'a NodePool,
        index: u32,
    ) -> Case<'a> {
        let pool = &snapshot.pools[index as usize];
        let reach = pool.table.as_deref().and_then(|table| {
            // Variants differ in custom labels alone.
            let variant = pool.variants(index, &snapshot.market, &BTreeMap::new()).into_iter().next()?;
            Some(Reach { table, types: variant.types, offers: variant.offers })
        });
        Case { objects, snapshot, disruption, manifest, index, pool, reach }
    }
}

fn lints_of(case: &Case<'_>, workloads: &Workloads<'_>) -> Vec<Lint> {
    let mut lints = Vec::new();
    requirements::lint(case, &mut lints);
    choice::lint(case, &mut lints);
    limits::lint(case, &mut lints);
    lifetime::lint(case, &mut lints);
    budgets::lint(case, &mut lints);
    workloads.lint(case, &mut lints);
    lints.sort_by_key(|lint| lint.severity);
    lints
}
