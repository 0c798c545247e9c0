//! Containers of an hour, as facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collector::Owners;
use crate::collector::evenly;
use crate::facts::{Amount, ContainerFact, NetworkBytes};
use crate::interval::{Interval, part};
use crate::prometheus::counters::{Growth, Points, growth};
use crate::prometheus::grid::Grid;
use crate::prometheus::pods::{Directory, Pod};
use crate::prometheus::table::{AmountPoints, Amounts, HourTable, Traffic, UseSeries};
use crate::prometheus::told::runs;

/// More cores than any container uses (reference section 1.2, item 4).
const MOST_CORES: u64 = 512;
/// Microcores of a core.
const MICRO: u64 = crate::facts::MICROCORES;

/// What a container used in the steps of an hour.
struct Used {
    /// Microcore-seconds by moment; none where it is not known.
    cpu: Vec<Option<u64>>,
    /// The most microcores.
    cpu_peak: Vec<u64>,
}

/// The facts of a pod's containers, and the moments at which their use was measured.
pub(super) fn container_facts(
    table: &HourTable,
    directory: &Directory<'_>,
    owners: &Owners<'_>,
    pod: &Pod<'_>,
    longest: i64,
) -> (Vec<ContainerFact>, u64) {
    let grid = table.grid;
    let uses = table.uses.get(pod.name);
    let constant = directory.is_constant(pod);
    let looks = runs(pod.life.from, pod.life.to, constant, |moment| directory.workload(pod, owners, moment));
    let names = pod.series.rows();
    let mut facts = Vec::with_capacity(names.len() * looks.len());
    let mut measured = 0;
    let network = uses.and_then(|uses| traffic(uses, grid, pod.life.stretch, longest));
    for (index, name) in names.iter().enumerate() {
        let used = uses.map(|uses| cpu_use(uses, name, grid, pod.life.stretch, longest));
        let ram = uses.and_then(|uses| uses.ram.get(*name));
        let gpu = uses.and_then(|uses| uses.gpu.get(*name));
        let empty = AmountPoints::new();
        let asked = pod.series.containers.get(*name).unwrap_or(&empty);
        for (from, to, look) in &looks {
            let interval = pod.life.part(grid, *from, *to);
            if interval.is_empty() {
                continue;
            }
            let mut fact = ContainerFact { interval, ..ContainerFact::default() };
            for moment in *from..=*to {
                let seconds = grid.cell(moment).overlap(interval).seconds();
                let step = Step { asked, moment, seconds };
                if step.add(&mut fact, used.as_ref(), ram, gpu) {
                    measured |= 1 << moment;
                }
            }
            fact.network = network.map(|bytes| {
                evenly(bytes.part(pod.life.stretch, interval), index as u64, names.len() as u64)
            });
            fact.workload =
                Arc::new(crate::workload::Workload { container: Arc::clone(name), ..look.clone() });
            facts.push(fact);
        }
    }
    (facts, measured)
}

/// A step of a container.
struct Step<'a> {
    asked: &'a AmountPoints,
    moment: u32,
    /// Of the step, how long it ran.
    seconds: u64,
}

impl Step<'_> {
    fn rate(&self, amounts: Amounts, unit: f64) -> u64 {
        let value = self.asked.get(&amounts).and_then(|points| points.near(self.moment));
        (value.unwrap_or(0.0) * unit).round() as u64
    }

    /// Adds the step; says whether use was measured.
    fn add(
        &self,
        fact: &mut ContainerFact,
        used: Option<&Used>,
        ram: Option<&Points>,
        gpu: Option<&BTreeMap<Arc<str>, Points>>,
    ) -> bool {
        let over = |rate: u64| rate.saturating_mul(self.seconds);
        let place = self.moment as usize;
        let cpu_used = used.and_then(|used| used.cpu.get(place).copied().flatten());
        let ram_rate = ram.and_then(|points| points.at(self.moment)).map(|bytes| bytes.max(0.0) as u64);
        let gpu_rate = gpu.map(|devices| {
            let busy: f64 = devices.values().filter_map(|points| points.at(self.moment)).sum();
            (busy * 1_000.0).round() as u64
        });
        let micro = MICRO as f64;
        let mut add = |amount: fn(&mut ContainerFact) -> &mut Amount, asked: u64, used: u64, charged: u64| {
            let amount = amount(fact);
            amount.requested = amount.requested.saturating_add(asked);
            amount.used = amount.used.saturating_add(used);
            amount.charged = amount.charged.saturating_add(charged);
        };
        let asked = over(self.rate(Amounts::CpuRequest, micro));
        let given = over(self.rate(Amounts::CpuAllocation, micro));
        let cpu = cpu_used.unwrap_or(0);
        add(|fact| &mut fact.cpu, asked, cpu, asked.max(given).max(cpu));
        let asked = over(self.rate(Amounts::RamRequest, 1.0));
        let given = over(self.rate(Amounts::RamAllocation, 1.0));
        let bytes = over(ram_rate.unwrap_or(0));
        add(|fact| &mut fact.ram, asked, bytes, asked.max(given).max(bytes));
        // a GPU that was asked for is taken, whether it works or not
        let asked = over(self.rate(Amounts::GpuRequest, 1_000.0));
        let given = over(self.rate(Amounts::GpuAllocation, 1_000.0));
        add(|fact| &mut fact.gpu, asked, over(gpu_rate.unwrap_or(0)), asked.max(given));
        fact.cpu_limit = fact.cpu_limit.saturating_add(over(self.rate(Amounts::CpuLimit, micro)));
        fact.ram_limit = fact.ram_limit.saturating_add(over(self.rate(Amounts::RamLimit, 1.0)));
        let peak = used.and_then(|used| used.cpu_peak.get(place).copied());
        fact.cpu_peak = fact.cpu_peak.max(peak.unwrap_or(0));
        fact.ram_peak = fact.ram_peak.max(ram_rate.unwrap_or(0));
        let both = cpu_used.is_some() && ram_rate.is_some();
        if both {
            fact.measured = fact.measured.saturating_add(self.seconds);
        }
        both
    }
}

/// A pod's counters begin with it; what was counted before the hour began is in their first values.
fn since(life: Interval, grid: Grid) -> Option<i64> {
    (life.start > grid.hour()).then_some(life.start)
}

fn cpu_use(uses: &UseSeries, name: &Arc<str>, grid: Grid, life: Interval, longest: i64) -> Used {
    let steps = grid.last() as usize + 1;
    let mut used = Used { cpu: vec![None; steps], cpu_peak: vec![0; steps] };
    let Some(parts) = uses.cpu.get(name) else { return used };
    // a container that begins anew has a new cgroup, whose counter begins where the old one ended
    let mut ends: Vec<i64> = parts
        .values()
        .filter_map(|points| points.iter().last())
        .map(|(moment, _)| grid.time(moment))
        .collect();
    ends.sort_unstable();
    for points in parts.values() {
        let first = points.iter().next().map_or(0, |(moment, _)| grid.time(moment));
        let restart = ends.iter().copied().filter(|end| *end < first).max();
        let begun = since(life, grid).max(restart);
        for each in growth(points, grid, begun, longest, MICRO as f64) {
            spread(each, grid, life, &mut used);
        }
    }
    used
}

/// Divides what a counter grew by among the steps it grew in.
fn spread(growth: Growth, grid: Grid, life: Interval, used: &mut Used) {
    let inside = growth.stretch.overlap(life);
    let most = MOST_CORES.saturating_mul(MICRO).saturating_mul(growth.stretch.seconds());
    if inside.is_empty() || growth.amount > most {
        return;
    }
    let rate = growth.amount / inside.seconds().max(1);
    let from = grid.moment(inside.start as f64 + 1.0).unwrap_or(1).max(1);
    let to = grid.moment(inside.end as f64).unwrap_or_else(|| grid.last());
    for moment in from..=to {
        let amount = part(growth.amount.into(), inside, grid.cell(moment));
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        let place = moment as usize;
        let known = used.cpu[place].unwrap_or(0);
        used.cpu[place] = Some(known.saturating_add(amount));
        used.cpu_peak[place] = used.cpu_peak[place].saturating_add(rate);
    }
}

/// What a pod sent and received in its life; none if nobody counted.
fn traffic(uses: &UseSeries, grid: Grid, life: Interval, longest: i64) -> Option<NetworkBytes> {
    let mut bytes: Option<NetworkBytes> = None;
    for ((class, _), points) in &uses.traffic {
        for each in growth(points, grid, since(life, grid), longest, 1.0) {
            let inside = each.stretch.overlap(life);
            if inside.is_empty() {
                continue;
            }
            let bytes = bytes.get_or_insert_default();
            let field = match class {
                Traffic::Sent => &mut bytes.transmitted,
                Traffic::Received => &mut bytes.received,
                Traffic::Zone => &mut bytes.zone,
                Traffic::Region => &mut bytes.region,
                Traffic::Internet => &mut bytes.internet,
            };
            *field = field.saturating_add(each.amount);
        }
    }
    bytes
}
