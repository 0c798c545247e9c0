//! Sharing: idle of nodes, costs of shared namespaces and labels, overhead. It moves costs, it never changes their sum.
//!
//! In the order of reference section 1.5: idle goes to every allocation of its pool in proportion to what the allocation
//! pays for that resource; shared allocations and their idle go to the others by their own cost, before any idle; the filter
//! comes last, so that what an allocation gets does not depend on who else is looked at.
//! Every division is exact and in the order of rows (see [`crate::money`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::aggregation::Aggregation;
use crate::allocation::idle::{Basis, IdlePart, PoolName, RESOURCES, divide_idle};
use crate::allocation::line::{Line, Role};
use crate::filter::Filter;
use crate::ledger::Row;
use crate::measures::{CostParts, Measures, Resource};
use crate::money::{Division, Money};
use crate::workload::{IDLE, RowKind, SHARED, Workload};

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
    /// Say of shared costs whose they are.
    pub breakdown: bool,
}

/// Applies sharing and the filter to the rows of a stretch of `seconds` for which anything is known. Rows come back in
/// order.
pub fn share(rows: &[Row], sharing: &Sharing, by: &Aggregation, filter: &Filter, seconds: u64) -> Vec<Row> {
    let mut out: BTreeMap<Arc<Workload>, Measures> = BTreeMap::new();
    let lines = with_idle(rows.iter().map(Line::of).collect(), sharing);
    share_lines(lines, sharing, by, filter, seconds, &mut |line| match out.get_mut(&line.workload) {
        Some(known) => known.add(&line.measures),
        None => {
            out.insert(line.workload, line.measures);
        }
    });
    out.into_iter().collect()
}

/// Divides the idle of an hour's rows, as far as it is asked for.
pub(crate) fn with_idle(mut lines: Vec<Line>, sharing: &Sharing) -> Vec<Line> {
    if sharing.charge_overcommit {
        for line in lines.iter_mut().filter(|line| line.role == Role::Allocation) {
            for resource in RESOURCES {
                let resource = resource(&mut line.measures);
                resource.cost += std::mem::take(&mut resource.overcommit);
            }
        }
    }
    if sharing.shows_idle() {
        let division = divide_idle(&mut lines, Basis::of(sharing));
        for (line, part) in lines.iter_mut().zip(division.parts) {
            line.idle = part;
        }
        for (workload, idle) in division.rest {
            let (workload, measures) = (Arc::new(workload), Measures::default());
            lines.push(Line { workload, measures, several: false, rows: 0, role: Role::Pool, idle });
        }
    }
    lines
}

/// Applies sharing and the filter to lines whose idle is divided already; allocations come in order of workloads.
pub(crate) fn share_lines(
    lines: Vec<Line>,
    sharing: &Sharing,
    by: &Aggregation,
    filter: &Filter,
    seconds: u64,
    out: &mut dyn FnMut(Line),
) {
    let shared =
        lines.iter().map(|line| line.role == Role::Allocation && sharing.covers(&line.workload)).collect();
    let mut desk = Desk {
        lines,
        shared,
        pot: Money::ZERO,
        pot_idle: IdlePart::default(),
        handed: Vec::new(),
        origins: BTreeMap::new(),
    };
    desk.collect_shared(sharing, seconds);
    desk.hand_on(sharing, by);
    desk.finish(sharing, filter, out);
}

struct Desk {
    lines: Vec<Line>,
    /// Which of them the others carry.
    shared: Vec<bool>,
    /// Shared costs, and the idle that belongs to them.
    pot: Money,
    pot_idle: IdlePart,
    /// Idle of shared allocations, by line; empty if there is none.
    handed: Vec<IdlePart>,
    /// Whose costs are in the pot; empty unless asked for.
    origins: BTreeMap<Arc<str>, CostParts>,
}

/// Idle of a cluster or a node that is shown.
#[derive(Default)]
struct Shown {
    provider_id: Arc<str>,
    idle: IdlePart,
}

impl Desk {
    fn collect_shared(&mut self, sharing: &Sharing, seconds: u64) {
        let (pot, origins) = (&mut self.pot, &mut self.origins);
        let mut put_in = |origin: &dyn Fn() -> Arc<str>, parts: CostParts| {
            *pot += parts.total();
            if sharing.breakdown && !parts.total().is_zero() {
                origins.entry(origin()).or_default().add(&parts);
            }
        };
        for (line, shared) in self.lines.iter_mut().zip(&self.shared) {
            let row = &mut line.measures;
            match line.role {
                Role::Allocation if *shared => {
                    put_in(&|| sharing.origin(&line.workload), CostParts::of(row));
                    self.pot_idle.add(&line.idle);
                }
                Role::Allocation if sharing.balancers => {
                    put_in(&|| "sharelb".into(), CostParts::of_balancers(row));
                    row.balancers.clear();
                }
                Role::Management if sharing.management => {
                    put_in(&|| "shareTenancyCosts".into(), CostParts::of(row));
                }
                Role::Shared => put_in(&|| SHARED.into(), CostParts::of(row)),
                _ => {}
            }
        }
        let monthly = sharing.monthly.share(u128::from(seconds), 730 * 3_600);
        put_in(&|| "shareCost".into(), CostParts::other(monthly));
    }

    /// Divides the pot among all allocations that are not shared themselves.
    fn hand_on(&mut self, sharing: &Sharing, by: &Aggregation) {
        if self.pot.is_zero() && self.pot_idle.is_nothing() {
            return;
        }
        let receivers = (0..self.lines.len())
            .filter(|index| self.lines[*index].role == Role::Allocation && !self.shared[*index]);
        let groups: Vec<Vec<usize>> = match sharing.split {
            Split::Weighted => vec![receivers.collect()],
            Split::Even => {
                let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
                for index in receivers {
                    groups.entry(by.key(&self.lines[index].workload)).or_default().push(index);
                }
                groups.into_values().collect()
            }
        };
        let groups: Vec<Vec<usize>> = groups.into_iter().filter(|group| !group.is_empty()).collect();
        if groups.is_empty() {
            return;
        }
        let weights: Vec<Vec<u128>> = groups
            .iter()
            .map(|group| {
                let costs: Vec<u128> =
                    group.iter().map(|index| self.lines[*index].measures.total().weight()).collect();
                // those who cost nothing carry the same each
                let rows = || group.iter().map(|index| u128::from(self.lines[*index].rows)).collect();
                if costs.iter().all(|cost| *cost == 0) { rows() } else { costs }
            })
            .collect();
        self.handed = vec![IdlePart::default(); self.lines.len()];
        let divide = |amount: Division, give: &mut dyn FnMut(usize, Money)| {
            let mut between = amount;
            for (group, weights) in groups.iter().zip(&weights) {
                let mut within = Division::of(between.next(1), weights.iter().sum());
                for (index, weight) in group.iter().zip(weights) {
                    give(*index, within.next(*weight));
                }
            }
        };
        let count = groups.len() as u128;
        let origins = std::mem::take(&mut self.origins);
        divide(Division::of(self.pot, count), &mut |index, part| {
            let row = &mut self.lines[index].measures;
            row.shared += part;
            divide_by_origin(part, self.pot, &origins, row);
        });
        for resource in 0..3 {
            let cost = Division::of(self.pot_idle.cost[resource], count);
            divide(cost, &mut |index, part| self.handed[index].cost[resource] = part);
            let charged = Division::of_quantity(self.pot_idle.charged[resource], count);
            divide(charged, &mut |index, part| self.handed[index].charged[resource] = part.weight());
        }
        for part in &mut self.handed {
            if !part.is_nothing() {
                (part.span, part.sources) = (self.pot_idle.span, self.pot_idle.sources);
            }
        }
        (self.pot, self.pot_idle) = (Money::ZERO, IdlePart::default());
    }

    fn finish(self, sharing: &Sharing, filter: &Filter, out: &mut dyn FnMut(Line)) {
        let mut showing = Showing::new(sharing, filter);
        let nothing = IdlePart::default();
        for (index, line) in self.lines.into_iter().enumerate() {
            if line.role != Role::Allocation || !self.shared[index] {
                showing.show(line, self.handed.get(index).unwrap_or(&nothing), out);
            }
        }
        let shared = self.pot + self.pot_idle.cost.into_iter().sum();
        if (!self.pot.is_zero() || !self.pot_idle.is_nothing()) && filter.is_empty() {
            let nobody: Arc<str> = Arc::default();
            let workload = Workload::special(RowKind::Shared, &nobody, &nobody, &nobody);
            put(workload, Measures { shared, ..Measures::default() }, out);
        }
        showing.finish(out);
    }
}

fn put(workload: Workload, measures: Measures, out: &mut dyn FnMut(Line)) {
    let (role, workload, idle) = (Role::of(&workload), Arc::new(workload), IdlePart::default());
    out(Line { workload, several: false, rows: 0, role, measures, idle });
}

/// The end of sharing: lines that nobody else carries, filtered, and the idle of those that pass.
pub(crate) struct Showing<'a> {
    sharing: &'a Sharing,
    filter: &'a Filter,
    basis: Basis,
    shown: BTreeMap<PoolName, Shown>,
}

impl<'a> Showing<'a> {
    /// Nothing is shown yet.
    pub fn new(sharing: &'a Sharing, filter: &'a Filter) -> Showing<'a> {
        Showing { sharing, filter, basis: Basis::of(sharing), shown: BTreeMap::new() }
    }

    fn pool(&mut self, workload: &Workload) -> &mut Shown {
        self.shown.entry(self.basis.pool(workload)).or_default()
    }

    /// Takes a line with the idle that was handed on to it.
    pub fn show(&mut self, mut line: Line, handed: &IdlePart, out: &mut dyn FnMut(Line)) {
        let sharing = self.sharing;
        match line.role {
            Role::Allocation if !self.filter.matches(&*line.workload) => {}
            Role::Allocation => {
                if sharing.share_idle {
                    for (resource, idle) in RESOURCES.into_iter().zip(line.idle.cost) {
                        resource(&mut line.measures).cost += idle;
                        resource(&mut line.measures).idle += idle;
                    }
                    line.measures.shared += handed.cost.into_iter().sum();
                    line.measures.sources =
                        line.measures.sources.with(line.idle.sources).with(handed.sources);
                    if sharing.breakdown && handed.cost.iter().any(|idle| !idle.is_zero()) {
                        let parts = CostParts::of_nodes(handed.cost);
                        line.measures.shared_by.entry(IDLE.into()).or_default().add(&parts);
                    }
                } else if !line.idle.is_nothing() || !handed.is_nothing() {
                    let pool = self.pool(&line.workload);
                    pool.idle.add(&line.idle);
                    pool.idle.add(handed);
                }
                out(line);
            }
            Role::Pool => {
                if self.filter.matches(&*line.workload) {
                    self.pool(&line.workload).idle.add(&line.idle);
                }
            }
            Role::Overhead | Role::Management if sharing.include_overhead => {
                let kept = line.role == Role::Overhead || !sharing.management;
                if kept && self.filter.matches(&*line.workload) {
                    out(line);
                }
            }
            Role::Idle | Role::Overhead if sharing.split_idle && self.basis.by_node => {
                self.pool(&line.workload).provider_id = Arc::clone(&line.workload.provider_id);
            }
            Role::Idle | Role::Overhead | Role::Management | Role::Shared => {}
        }
    }

    /// Shows the idle.
    pub fn finish(self, out: &mut dyn FnMut(Line)) {
        for ((cluster, node), Shown { provider_id, idle }) in self.shown {
            if idle.is_nothing() {
                continue;
            }
            // idle is named by its node only where it is told apart
            let node = if self.sharing.split_idle { node } else { Arc::default() };
            let mut row = Measures { span: idle.span, sources: idle.sources, ..Measures::default() };
            for (index, resource) in RESOURCES.into_iter().enumerate() {
                let (charged, cost) = (idle.charged[index], idle.cost[index]);
                *resource(&mut row) = Resource { charged, cost, ..Resource::default() };
            }
            put(Workload::special(RowKind::Idle, &cluster, &node, &provider_id), row, out);
        }
    }
}

/// Divides a part of the pot by what the pot consists of; the parts add up to it.
fn divide_by_origin(part: Money, pot: Money, origins: &BTreeMap<Arc<str>, CostParts>, row: &mut Measures) {
    let mut division = Division::of(part, pot.weight());
    for (name, parts) in origins {
        let own = CostParts(parts.0.map(|amount| division.next(amount.weight())));
        row.shared_by.entry(Arc::clone(name)).or_default().add(&own);
    }
}

impl Sharing {
    /// The name under which a shared row's costs are handed on: its namespace if that is shared, or the label.
    fn origin(&self, row: &Workload) -> Arc<str> {
        if self.namespaces.iter().any(|name| *name == *row.namespace) {
            return Arc::clone(&row.namespace);
        }
        let label = self.labels.iter().find(|(key, value)| row.label(key) == Some(value));
        label.map_or_else(Arc::default, |(key, value)| format!("{key}:{value}").into())
    }

    /// Whether idle is divided at all.
    pub(crate) const fn shows_idle(&self) -> bool {
        self.include_idle || self.share_idle
    }

    /// Whether costs are handed from some to others, hour by hour, so that sums of hours cannot be shared.
    pub(crate) fn hands_on(&self) -> bool {
        !self.namespaces.is_empty()
            || !self.labels.is_empty()
            || !self.monthly.is_zero()
            || self.balancers
            || self.management
    }

    /// Whether a row's costs are carried by the others.
    pub fn covers(&self, row: &Workload) -> bool {
        self.namespaces.iter().any(|name| *name == *row.namespace)
            || self.labels.iter().any(|(key, value)| row.label(key) == Some(value))
    }
}
