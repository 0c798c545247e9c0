//! An hour, priced: facts and prices become rows and assets.
//!
//! ```text
//! nodes ──price──> cost ──split──> cpu, ram, gpu ──by what is charged──> containers, overhead, idle
//! volumes, load balancers ──price──> cost ──by use──> containers, or nobody (`__unmounted__`)
//! traffic ──price per GiB──> containers
//! ```
//! Every amount of an asset ends in exactly one row: rows add up to assets.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::asset::{Asset, AssetKind, DiskAsset};
use crate::facts::{BalancerFact, ContainerFact, HourFacts, NodeFact, VolumeFact};
use crate::interval::Interval;
use crate::ledger::node_charges::charge;
use crate::measures::{BalancerPart, Measures, VolumePart};
use crate::money::{Division, Money};
use crate::prices::{PriceBook, PriceSource, PriceSources, SplitMethod};
use crate::workload::{RowKind, Workload};

/// What has the list's price.
const LISTED: PriceSources = PriceSources::of(PriceSource::List);

/// A line of the ledger.
pub type Row = (Arc<Workload>, Measures);

/// An hour of a cluster, or a part of it, priced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PricedHour {
    /// In order of workloads; idle and overhead of every node included.
    pub rows: Vec<Row>,
    /// In order of kinds and names.
    pub assets: Vec<Asset>,
    /// What of the hour is known at all.
    pub covered: Interval,
}

struct Writer<'a> {
    facts: &'a HourFacts,
    window: Interval,
    book: &'a PriceBook,
    split: &'a SplitMethod,
    /// In no order; a workload may be there several times.
    rows: Vec<Row>,
    assets: Vec<Asset>,
}

/// Prices the part of an hour that lies in a window. The facts must be sorted ([`HourFacts::sort`]).
pub fn price(facts: &HourFacts, window: Interval, book: &PriceBook, split: &SplitMethod) -> PricedHour {
    let window = facts.interval().overlap(window);
    if window.is_empty() {
        return PricedHour::default();
    }
    let mut writer = Writer { facts, window, book, split, rows: Vec::new(), assets: Vec::new() };
    writer.nodes();
    for volume in &facts.volumes {
        writer.volume(volume);
    }
    for balancer in &facts.balancers {
        writer.balancer(balancer);
    }
    writer.management();
    let mut assets = writer.assets;
    assets.sort_by_cached_key(Asset::identity);
    PricedHour { rows: added_up(writer.rows), assets, covered: facts.covered().overlap(window) }
}

impl Writer<'_> {
    fn nodes(&mut self) {
        let mut nodes: BTreeMap<&str, (Vec<&NodeFact>, Vec<ContainerFact>)> = BTreeMap::new();
        for fact in &self.facts.nodes {
            nodes.entry(&fact.name).or_default().0.push(fact);
        }
        for fact in &self.facts.containers {
            if let Some(inside) = fact.part(self.window) {
                nodes.entry(&fact.workload.node).or_default().1.push(inside);
            }
        }
        for (name, (facts, containers)) in nodes {
            self.node(name, &facts, &containers);
        }
    }

    fn node(&mut self, name: &str, facts: &[&NodeFact], containers: &[ContainerFact]) {
        let charges = charge(facts, containers, self.window, self.book, self.split);
        if charges.seconds == 0 {
            return;
        }
        let cluster = Arc::clone(&self.facts.cluster);
        let node: Arc<str> = name.into();
        let provider_id = Arc::clone(&charges.asset.fact.provider_id);
        let mut traffic = Money::ZERO;
        for (fact, mut row) in containers.iter().zip(charges.containers) {
            let units = self.book.units();
            let cost = |price, bytes| crate::prices::per_gib_of(price, bytes);
            let [zone, region, internet] = row.network.classes;
            row.network.zone_cost = cost(units.zone_gib, zone);
            row.network.region_cost = cost(units.region_gib, region);
            row.network.internet_cost = cost(units.internet_gib, internet);
            if !row.network.cost().is_zero() {
                row.sources = row.sources.with(LISTED);
            }
            traffic += row.network.cost();
            self.add(&fact.workload, row);
        }
        for (kind, row) in [(RowKind::Overhead, charges.overhead), (RowKind::Idle, charges.idle)] {
            let workload = Workload::special(kind, &cluster, &node, &provider_id);
            if !row.total().is_zero() || row.cpu.charged > 0 || row.ram.charged > 0 || row.gpu.charged > 0 {
                self.add(&Arc::new(workload), row);
            }
        }
        let asset = Asset {
            cluster,
            name: node,
            provider_id,
            span: charges.span,
            seconds: charges.seconds,
            cost: charges.cost,
            source: charges.source,
            kind: AssetKind::Node(Box::new(charges.asset)),
        };
        if !traffic.is_zero() {
            let network =
                Asset { cost: traffic, source: PriceSource::List, kind: AssetKind::Network, ..asset.clone() };
            self.assets.push(network);
        }
        self.assets.push(asset);
    }

    fn volume(&mut self, fact: &VolumeFact) {
        let span = fact.interval.overlap(self.window);
        if span.is_empty() {
            return;
        }
        let (cost, source) = self.book.volume_cost(fact, self.window);
        let cluster = Arc::clone(&self.facts.cluster);
        let byte_seconds = u128::from(fact.bytes) * u128::from(span.seconds());
        let used: u128 = fact.uses.iter().map(|each| each.byte_seconds).sum();
        let whole = fact.byte_seconds().max(used);
        let mut money = Division::of(cost, whole);
        let mut amounts = Division::of_quantity(byte_seconds, whole);
        let key = (Arc::clone(&cluster), Arc::clone(&fact.name));
        let mut give = |workload: &Arc<Workload>, weight: u128, all_the_rest: bool| {
            let rest = money.rest();
            let part = VolumePart {
                provider_id: Arc::clone(&fact.provider_id),
                byte_seconds: amounts.next_quantity(weight),
                cost: if all_the_rest { rest } else { money.next(weight) },
            };
            let volumes = BTreeMap::from([(key.clone(), part)]);
            let row = Measures { span, volumes, sources: PriceSources::of(source), ..Measures::default() };
            self.add(workload, row);
        };
        for each in &fact.uses {
            give(&each.workload, each.byte_seconds, false);
        }
        if used < whole || fact.uses.is_empty() {
            give(&Arc::new(Workload::unmounted(&cluster, &fact.claim_namespace)), whole - used, true);
        }
        let disk = DiskAsset {
            storage_class: Arc::clone(&fact.storage_class),
            claim_namespace: Arc::clone(&fact.claim_namespace),
            claim: Arc::clone(&fact.claim),
            byte_seconds,
            used_byte_seconds: fact
                .used_byte_seconds
                .map(|used| crate::interval::part(used.into(), fact.interval, self.window)),
            used_peak: fact.used_peak,
        };
        self.assets.push(Asset {
            cluster,
            name: Arc::clone(&fact.name),
            provider_id: Arc::clone(&fact.provider_id),
            span,
            seconds: span.seconds().into(),
            cost,
            source,
            kind: AssetKind::Disk(Box::new(disk)),
        });
    }

    /// Reference section 1.2, item 8, without its defects: the hours are those it was there, a load balancer without pods
    /// is booked once, and a second one does not contain the first.
    fn balancer(&mut self, fact: &BalancerFact) {
        let span = fact.interval.overlap(self.window);
        if span.is_empty() {
            return;
        }
        let (cost, source) = self.book.balancer_cost(fact, self.window);
        let cluster = Arc::clone(&self.facts.cluster);
        let service: Arc<str> = format!("{}/{}", fact.namespace, fact.service).into();
        let key: Arc<str> = format!("{cluster}/{service}").into();
        let whole: u128 = fact.uses.iter().map(|each| u128::from(each.seconds)).sum();
        let mut money = Division::of(cost, whole);
        let part = |seconds: u128, cost: Money| Measures {
            span,
            sources: PriceSources::of(source),
            balancers: BTreeMap::from([(
                Arc::clone(&key),
                BalancerPart {
                    service: Arc::clone(&service),
                    address: Arc::clone(&fact.address),
                    private: fact.private,
                    seconds,
                    cost,
                },
            )]),
            ..Measures::default()
        };
        if whole == 0 {
            let nobody = Arc::new(Workload::unmounted(&cluster, &fact.namespace));
            self.add(&nobody, part(span.seconds().into(), cost));
        } else {
            for each in &fact.uses {
                let seconds = crate::interval::part(each.seconds.into(), fact.interval, self.window);
                self.add(&each.workload, part(seconds, money.next(each.seconds.into())));
            }
        }
        self.assets.push(Asset {
            cluster,
            name: service,
            provider_id: Arc::clone(&fact.address),
            span,
            seconds: span.seconds().into(),
            cost,
            source,
            kind: AssetKind::LoadBalancer { address: Arc::clone(&fact.address), private: fact.private },
        });
    }

    fn management(&mut self) {
        let Some(fact) = &self.facts.management else { return };
        let span = fact.interval.overlap(self.window);
        if span.is_empty() {
            return;
        }
        let all = Money::of_price(self.book.units().management, fact.interval.seconds());
        let cost = crate::prices::money_part_of(all, fact.interval, self.window);
        let cluster = Arc::clone(&self.facts.cluster);
        let nothing: Arc<str> = "".into();
        let workload = Workload::special(RowKind::Overhead, &cluster, &nothing, &nothing);
        self.add(
            &Arc::new(workload),
            Measures { span, shared: cost, sources: LISTED, ..Measures::default() },
        );
        self.assets.push(Asset {
            name: Arc::clone(&fact.provisioner),
            provider_id: nothing,
            cluster,
            span,
            seconds: span.seconds().into(),
            cost,
            source: PriceSource::List,
            kind: AssetKind::ClusterManagement,
        });
    }

    fn add(&mut self, workload: &Arc<Workload>, part: Measures) {
        self.rows.push((Arc::clone(workload), part));
    }
}

/// Rows in order of workloads, those of one workload as one. A container's row keeps its own span, whatever volumes and load
/// balancers are booked on it.
fn added_up(rows: Vec<Row>) -> Vec<Row> {
    // rows are large: their places are sorted
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.par_sort_by(|one, two| rows[*one].0.cmp(&rows[*two].0));
    let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
    let mut out: Vec<Row> = Vec::with_capacity(rows.len());
    for (workload, part) in order.into_iter().filter_map(|place| rows[place].take()) {
        match out.last_mut() {
            Some((known, row)) if *known == workload => {
                let span =
                    if part.seconds > 0 || row.seconds == 0 { row.span.hull(part.span) } else { row.span };
                row.add(&part);
                row.span = span;
            }
            _ => out.push((workload, part)),
        }
    }
    out
}
