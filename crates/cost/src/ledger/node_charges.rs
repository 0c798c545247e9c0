//! What a node's containers pay for it.
//!
//! The node's cost is divided by resource; a resource's part is divided among the containers by what they are charged for,
//! then the reserve of the system, and the rest is idle. If the containers together are charged for more than the node
//! has, its cost is divided among them alone, and what they would have cost beyond it is shown as overcommit.

use std::sync::Arc;

use crate::asset::NodeAsset;
use crate::facts::{ContainerFact, MILLI_GPUS, NodeFact};
use crate::interval::Interval;
use crate::measures::{Measures, Resource};
use crate::money::{Division, Money, fraction};
use crate::prices::{NodeParts, PriceBook, PriceSource, PriceSources, SplitMethod};

/// A node's cost and who carries it.
pub struct NodeCharges {
    /// In the order of the containers given.
    pub containers: Vec<Measures>,
    /// What is kept for the system.
    pub overhead: Measures,
    /// What is left.
    pub idle: Measures,
    /// The node as an asset.
    pub asset: NodeAsset,
    /// What it cost.
    pub cost: Money,
    /// The least trusted of its prices.
    pub source: PriceSource,
    /// From the first second to the last.
    pub span: Interval,
    /// Seconds it was there.
    pub seconds: u128,
}

/// A resource of a row.
type Part = fn(&mut Measures) -> &mut Resource;

/// One resource of a node.
struct Pool {
    cost: Money,
    capacity: u128,
    reserved: u128,
}

/// Charges a node, known under one name by one fact or several, in a window. Without any fact its containers are charged
/// at default prices, and the node is taken to be just as big as they need.
pub fn charge(
    facts: &[&NodeFact],
    containers: &[ContainerFact],
    window: Interval,
    book: &PriceBook,
    split: &SplitMethod,
) -> NodeCharges {
    let mut asset = NodeAsset::default();
    let mut source = PriceSource::Bill;
    let mut sources = PriceSources::default();
    let (mut cost, mut span, mut seconds) = (Money::ZERO, Interval::default(), 0u128);
    for fact in facts {
        let inside = fact.interval.overlap(window);
        if inside.is_empty() {
            continue;
        }
        let (node_cost, priced) = book.node_cost(fact, window);
        asset.parts.add(split.split(node_cost, fact, book.units()));
        cost += node_cost;
        source = source.max(priced.source);
        sources = sources.with(PriceSources::of(priced.source));
        span = span.hull(inside);
        let length = u128::from(inside.seconds());
        seconds += length;
        let held = |amount: u64, unit: u128| u128::from(amount) * unit * length;
        let reserved = |all: u64, left: u64, unit: u128| held(all.saturating_sub(left), unit);
        asset.cpu += held(fact.capacity.millicores, 1_000);
        asset.ram += held(fact.capacity.ram_bytes, 1);
        asset.gpu += held(fact.capacity.milli_gpus, 1);
        asset.cpu_reserved += reserved(fact.capacity.millicores, fact.allocatable.millicores, 1_000);
        asset.ram_reserved += reserved(fact.capacity.ram_bytes, fact.allocatable.ram_bytes, 1);
        asset.spot_seconds += if fact.spot { length } else { 0 };
        asset.fact = (*fact).clone();
    }
    if seconds == 0 {
        source = PriceSource::Default;
        sources = PriceSources::of(source);
        span = containers.iter().fold(Interval::default(), |span, fact| span.hull(fact.interval));
        seconds = span.seconds().into();
        unknown_node(&mut asset, containers, book);
        cost = asset.parts.total();
    }
    let mut charged: Vec<Measures> =
        containers.iter().map(|fact| Measures { sources, ..Measures::of(fact) }).collect();
    let blank = Measures { span, sources, ..Measures::default() };
    let (mut overhead, mut idle) = (blank.clone(), blank);
    let pools: [(Pool, Part); 3] = [
        (Pool { cost: asset.parts.cpu, capacity: asset.cpu, reserved: asset.cpu_reserved }, |row| {
            &mut row.cpu
        }),
        (Pool { cost: asset.parts.ram, capacity: asset.ram, reserved: asset.ram_reserved }, |row| {
            &mut row.ram
        }),
        (Pool { cost: asset.parts.gpu, capacity: asset.gpu, reserved: 0 }, |row| &mut row.gpu),
    ];
    for (pool, resource) in pools {
        pool.divide(&mut charged, &mut overhead, &mut idle, resource);
    }
    sum_up(&mut asset, &charged, &overhead, containers);
    NodeCharges { containers: charged, overhead, idle, asset, cost, source, span, seconds }
}

impl Pool {
    fn divide(&self, charged: &mut [Measures], overhead: &mut Measures, idle: &mut Measures, resource: Part) {
        let sum: u128 = charged.iter_mut().map(|row| resource(row).charged).sum();
        let whole = self.capacity.max(sum);
        let mut division = Division::of(self.cost, whole);
        for row in charged.iter_mut() {
            let row = resource(row);
            row.cost = division.next(row.charged);
            if sum > self.capacity {
                row.overcommit = self.at_full_price(row.charged) - row.cost;
            }
        }
        let reserved = self.reserved.min(whole - sum);
        let overhead = resource(overhead);
        (overhead.charged, overhead.cost) = (reserved, division.next(reserved));
        let idle = resource(idle);
        (idle.charged, idle.cost) = (whole - sum - reserved, division.rest());
    }

    /// What an amount costs if the node's cost is for its capacity.
    fn at_full_price(&self, amount: u128) -> Money {
        if self.capacity == 0 {
            return Money::ZERO;
        }
        let (times, rest) = (amount / self.capacity, amount % self.capacity);
        let whole = self.cost.weight().saturating_mul(times);
        let nanos = whole.saturating_add(fraction(self.cost.weight(), rest, self.capacity));
        Money::from_nanos(i128::try_from(nanos).unwrap_or(i128::MAX)).max(Money::ZERO)
    }
}

/// A node nobody has seen: as big as its containers need, at default prices.
fn unknown_node(asset: &mut NodeAsset, containers: &[ContainerFact], book: &PriceBook) {
    let units = book.units();
    let sum =
        |of: fn(&ContainerFact) -> u64| containers.iter().map(|fact| u128::from(of(fact))).sum::<u128>();
    let price = |nanos: i64, amount: u128, unit: u128| {
        let nanos = u128::try_from(nanos).unwrap_or(0);
        Money::from_nanos(i128::try_from(nanos.saturating_mul(amount) / (unit * 3_600)).unwrap_or(i128::MAX))
    };
    asset.cpu = sum(|fact| fact.cpu.charged);
    asset.ram = sum(|fact| fact.ram.charged);
    asset.gpu = sum(|fact| fact.gpu.charged);
    asset.parts = NodeParts {
        cpu: price(units.core.nanos(), asset.cpu, 1_000_000),
        ram: price(units.ram_gib.nanos(), asset.ram, 1 << 30),
        gpu: price(units.gpu.nanos(), asset.gpu, u128::from(MILLI_GPUS)),
    };
    if let Some(fact) = containers.first() {
        asset.fact.name = Arc::clone(&fact.workload.node);
        asset.fact.provider_id = Arc::clone(&fact.workload.provider_id);
        asset.fact.interval = fact.interval;
    }
}

fn sum_up(asset: &mut NodeAsset, charged: &[Measures], overhead: &Measures, containers: &[ContainerFact]) {
    for (row, fact) in charged.iter().zip(containers) {
        let cost = NodeParts { cpu: row.cpu.cost, ram: row.ram.cost, gpu: row.gpu.cost };
        asset.allocated.add(cost);
        if &*fact.workload.controller_kind == "daemonset" {
            asset.daemonsets.add(cost);
        }
        let more = NodeParts { cpu: row.cpu.overcommit, ram: row.ram.overcommit, gpu: row.gpu.overcommit };
        asset.overcommit.add(more);
        let (cpu, ram) = if &*fact.workload.namespace == "kube-system" {
            (&mut asset.cpu_used_by_system, &mut asset.ram_used_by_system)
        } else {
            (&mut asset.cpu_used, &mut asset.ram_used)
        };
        *cpu += row.cpu.used;
        *ram += row.ram.used;
    }
    asset.overhead = NodeParts { cpu: overhead.cpu.cost, ram: overhead.ram.cost, gpu: overhead.gpu.cost };
}
