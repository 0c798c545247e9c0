//! Sharing: idle of nodes, costs of shared namespaces and labels, overhead. It moves costs, it never changes their sum.
//!
//! In the order of reference section 1.5: idle goes to every allocation of its pool in proportion to what the allocation
//! pays for that resource; shared allocations and their idle go to the others by their own cost, before any idle; the filter
//! comes last, so that what an allocation gets does not depend on who else is looked at.
//! Every division is exact and in the order of rows (see [`crate::money`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::aggregation::Aggregation;
use crate::filter::Filter;
use crate::ledger::Row;
use crate::measures::{Measures, Resource};
use crate::money::{Division, Money};
use crate::workload::{RowKind, Workload};

/// How shared costs are divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// By what the receivers cost themselves.
    #[default]
    Weighted,
    /// The same for every key.
    Even,
}

/// What is shared, and what is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sharing {
    /// Show idle.
    pub include_idle: bool,
    /// Divide idle among those who run.
    pub share_idle: bool,
    /// Idle of a node goes to that node's allocations only.
    pub idle_by_node: bool,
    /// Name idle by cluster, or by cluster and node.
    pub split_idle: bool,
    /// Show apart from idle what nodes keep for themselves, and what the control plane costs.
    pub include_overhead: bool,
    /// Namespaces whose costs the others carry.
    pub namespaces: Vec<String>,
    /// Labels, with their values, whose bearers' costs the others carry.
    pub labels: Vec<(String, String)>,
    /// Costs from outside, per month of 730 hours.
    pub monthly: Money,
    /// Share load balancers, too.
    pub balancers: bool,
    /// Share what the control plane costs.
    pub management: bool,
    /// How shared costs are divided.
    pub split: Split,
    /// Charge overcommit on top of what nodes cost, as OpenCost does.
    pub charge_overcommit: bool,
}

/// The resources of a pool of idle.
const RESOURCES: [fn(&mut Measures) -> &mut Resource; 3] =
    [|row| &mut row.cpu, |row| &mut row.ram, |row| &mut row.gpu];

struct Working {
    workload: Arc<Workload>,
    row: Measures,
    shared: bool,
    /// Idle of its pool, by resource.
    idle: [Money; 3],
    /// Idle of shared allocations.
    idle_handed_on: [Money; 3],
}

/// Idle of a cluster or a node.
#[derive(Default)]
struct Pool {
    idle: Measures,
    provider_id: Arc<str>,
    members: Vec<usize>,
    /// Idle of passing allocations, by resource.
    kept: [Money; 3],
    /// Idle that nobody can take, because nobody pays for that resource.
    stays: [Money; 3],
}

type PoolName = (Arc<str>, Arc<str>);

/// Applies sharing and the filter to the rows of a stretch of `seconds` for which anything is known. Rows come back in
/// order.
pub fn share(rows: &[Row], sharing: &Sharing, by: &Aggregation, filter: &Filter, seconds: u64) -> Vec<Row> {
    let mut desk = Desk::sort(rows, sharing);
    if sharing.include_idle || sharing.share_idle {
        desk.divide_idle();
    }
    desk.collect_shared(sharing, seconds);
    desk.hand_on(sharing, by);
    desk.finish(sharing, filter)
}

#[derive(Default)]
struct Desk {
    allocations: Vec<Working>,
    pools: BTreeMap<PoolName, Pool>,
    overhead: Vec<Row>,
    /// Shared costs, and the idle that belongs to them.
    pot: Money,
    pot_idle: [Money; 3],
}

impl Desk {
    fn sort(rows: &[Row], sharing: &Sharing) -> Desk {
        let mut desk = Desk::default();
        for (workload, measures) in rows {
            let pool_name = || match sharing.idle_by_node {
                true => (Arc::clone(&workload.cluster), Arc::clone(&workload.node)),
                false => (Arc::clone(&workload.cluster), Arc::default()),
            };
            match workload.kind {
                RowKind::Container | RowKind::Unmounted => {
                    desk.pools.entry(pool_name()).or_default().members.push(desk.allocations.len());
                    let mut row = measures.clone();
                    if sharing.charge_overcommit {
                        for resource in RESOURCES {
                            let resource = resource(&mut row);
                            resource.cost += std::mem::take(&mut resource.overcommit);
                        }
                    }
                    desk.allocations.push(Working {
                        workload: Arc::clone(workload),
                        row,
                        shared: sharing.covers(workload),
                        idle: [Money::ZERO; 3],
                        idle_handed_on: [Money::ZERO; 3],
                    });
                }
                RowKind::Overhead if workload.node.is_empty() => {
                    if sharing.management {
                        desk.pot += measures.total();
                    } else if sharing.include_overhead {
                        desk.overhead.push((Arc::clone(workload), measures.clone()));
                    }
                }
                RowKind::Overhead if sharing.include_overhead => {
                    desk.overhead.push((Arc::clone(workload), measures.clone()));
                }
                RowKind::Overhead | RowKind::Idle => {
                    let pool = desk.pools.entry(pool_name()).or_default();
                    pool.idle.add(measures);
                    if sharing.idle_by_node {
                        pool.provider_id = Arc::clone(&workload.provider_id);
                    }
                }
                RowKind::Shared => desk.pot += measures.total(),
            }
        }
        desk
    }

    fn divide_idle(&mut self) {
        for pool in self.pools.values_mut() {
            for (index, resource) in RESOURCES.into_iter().enumerate() {
                let total = resource(&mut pool.idle).cost;
                let weight = |working: &mut Working| resource(&mut working.row).cost.weight();
                let whole = pool.members.iter().map(|member| weight(&mut self.allocations[*member])).sum();
                let mut division = Division::of(total, whole);
                for member in &pool.members {
                    let working = &mut self.allocations[*member];
                    let weight = weight(working);
                    working.idle[index] = division.next(weight);
                }
                pool.stays[index] = division.rest();
            }
        }
    }

    fn collect_shared(&mut self, sharing: &Sharing, seconds: u64) {
        for working in &mut self.allocations {
            if working.shared {
                self.pot += working.row.total();
                for (pot, idle) in self.pot_idle.iter_mut().zip(working.idle) {
                    *pot += idle;
                }
            } else if sharing.balancers {
                self.pot += working.row.balancer_cost();
                working.row.balancers.clear();
            }
        }
        self.pot += sharing.monthly.share(u128::from(seconds), 730 * 3_600);
    }

    /// Divides the pot among all allocations that are not shared themselves.
    fn hand_on(&mut self, sharing: &Sharing, by: &Aggregation) {
        let all = [self.pot, self.pot_idle[0], self.pot_idle[1], self.pot_idle[2]];
        if all.iter().all(|amount| amount.is_zero()) {
            return;
        }
        let receivers: Vec<usize> =
            (0..self.allocations.len()).filter(|index| !self.allocations[*index].shared).collect();
        let groups: Vec<Vec<usize>> = match sharing.split {
            Split::Weighted => vec![receivers],
            Split::Even => {
                let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
                for index in receivers {
                    groups.entry(by.key(&self.allocations[index].workload)).or_default().push(index);
                }
                groups.into_values().collect()
            }
        };
        let groups: Vec<Vec<usize>> = groups.into_iter().filter(|group| !group.is_empty()).collect();
        let weights: Vec<Vec<u128>> = groups
            .iter()
            .map(|group| {
                let costs: Vec<u128> =
                    group.iter().map(|index| self.allocations[*index].row.total().weight()).collect();
                // those who cost nothing carry the same each
                if costs.iter().all(|cost| *cost == 0) { vec![1; costs.len()] } else { costs }
            })
            .collect();
        for (what, amount) in all.into_iter().enumerate() {
            let mut between = Division::of(amount, groups.len() as u128);
            for (group, weights) in groups.iter().zip(&weights) {
                let mut within = Division::of(between.next(1), weights.iter().sum());
                for (index, weight) in group.iter().zip(weights) {
                    let part = within.next(*weight);
                    let working = &mut self.allocations[*index];
                    match what {
                        0 => working.row.shared += part,
                        resource => working.idle_handed_on[resource - 1] += part,
                    }
                }
            }
        }
        if !groups.is_empty() {
            (self.pot, self.pot_idle) = (Money::ZERO, [Money::ZERO; 3]);
        }
    }

    fn finish(self, sharing: &Sharing, filter: &Filter) -> Vec<Row> {
        let Desk { allocations, mut pools, overhead, pot, pot_idle } = self;
        let mut out: BTreeMap<Arc<Workload>, Measures> = BTreeMap::new();
        let mut put = |workload: Arc<Workload>, row: Measures| match out.get_mut(&workload) {
            Some(known) => known.add(&row),
            None => {
                out.insert(workload, row);
            }
        };
        let pool_of = |workload: &Workload| match sharing.idle_by_node {
            true => (Arc::clone(&workload.cluster), Arc::clone(&workload.node)),
            false => (Arc::clone(&workload.cluster), Arc::default()),
        };
        for working in allocations.into_iter().filter(|working| !working.shared) {
            if !filter.matches(&*working.workload) {
                continue;
            }
            let mut row = working.row;
            if sharing.share_idle {
                for (resource, idle) in RESOURCES.into_iter().zip(working.idle) {
                    resource(&mut row).cost += idle;
                    resource(&mut row).idle += idle;
                }
                row.shared += working.idle_handed_on.into_iter().sum();
            } else if let Some(pool) = pools.get_mut(&pool_of(&working.workload)) {
                for (index, kept) in pool.kept.iter_mut().enumerate() {
                    *kept += working.idle[index] + working.idle_handed_on[index];
                }
            }
            put(working.workload, row);
        }
        let nobody: Arc<str> = Arc::default();
        if !pot.is_zero() || pot_idle.iter().any(|idle| !idle.is_zero()) {
            let workload = Workload::special(RowKind::Shared, &nobody, &nobody, &nobody);
            let shared = pot + pot_idle.into_iter().sum();
            if filter.is_empty() {
                put(Arc::new(workload), Measures { shared, ..Measures::default() });
            }
        }
        for ((cluster, node), pool) in pools {
            let workload = Workload::special(RowKind::Idle, &cluster, &node, &pool.provider_id);
            let stays = if filter.matches(&workload) { pool.stays } else { [Money::ZERO; 3] };
            let mut row = Measures { span: pool.idle.span, ..Measures::default() };
            let mut all = pool.idle;
            for (index, resource) in RESOURCES.into_iter().enumerate() {
                let whole = *resource(&mut all);
                let cost = pool.kept[index] + stays[index];
                // the hours of idle that are shown go with its cost
                let charged = match (cost == whole.cost, sharing.share_idle) {
                    (true, false) => whole.charged,
                    _ => crate::money::fraction(
                        whole.charged,
                        cost.weight().min(whole.cost.weight()),
                        whole.cost.weight(),
                    ),
                };
                *resource(&mut row) = Resource { charged, cost, ..Resource::default() };
            }
            if !row.total().is_zero() {
                put(Arc::new(workload), row);
            }
        }
        for (workload, row) in overhead {
            if filter.matches(&*workload) {
                put(workload, row);
            }
        }
        out.into_iter().collect()
    }
}

impl Sharing {
    /// Whether a row's costs are carried by the others.
    pub fn covers(&self, row: &Workload) -> bool {
        self.namespaces.iter().any(|name| *name == *row.namespace)
            || self.labels.iter().any(|(key, value)| row.label(key) == Some(value))
    }
}
