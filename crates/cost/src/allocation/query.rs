//! Asking the ledger for allocations.
//!
//! The ledger's grain is the hour: costs are shared hour by hour, so an answer for a window is the sum of the answers for
//! its steps, if steps are of whole hours; where a step cuts an hour, each part of the hour is divided by who was there. Following OpenCost (`per_step`), sharing looks at a whole step at once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use rayon::prelude::*;

use crate::allocation::aggregate::{AllocationSet, AssetShare};
use crate::allocation::aggregation::{AggregateBy, Aggregation, special_key};
use crate::allocation::idle::{Basis, IdlePart};
use crate::allocation::line::{Line, Role};
use crate::allocation::sharing::{Sharing, Showing, share_lines, with_idle};
use crate::filter::Filter;
use crate::interval::{HOUR, Interval};
use crate::ledger::{Grain, Held, Ledger, Need, Piece, PricedHour, Row, Worth};
use crate::measures::Measures;
use crate::prices::SplitMethod;
use crate::rollup::RollUp;
use crate::workload::Workload;

/// What the aggregates of an answer are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderBy {
    /// By name.
    #[default]
    Name,
    /// By all costs.
    TotalCost,
    /// By cost of cores.
    CpuCost,
    /// By cost of memory.
    RamCost,
    /// By cost of GPUs.
    GpuCost,
    /// By cost of volumes.
    VolumeCost,
    /// By cost of traffic.
    NetworkCost,
    /// By cost of load balancers.
    BalancerCost,
    /// By costs of others, handed on.
    SharedCost,
    /// By efficiency of the cores.
    CpuEfficiency,
    /// By efficiency of the memory.
    RamEfficiency,
    /// By efficiency.
    Efficiency,
}

/// The order of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The greatest first.
    pub descending: bool,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many aggregates are left out.
    pub offset: usize,
    /// How many are shown at most.
    pub limit: Option<usize>,
}

/// Answers by step.
type Sets = BTreeMap<usize, AllocationSet>;

/// A question about allocations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllocationQuery {
    /// The steps, in order; each is answered apart.
    pub steps: Vec<Interval>,
    /// Answers of these many steps are added up, in order of steps; empty if each stays apart.
    pub groups: Vec<usize>,
    /// By what rows are added up.
    pub aggregation: Aggregation,
    /// What is shared.
    pub sharing: Sharing,
    /// Who is asked about.
    pub filter: Filter,
    /// Keep labels and annotations that all rows of an aggregate have.
    pub keep_labels: bool,
    /// Say what part of the assets each aggregate carries.
    pub asset_shares: bool,
    /// Share whole steps instead of hours.
    pub per_step: bool,
    /// Divides nodes otherwise than the price book says.
    pub split: Option<SplitMethod>,
    /// The order.
    pub order: Order,
    /// Which part of the answer.
    pub page: Page,
}

impl AllocationQuery {
    /// Answers from a ledger: a set for every step or group of steps.
    pub fn answer(&self, ledger: &Ledger) -> Vec<AllocationSet> {
        let other_split = self.split.as_ref().is_some_and(|split| split != ledger.prices().split_method());
        let whole_steps = self.per_step && (self.sharing.shows_idle() || self.sharing.hands_on());
        let answered: Vec<AllocationSet> = if other_split || whole_steps {
            self.steps.par_iter().map(|step| self.step_by_rows(ledger, *step)).collect()
        } else {
            self.by_pieces(ledger)
        };
        let mut sets = Vec::new();
        let mut steps = answered.into_iter();
        let groups = if self.groups.is_empty() { vec![1; self.steps.len()] } else { self.groups.clone() };
        for length in groups {
            let mut group: Option<AllocationSet> = None;
            for set in steps.by_ref().take(length) {
                match &mut group {
                    Some(group) => group.merge(set, self.keep_labels),
                    None => group = Some(set),
                }
            }
            if let Some(mut set) = group {
                self.arrange(&mut set);
                sets.push(set);
            }
        }
        sets
    }

    /// Answers all steps from pieces. What is on disk together is looked at together, so that it is read once, however many
    /// steps are in it.
    fn by_pieces(&self, ledger: &Ledger) -> Vec<AllocationSet> {
        let hourly = self.sharing.hands_on();
        let need = Need {
            grain: self.grain(),
            basis: self.sharing.shows_idle().then(|| Basis::of(&self.sharing)),
            nodes: self.sharing.split_idle && self.sharing.idle_by_node,
        };
        // lines by hour are in a file of their day, rows and lines of containers each by themselves
        let together = if need.grain == Grain::Groups { 24 * HOUR } else { HOUR };
        let mut tasks: BTreeMap<i64, Vec<(usize, Vec<Piece>)>> = BTreeMap::new();
        for (index, window) in self.steps.iter().enumerate() {
            let mut bundles: BTreeMap<i64, Vec<Piece>> = BTreeMap::new();
            for (number, piece) in (0..).zip(ledger.pieces(*window, need.grain, hourly)) {
                // what is handed on goes to all clusters
                let bundle = if hourly { piece.hour() } else { number };
                bundles.entry(bundle).or_default().push(piece);
            }
            for pieces in bundles.into_values() {
                let hour = pieces.first().map_or(0, Piece::hour);
                tasks.entry(hour.div_euclid(together)).or_default().push((index, pieces));
            }
        }
        let tasks: Vec<_> = tasks.into_values().collect();
        let add = |mut sets: Sets, task: &Vec<(usize, Vec<Piece>)>| {
            let mut held = Held::default();
            for (index, pieces) in task {
                let window = self.steps[*index];
                let set = sets.entry(*index).or_insert_with(|| AllocationSet::new(window));
                self.add_pieces(set, ledger, pieces, window, need, &mut held);
            }
            sets
        };
        let merge = |mut one: Sets, other: Sets| {
            for (index, set) in other {
                match one.entry(index) {
                    Entry::Occupied(mut known) => known.get_mut().merge(set, self.keep_labels),
                    Entry::Vacant(free) => {
                        free.insert(set);
                    }
                }
            }
            one
        };
        let mut sets = tasks.par_iter().fold(Sets::new, add).reduce(Sets::new, merge);
        let set = |(index, window): (usize, &Interval)| {
            sets.remove(&index).unwrap_or_else(|| AllocationSet::new(*window))
        };
        self.steps.iter().enumerate().map(set).collect()
    }

    /// Shows every workload of a window that passes the filter, some of them several times; pods and nodes only if `by_one`.
    pub(crate) fn each_workload(
        ledger: &Ledger,
        window: Interval,
        filter: &Filter,
        by_one: bool,
        mut visit: impl FnMut(&Workload),
    ) {
        let grain = if by_one || filter.asks_about_one() { Grain::Containers } else { Grain::Groups };
        let mut see = |line: Line| {
            if line.role == Role::Allocation && filter.matches(&*line.workload) {
                visit(&line.workload);
            }
        };
        let (need, mut held) = (Need { grain, basis: None, nodes: false }, Held::default());
        for piece in ledger.pieces(window, grain, false) {
            for worth in ledger.worth(&piece, window, need, &mut held) {
                match worth {
                    Worth::Rolled(roll, _) => roll.lines(None).for_each(&mut see),
                    Worth::Rows(document) => document.rows.iter().map(Line::of).for_each(&mut see),
                }
            }
        }
    }

    fn add_pieces(
        &self,
        set: &mut AllocationSet,
        ledger: &Ledger,
        pieces: &[Piece],
        window: Interval,
        need: Need,
        held: &mut Held,
    ) {
        let mut all: Vec<Line> = Vec::new();
        let mut covered = Interval::default();
        for piece in pieces {
            for worth in ledger.worth(piece, window, need, held) {
                let (found, known) = match worth {
                    Worth::Rolled(roll, _) if !self.sharing.hands_on() && !roll.has_shared() => {
                        self.add_rolled(set, &roll, need.basis);
                        continue;
                    }
                    Worth::Rolled(roll, covered) => (roll.lines(need.basis).collect(), covered),
                    Worth::Rows(document) => {
                        let rows = document.rows.iter().map(Line::of).collect();
                        (with_idle(rows, &self.sharing), document.covered)
                    }
                };
                if self.sharing.hands_on() {
                    covered = covered.hull(known);
                    all.extend(found);
                } else {
                    self.add(set, found, 0);
                }
            }
        }
        if self.sharing.hands_on() {
            if pieces.len() > 1 {
                all.sort_by(|one, other| one.workload.cmp(&other.workload));
            }
            self.add(set, all, covered.seconds());
        }
    }

    /// How fine lines have to be.
    fn grain(&self) -> Grain {
        let of_one = |by: &AggregateBy| match by {
            AggregateBy::Node | AggregateBy::Pod | AggregateBy::ProviderId => true,
            AggregateBy::Cluster
            | AggregateBy::Namespace
            | AggregateBy::ControllerKind
            | AggregateBy::Controller
            | AggregateBy::Root
            | AggregateBy::Service
            | AggregateBy::Container
            | AggregateBy::Deployment
            | AggregateBy::StatefulSet
            | AggregateBy::DaemonSet
            | AggregateBy::Job
            | AggregateBy::CronJob
            | AggregateBy::Label(_)
            | AggregateBy::Annotation(_) => false,
        };
        let by_one = match &self.aggregation {
            Aggregation::None => true,
            Aggregation::All => false,
            Aggregation::By(parts) => parts.iter().any(of_one),
        };
        let by_node = self.sharing.idle_by_node && (self.sharing.split_idle || self.asset_shares);
        match by_one || by_node || self.filter.asks_about_one() {
            _ if self.sharing.charge_overcommit => Grain::Rows,
            false => Grain::Groups,
            true if self.sharing.hands_on() => Grain::Rows,
            true => Grain::Containers,
        }
    }

    /// Row by row: for divisions of nodes that nothing is prepared for, and for sharing that looks at whole steps.
    fn step_by_rows(&self, ledger: &Ledger, window: Interval) -> AllocationSet {
        let mut set = AllocationSet::new(window);
        let mut whole: BTreeMap<Arc<Workload>, Measures> = BTreeMap::new();
        let mut covered = 0;
        for hour in ledger.hours(window) {
            let documents = ledger.priced(hour, window, self.split.as_ref());
            let seconds =
                documents.iter().fold(Interval::default(), |all, one| all.hull(one.covered)).seconds();
            if self.per_step {
                covered += seconds;
                for (workload, row) in documents.iter().flat_map(|document| &document.rows) {
                    match whole.get_mut(workload) {
                        Some(known) => known.add(row),
                        None => {
                            whole.insert(Arc::clone(workload), row.clone());
                        }
                    }
                }
            } else {
                self.add(&mut set, lines(&documents, &self.sharing), seconds);
            }
        }
        if self.per_step {
            let rows: Vec<Row> = whole.into_iter().collect();
            let lines = with_idle(rows.iter().map(Line::of).collect(), &self.sharing);
            self.add(&mut set, lines, covered);
        }
        set
    }

    fn add(&self, set: &mut AllocationSet, lines: Vec<Line>, seconds: u64) {
        for line in &lines {
            self.note_assets(set, line);
        }
        share_lines(lines, &self.sharing, &self.aggregation, &self.filter, seconds, &mut |line| {
            self.put(set, &line);
        });
    }

    /// Adds lines of which none is handed on, one by one.
    fn add_rolled(&self, set: &mut AllocationSet, roll: &RollUp, basis: Option<Basis>) {
        let mut desk = Showing::new(&self.sharing, &self.filter);
        for line in roll.lines(basis) {
            self.note_assets(set, &line);
            desk.show(line, &IdlePart::default(), &mut |line| self.put(set, &line));
        }
        desk.finish(&mut |line| self.put(set, &line));
    }

    fn note_assets(&self, set: &mut AllocationSet, line: &Line) {
        if self.asset_shares && !matches!(line.role, Role::Shared | Role::Pool) {
            let share = AssetShare::of(&line.measures);
            set.assets.entry(self.pool(&line.workload)).or_default().add(share);
        }
    }

    fn put(&self, set: &mut AllocationSet, line: &Line) {
        let (workload, row) = (&line.workload, &line.measures);
        let key = match line.role {
            Role::Allocation => self.aggregation.key(workload),
            _ => special_key(workload, self.sharing.split_idle),
        };
        let aggregate = set.add_sum(key, workload, line.several, row, self.keep_labels);
        if self.asset_shares && line.role == Role::Allocation {
            aggregate.shares.entry(self.pool(workload)).or_default().add(AssetShare::of(row));
        }
    }

    fn pool(&self, workload: &Workload) -> (Arc<str>, Arc<str>) {
        let node = if self.sharing.idle_by_node { Arc::clone(&workload.node) } else { Arc::default() };
        (Arc::clone(&workload.cluster), node)
    }

    fn arrange(&self, set: &mut AllocationSet) {
        let value = |measures: &Measures| match self.order.by {
            OrderBy::Name => 0.0,
            OrderBy::TotalCost => measures.total().as_f64(),
            OrderBy::CpuCost => measures.cpu.cost.as_f64(),
            OrderBy::RamCost => measures.ram.cost.as_f64(),
            OrderBy::GpuCost => measures.gpu.cost.as_f64(),
            OrderBy::VolumeCost => measures.volume_cost().as_f64(),
            OrderBy::NetworkCost => measures.network.cost().as_f64(),
            OrderBy::BalancerCost => measures.balancer_cost().as_f64(),
            OrderBy::SharedCost => measures.shared.as_f64(),
            OrderBy::CpuEfficiency => measures.cpu_efficiency(),
            OrderBy::RamEfficiency => measures.ram_efficiency(),
            OrderBy::Efficiency => measures.total_efficiency(),
        };
        let descending = self.order.descending;
        // what nobody knows comes last
        let last = if descending { f64::NEG_INFINITY } else { f64::INFINITY };
        let known =
            |measures: &Measures| Some(value(measures)).filter(|value| !value.is_nan()).unwrap_or(last);
        set.aggregates.sort_by(|name, one, other_name, other| {
            let order = known(&one.measures).total_cmp(&known(&other.measures));
            match (self.order.by, descending) {
                (OrderBy::Name, false) => name.cmp(other_name),
                (OrderBy::Name, true) => other_name.cmp(name),
                (_, false) => order.then_with(|| name.cmp(other_name)),
                (_, true) => order.reverse().then_with(|| name.cmp(other_name)),
            }
        });
        let Page { offset, limit } = self.page;
        if offset > 0 || limit.is_some() {
            let all = std::mem::take(&mut set.aggregates);
            set.aggregates = all.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
        }
    }
}

/// Rows of all clusters in one hour, in order, with their idle.
fn lines(documents: &[Arc<PricedHour>], sharing: &Sharing) -> Vec<Line> {
    let mut lines: Vec<Line> =
        documents.iter().flat_map(|document| document.rows.iter().map(Line::of)).collect();
    if documents.len() > 1 {
        lines.sort_by(|one, other| one.workload.cmp(&other.workload));
    }
    with_idle(lines, sharing)
}
