//! A roll-up in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::{Basis, IdlePart, Line, Role};
use crate::interval::Interval;
use crate::measures::{BalancerPart, Measures, Network, Resource, VolumePart};
use crate::money::Money;
use crate::prices::PriceSources;
use crate::rollup::columns::Column;
use crate::rollup::line::RollLine;
use crate::workload::Workload;

/// Who a row is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RollRow {
    pub workload: Arc<Workload>,
    pub several: bool,
    pub role: Role,
}

type Volumes = Box<[((Arc<str>, Arc<str>), VolumePart)]>;
type Balancers = Box<[(Arc<str>, BalancerPart)]>;

/// Volumes and load balancers of a row, in order; lists, because most rows have one and a map has room for eleven.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attached {
    pub volumes: Volumes,
    pub balancers: Balancers,
}

/// Lines, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RollUp {
    pub rows: Vec<RollRow>,
    /// In the order of [`cell_names`].
    pub columns: Vec<Column>,
    /// Of the rows that have any.
    pub attached: BTreeMap<usize, Attached>,
}

/// Bytes of a workload that nobody shares, about.
const BYTES_OF_NAMES: usize = 500;
const RESOURCE: usize = 6;
/// Numbers of a row before its idle.
const OWN: usize = 3 * RESOURCE + 21;
/// Numbers of a part of idle.
const PART: usize = 9;
/// Numbers of a row.
const CELLS: usize = OWN + 4 * PART;

/// The basis of the number at a place, if it is about idle.
pub(crate) fn basis_of_cell(place: usize) -> Option<Basis> {
    Basis::ALL.get(place.checked_sub(OWN)? / PART).copied()
}

/// Names of the numbers, in order.
pub(crate) fn cell_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(CELLS);
    for resource in ["cpu", "ram", "gpu"] {
        let of = |what: &str| format!("{resource}_{what}");
        names.extend(["requested", "used", "compared", "charged", "cost", "overcommit"].map(of));
    }
    let own = [
        "rows",
        "start",
        "end",
        "cpu_limit",
        "ram_limit",
        "cpu_peak",
        "ram_peak",
        "seconds",
        "measured_seconds",
        "network_measured",
        "bytes_sent",
        "bytes_received",
        "bytes_to_zones",
        "bytes_to_regions",
        "bytes_to_internet",
        "zone_cost",
        "region_cost",
        "internet_cost",
        "shared",
        "external",
        "price_sources",
    ];
    names.extend(own.map(str::to_owned));
    for basis in Basis::ALL {
        let pool = if basis.by_node { "node" } else { "cluster" };
        let with = if basis.with_overhead { "_with_overhead" } else { "" };
        let of = |what: &str| format!("idle_of_{pool}{with}_{what}");
        let part = ["cpu_cost", "ram_cost", "gpu_cost", "cpu", "ram", "gpu", "start", "end", "price_sources"];
        names.extend(part.map(of));
    }
    names
}

fn cell(amount: u128) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}

fn push_resource(cells: &mut Vec<i128>, resource: &Resource) {
    cells.extend([resource.requested, resource.used, resource.compared, resource.charged].map(cell));
    cells.extend([resource.cost.nanos(), resource.overcommit.nanos()]);
}

fn cells_of(roll: &RollLine) -> Vec<i128> {
    let (line, row) = (&roll.line, &roll.line.measures);
    let mut cells: Vec<i128> = Vec::with_capacity(CELLS);
    push_resource(&mut cells, &row.cpu);
    push_resource(&mut cells, &row.ram);
    push_resource(&mut cells, &row.gpu);
    cells.extend([i128::from(line.rows), i128::from(row.span.start), i128::from(row.span.end)]);
    cells.extend([cell(row.cpu_limit), cell(row.ram_limit)]);
    cells.extend([i128::from(row.cpu_peak), i128::from(row.ram_peak)]);
    cells.extend([cell(row.seconds), cell(row.measured)]);
    let network = &row.network;
    cells.push(i128::from(network.measured));
    cells.extend([cell(network.transmitted), cell(network.received)]);
    cells.extend(network.classes.map(cell));
    cells.extend([network.zone_cost, network.region_cost, network.internet_cost].map(Money::nanos));
    cells.extend([row.shared, row.external].map(Money::nanos));
    cells.push(i128::from(row.sources.to_number()));
    for part in &roll.idle {
        cells.extend(part.cost.map(Money::nanos));
        cells.extend(part.charged.map(cell));
        cells.extend([i128::from(part.span.start), i128::from(part.span.end)]);
        cells.push(i128::from(part.sources.to_number()));
    }
    cells
}

/// Reads a row's numbers in order.
struct Cells<'a> {
    columns: &'a [Column],
    row: usize,
    next: usize,
}

impl Cells<'_> {
    fn signed(&mut self) -> i128 {
        let number = self.columns.get(self.next).map_or(0, |column| column.get(self.row));
        self.next += 1;
        number
    }

    fn amount(&mut self) -> u128 {
        u128::try_from(self.signed()).unwrap_or(0)
    }

    fn small(&mut self) -> u64 {
        u64::try_from(self.signed()).unwrap_or(0)
    }

    fn money(&mut self) -> Money {
        Money::from_nanos(self.signed())
    }

    fn sources(&mut self) -> PriceSources {
        PriceSources::from_number(u16::try_from(self.signed()).unwrap_or(0))
    }

    fn interval(&mut self) -> Interval {
        let mut second = || i64::try_from(self.signed()).unwrap_or(0);
        let (start, end) = (second(), second());
        Interval::new(start, end)
    }

    fn resource(&mut self) -> Resource {
        Resource {
            requested: self.amount(),
            used: self.amount(),
            compared: self.amount(),
            charged: self.amount(),
            cost: self.money(),
            overcommit: self.money(),
            ..Resource::default()
        }
    }

    fn idle(&mut self) -> IdlePart {
        IdlePart {
            cost: [self.money(), self.money(), self.money()],
            charged: [self.amount(), self.amount(), self.amount()],
            span: self.interval(),
            sources: self.sources(),
        }
    }
}

impl RollUp {
    /// Packs lines, which come in order.
    pub fn pack(lines: &[RollLine]) -> RollUp {
        let cells: Vec<Vec<i128>> = lines.iter().map(cells_of).collect();
        let column = |place: usize| {
            let numbers: Vec<i128> = cells.iter().map(|cells| cells[place]).collect();
            Column::of(&numbers)
        };
        let row = |roll: &RollLine| RollRow {
            workload: Arc::clone(&roll.line.workload),
            several: roll.line.several,
            role: roll.line.role,
        };
        let mut attached = BTreeMap::new();
        for (index, roll) in lines.iter().enumerate() {
            let (volumes, balancers) = (&roll.line.measures.volumes, &roll.line.measures.balancers);
            if !volumes.is_empty() || !balancers.is_empty() {
                let volumes = volumes.iter().map(|(name, part)| (name.clone(), part.clone())).collect();
                let balancers =
                    balancers.iter().map(|(name, part)| (Arc::clone(name), part.clone())).collect();
                attached.insert(index, Attached { volumes, balancers });
            }
        }
        let columns = (0..CELLS).map(column).collect();
        RollUp { rows: lines.iter().map(row).collect(), columns, attached }
    }

    /// A line with its idle by one basis, or none.
    pub fn line(&self, index: usize, basis: Option<Basis>) -> Option<Line> {
        let row = self.rows.get(index)?;
        let mut cells = Cells { columns: &self.columns, row: index, next: 0 };
        let (cpu, ram, gpu) = (cells.resource(), cells.resource(), cells.resource());
        let rows = cells.small();
        let attached = self.attached.get(&index);
        let measures = Measures {
            span: cells.interval(),
            cpu,
            ram,
            gpu,
            cpu_limit: cells.amount(),
            ram_limit: cells.amount(),
            cpu_peak: cells.small(),
            ram_peak: cells.small(),
            seconds: cells.amount(),
            measured: cells.amount(),
            network: Network {
                measured: cells.signed() != 0,
                transmitted: cells.amount(),
                received: cells.amount(),
                classes: [cells.amount(), cells.amount(), cells.amount()],
                zone_cost: cells.money(),
                region_cost: cells.money(),
                internet_cost: cells.money(),
            },
            volumes: attached.into_iter().flat_map(|own| own.volumes.iter().cloned()).collect(),
            balancers: attached.into_iter().flat_map(|own| own.balancers.iter().cloned()).collect(),
            shared: cells.money(),
            external: cells.money(),
            sources: cells.sources(),
            // what is kept is not shared yet
            shared_by: Default::default(),
        };
        let idle = basis.map(|basis| {
            cells.next = OWN + basis.index() * PART;
            cells.idle()
        });
        Some(Line {
            workload: Arc::clone(&row.workload),
            several: row.several,
            rows,
            role: row.role,
            measures,
            idle: idle.unwrap_or_default(),
        })
    }

    /// All lines with their idle by one basis, or none.
    pub fn lines(&self, basis: Option<Basis>) -> impl Iterator<Item = Line> {
        (0..self.rows.len()).filter_map(move |index| self.line(index, basis))
    }

    /// Whether there are costs with nobody to carry them.
    pub fn has_shared(&self) -> bool {
        self.rows.iter().any(|row| row.role == Role::Shared)
    }

    /// Whether the idle by a basis is at hand.
    pub fn knows(&self, basis: Option<Basis>) -> bool {
        let first = basis.map(|basis| OWN + basis.index() * PART);
        first.is_none_or(|first| !matches!(self.columns.get(first), Some(Column::Unread)))
    }

    /// What was packed.
    pub fn unpack(&self) -> Vec<RollLine> {
        let with_idle = |index: usize| {
            let line = self.line(index, None)?;
            let mut cells = Cells { columns: &self.columns, row: index, next: OWN };
            Some(RollLine { line, idle: [cells.idle(), cells.idle(), cells.idle(), cells.idle()] })
        };
        (0..self.rows.len()).filter_map(with_idle).collect()
    }

    /// About how many bytes it takes, with workloads that nobody else has.
    pub fn bytes(&self) -> usize {
        let own = self.rows.iter().filter(|row| Arc::strong_count(&row.workload) == 1).count();
        self.rows.len() * size_of::<RollRow>()
            + own * BYTES_OF_NAMES
            + self.columns.iter().map(Column::bytes).sum::<usize>()
            + self.attached.len() * 400
    }
}
