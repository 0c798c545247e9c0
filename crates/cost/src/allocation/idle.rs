//! Idle of nodes, divided among those who run.
//!
//! A pool is a cluster or a node. Its idle goes to its allocations in proportion to what each pays for the resource, and
//! the hours of idle go with its cost; what nobody pays for stays. Neither depends on who is asked about, so the parts of
//! hours can be added up once and for all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::line::{Line, Role};
use crate::allocation::sharing::Sharing;
use crate::interval::Interval;
use crate::measures::{Measures, Resource};
use crate::money::{Division, Money};
use crate::prices::PriceSources;
use crate::workload::{RowKind, Workload};

/// The resources that can be idle.
pub(super) const RESOURCES: [fn(&mut Measures) -> &mut Resource; 3] =
    [|row| &mut row.cpu, |row| &mut row.ram, |row| &mut row.gpu];

/// A part of a pool's idle: cores, memory, GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdlePart {
    /// What it costs.
    pub cost: [Money; 3],
    /// How much it is, in the units of the facts.
    pub charged: [u128; 3],
    /// When the pool was there; empty if the part is nothing.
    pub span: Interval,
    /// Where the prices of the pool's nodes come from; none if the part is nothing.
    pub sources: PriceSources,
}

impl IdlePart {
    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.cost.iter().all(|cost| cost.is_zero()) && self.charged == [0; 3]
    }

    /// Adds another part.
    pub fn add(&mut self, other: &IdlePart) {
        for index in 0..3 {
            self.cost[index] += other.cost[index];
            self.charged[index] = self.charged[index].saturating_add(other.charged[index]);
        }
        self.span = self.span.hull(other.span);
        self.sources = self.sources.with(other.sources);
    }
}

/// What pools are, and what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    /// Each node is one; otherwise each cluster.
    pub by_node: bool,
    /// What nodes keep for themselves counts as idle.
    pub with_overhead: bool,
}

impl Basis {
    /// All there are.
    pub const ALL: [Basis; 4] = [
        Basis { by_node: false, with_overhead: true },
        Basis { by_node: false, with_overhead: false },
        Basis { by_node: true, with_overhead: true },
        Basis { by_node: true, with_overhead: false },
    ];

    /// The one that a question asks for.
    pub const fn of(sharing: &Sharing) -> Basis {
        Basis { by_node: sharing.idle_by_node, with_overhead: !sharing.include_overhead }
    }

    /// Its place in [`Basis::ALL`].
    pub const fn index(self) -> usize {
        self.by_node as usize * 2 + !self.with_overhead as usize
    }

    /// The name of a row's pool: cluster, and node or nothing.
    pub fn pool(self, workload: &Workload) -> PoolName {
        let node = if self.by_node { Arc::clone(&workload.node) } else { Arc::default() };
        (Arc::clone(&workload.cluster), node)
    }
}

/// Cluster, and node or nothing.
pub(crate) type PoolName = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Pool {
    idle: Measures,
    provider_id: Arc<str>,
    members: Vec<usize>,
}

/// How idle is divided.
pub(crate) struct IdleDivision {
    /// Of each line, what it gets.
    pub parts: Vec<IdlePart>,
    /// What stays, by pool; pools where nothing stays are left out.
    pub rest: Vec<(Workload, IdlePart)>,
}

/// Divides the idle of an hour. Lines come in order of workloads.
pub(crate) fn divide_idle(lines: &mut [Line], basis: Basis) -> IdleDivision {
    let mut pools: BTreeMap<PoolName, Pool> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        match line.role {
            Role::Allocation => {
                pools.entry(basis.pool(&line.workload)).or_default().members.push(index);
            }
            Role::Overhead if !basis.with_overhead => {}
            Role::Idle | Role::Overhead => {
                let pool = pools.entry(basis.pool(&line.workload)).or_default();
                pool.idle.add(&line.measures);
                if basis.by_node {
                    pool.provider_id = Arc::clone(&line.workload.provider_id);
                }
            }
            Role::Management | Role::Shared | Role::Pool => {}
        }
    }
    let mut division = IdleDivision { parts: vec![IdlePart::default(); lines.len()], rest: Vec::new() };
    for ((cluster, node), mut pool) in pools {
        let mut rest = IdlePart::default();
        for (index, resource) in RESOURCES.into_iter().enumerate() {
            let idle = *resource(&mut pool.idle);
            if idle.cost.is_zero() {
                continue;
            }
            let whole = pool.members.iter().map(|member| weight(&mut lines[*member], resource)).sum();
            let mut cost = Division::of(idle.cost, whole);
            let mut charged = Division::of_quantity(idle.charged, whole);
            for member in &pool.members {
                let weight = weight(&mut lines[*member], resource);
                if weight > 0 {
                    let part = &mut division.parts[*member];
                    part.cost[index] = cost.next(weight);
                    part.charged[index] = charged.next_quantity(weight);
                }
            }
            rest.cost[index] = cost.rest();
            rest.charged[index] = charged.rest_quantity();
        }
        for member in &pool.members {
            let part = &mut division.parts[*member];
            if !part.is_nothing() {
                (part.span, part.sources) = (pool.idle.span, pool.idle.sources);
            }
        }
        if !rest.is_nothing() {
            (rest.span, rest.sources) = (pool.idle.span, pool.idle.sources);
            division.rest.push((Workload::special(RowKind::Idle, &cluster, &node, &pool.provider_id), rest));
        }
    }
    division
}

fn weight(line: &mut Line, resource: fn(&mut Measures) -> &mut Resource) -> u128 {
    resource(&mut line.measures).cost.weight()
}
