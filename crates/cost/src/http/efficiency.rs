//! How well what is paid for is used: by allocation, with what requests would do, and by cluster (reference sections 1.6 and
//! 2.2).
//!
//! What was used is what was measured: an allocation that nobody measured is told to keep what it asks for. (Upstream takes
//! what is charged for what is used, so that everything is efficient, #3984; `compat=opencost` does the same.)

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::allocation::{Aggregate, AllocationSet};
use crate::facts::MICROCORES;
use crate::http::allocation_json::{Style, window_json};
use crate::http::number::quotient;
use crate::interval::{Interval, rfc3339};
use crate::measures::{Measures, Resource};
use crate::query::AllocationRequest;
use crate::workload::RowKind;

/// The least that is recommended: a millicore, and a MiB.
const LEAST_CORES: f64 = 0.001;
const LEAST_BYTES: f64 = 1_048_576.0;

/// One resource of an allocation, in cores or bytes.
struct Sizing {
    requested: f64,
    used: f64,
    is_measured: bool,
    recommended: f64,
    /// What the recommended size would cost.
    cost: f64,
}

impl Sizing {
    /// `unit` is what a core or a byte is in the facts.
    fn of(
        resource: &Resource,
        row: &Measures,
        unit: u64,
        least: f64,
        headroom: f64,
        opencost: bool,
    ) -> Sizing {
        let seconds = row.span.seconds() as f64 * unit as f64;
        let (requested, charged) =
            (quotient(resource.requested, seconds), quotient(resource.charged, seconds));
        let measured = if opencost {
            Some(charged)
        } else if row.measured == 0 {
            None
        } else {
            // use while it was not measured is taken to be as use while it was
            let gaps = match resource.compared {
                0 => row.seconds as f64 / row.measured as f64,
                compared => resource.requested as f64 / compared as f64,
            };
            Some(quotient(resource.used, seconds) * gaps.max(1.0))
        };
        let recommended = measured.map_or(requested, |used| (used * headroom).max(least));
        let paid = (resource.cost - resource.idle).as_f64();
        let rate = if charged > 0.0 { paid / charged } else { 0.0 };
        let is_measured = measured.is_some();
        Sizing {
            requested,
            used: measured.unwrap_or(0.0),
            is_measured,
            recommended,
            cost: rate * recommended,
        }
    }
}

impl Sizing {
    /// What is used of so much; not a number if nobody knows.
    fn of_it(&self, whole: f64) -> f64 {
        match (self.is_measured, whole > 0.0) {
            (true, true) => self.used / whole,
            (true, false) => 0.0,
            (false, _) => f64::NAN,
        }
    }
}

/// All allocations, in the order of their sets.
pub fn efficiencies(
    sets: &[AllocationSet],
    request: &AllocationRequest,
    headroom: f64,
) -> Vec<Map<String, Value>> {
    let rows = sets.iter().flat_map(|set| {
        let style = Style::of(request, set.window);
        let named = set.aggregates.iter().filter(|(_, aggregate)| aggregate.measures.seconds > 0);
        named.map(move |(name, aggregate)| efficiency(name, &aggregate.measures, style, headroom))
    });
    rows.collect()
}

/// The fields that every row has, for tables without rows.
pub fn blank(request: &AllocationRequest) -> Map<String, Value> {
    efficiency("", &Measures::default(), Style::of(request, request.window), 1.0)
}

fn efficiency(name: &str, row: &Measures, style: Style, headroom: f64) -> Map<String, Value> {
    let cpu = Sizing::of(&row.cpu, row, MICROCORES, LEAST_CORES, headroom, style.opencost);
    let ram = Sizing::of(&row.ram, row, 1, LEAST_BYTES, headroom, style.opencost);
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let current = row.total().as_f64();
    let others = current - (row.cpu.cost - row.cpu.idle + row.ram.cost - row.ram.idle).as_f64();
    let recommended = others + cpu.cost + ram.cost;
    let savings = current - recommended;
    let cost = |dollars: f64| style.plain(dollars * style.factor);
    let mut out = Map::new();
    for (field, value) in [
        ("name", Value::from(name)),
        ("cpuEfficiency", style.plain(cpu.of_it(cpu.requested))),
        ("memoryEfficiency", style.plain(ram.of_it(ram.requested))),
        ("cpuCoresRequested", style.plain(cpu.requested)),
        ("cpuCoresUsed", style.plain(cpu.used)),
        ("ramBytesRequested", style.plain(ram.requested)),
        ("ramBytesUsed", style.plain(ram.used)),
        ("recommendedCpuRequest", style.plain(cpu.recommended)),
        ("recommendedRamRequest", style.plain(ram.recommended)),
        ("resultingCpuEfficiency", style.plain(cpu.of_it(cpu.recommended))),
        ("resultingMemoryEfficiency", style.plain(ram.of_it(ram.recommended))),
        ("currentTotalCost", cost(current)),
        ("recommendedCost", cost(recommended)),
        ("costSavings", cost(savings)),
        ("costSavingsPercent", style.plain(100.0 * ratio(savings, current))),
        ("efficiencyBufferMultiplier", style.plain(headroom)),
        ("start", rfc3339(row.span.start).into()),
        ("end", rfc3339(row.span.end).into()),
    ] {
        out.insert(field.to_owned(), value);
    }
    if !style.opencost {
        let measured = quotient(row.measured, row.seconds as f64);
        out.insert("measuredFraction".to_owned(), style.plain(measured));
    }
    out
}

/// Costs of one resource, in dollars: of all of it, and of what was used.
#[derive(Clone, Copy, Default)]
struct Costs {
    all: f64,
    workload: f64,
    used: f64,
}

/// Costs of a cluster's nodes.
#[derive(Clone, Default)]
struct ClusterCosts {
    span: Interval,
    /// Cores, memory, GPUs, volumes.
    resources: [Costs; 4],
    /// Efficiencies of cores, memory and GPUs.
    efficiencies: [f64; 3],
}

impl ClusterCosts {
    fn add_workloads(&mut self, row: &Measures) {
        self.span = self.span.hull(row.span);
        // of what nobody measured nothing is known to be used
        self.efficiencies = [row.cpu_efficiency(), row.ram_efficiency(), row.gpu_efficiency()]
            .map(|part| if part.is_nan() { 0.0 } else { part.min(1.0) });
        let nodes = [&row.cpu, &row.ram, &row.gpu];
        for ((costs, resource), efficiency) in self.resources.iter_mut().zip(nodes).zip(self.efficiencies) {
            let workload = (resource.cost - resource.idle).as_f64();
            costs.all += resource.cost.as_f64();
            costs.workload += workload;
            costs.used += workload * efficiency;
        }
        // volumes are paid for by size, whatever is in them
        let volumes = row.volume_cost().as_f64();
        let costs = &mut self.resources[3];
        (costs.all, costs.workload, costs.used) =
            (costs.all + volumes, costs.workload + volumes, costs.used + volumes);
    }

    fn add_idle(&mut self, row: &Measures) {
        self.span = self.span.hull(row.span);
        for (costs, resource) in self.resources.iter_mut().zip([&row.cpu, &row.ram, &row.gpu]) {
            costs.all += resource.cost.as_f64();
        }
    }

    fn add(&mut self, other: &ClusterCosts) {
        self.span = self.span.hull(other.span);
        for (mine, theirs) in self.resources.iter_mut().zip(other.resources) {
            mine.all += theirs.all;
            mine.workload += theirs.workload;
            mine.used += theirs.used;
        }
        for (index, costs) in self.resources.iter().take(3).enumerate() {
            self.efficiencies[index] = if costs.workload > 0.0 { costs.used / costs.workload } else { 0.0 };
        }
    }

    /// Reference section 1.6: of $300, $50 used, $100 asked for and not used, $150 of nobody: 16.7 %.
    fn json(&self, name: &str, style: Style) -> Value {
        let cost = |dollars: f64| style.plain(dollars.max(0.0) * style.factor);
        let nodes = &self.resources[..3];
        let sum = |part: fn(&Costs) -> f64| nodes.iter().map(part).sum::<f64>();
        let (all, workload, used) =
            (sum(|costs| costs.all), sum(|costs| costs.workload), sum(|costs| costs.used));
        let ratio = |part: f64, whole: f64| style.plain(if whole > 0.0 { part / whole } else { 0.0 });
        let breakdown = |costs: &Costs| {
            json!({
                "allocation": cost(costs.all),
                "usage": cost(costs.used),
                "idle": cost(costs.all - costs.used),
                "efficiency": ratio(costs.used, costs.all),
            })
        };
        let [cpu, ram, gpu, pv] = &self.resources;
        json!({
            "name": name,
            "start": rfc3339(self.span.start),
            "end": rfc3339(self.span.end),
            "cpuEfficiency": style.plain(self.efficiencies[0]),
            "ramEfficiency": style.plain(self.efficiencies[1]),
            "gpuEfficiency": style.plain(self.efficiencies[2]),
            "totalUsageCost": cost(used),
            "workloadAllocationCost": cost(workload),
            "workloadIdleCost": cost(workload - used),
            "infraIdleCost": cost(all - workload),
            "totalIdleCost": cost(all - used),
            "totalAllocationCost": cost(all),
            "efficiency": ratio(used, all),
            "cpu": breakdown(cpu),
            "ram": breakdown(ram),
            "gpu": breakdown(gpu),
            "pv": breakdown(pv),
        })
    }
}

/// Efficiency by cluster. The sets have to be by cluster, with idle split.
pub fn clusters(sets: &[AllocationSet], request: &AllocationRequest) -> Value {
    let one = |set: &AllocationSet| {
        let style = Style::of(request, set.window);
        let by_cluster = by_cluster(set);
        let mut all = ClusterCosts::default();
        for costs in by_cluster.values() {
            all.add(costs);
        }
        all.span = set.window;
        let named = by_cluster.iter().map(|(name, costs)| (name.to_string(), costs.json(name, style)));
        json!({
            "clusters": Value::Object(named.collect()),
            "summary": all.json("summary", style),
            "window": window_json(set.window),
        })
    };
    json!({
        "step": request.step.saturating_mul(1_000_000_000),
        "sets": sets.iter().map(one).collect::<Vec<_>>(),
        "window": window_json(request.window),
    })
}

fn by_cluster(set: &AllocationSet) -> BTreeMap<Arc<str>, ClusterCosts> {
    let mut clusters: BTreeMap<Arc<str>, ClusterCosts> = BTreeMap::new();
    for Aggregate { properties, measures, .. } in set.aggregates.values() {
        let row = properties.get();
        let costs = clusters.entry(Arc::clone(&row.cluster)).or_default();
        match row.kind {
            RowKind::Idle | RowKind::Overhead => costs.add_idle(measures),
            _ => costs.add_workloads(measures),
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocation::{AssetShares, Properties};
    use crate::money::Money;
    use crate::query::{Parameters, Standpoint};
    use crate::workload::Workload;

    fn request(query: &str) -> AllocationRequest {
        AllocationRequest::read(&Parameters::read(query, b""), &Standpoint::at(86_400)).unwrap()
    }

    fn aggregate(kind: RowKind, measures: Measures) -> Aggregate {
        let workload = Workload { cluster: "one".into(), kind, ..Workload::default() };
        Aggregate { properties: Properties::One(Arc::new(workload)), measures, shares: AssetShares::new() }
    }

    /// Reference section 1.6, worked example.
    #[test]
    fn fifty_used_of_three_hundred_is_a_sixth() {
        let resource = |requested, used, dollars| Resource {
            requested,
            used,
            charged: requested.max(used),
            cost: Money::from_dollars(dollars),
            ..Resource::default()
        };
        let day = Interval::new(0, 86_400);
        let workloads = Measures { span: day, cpu: resource(3, 1, 150), ..Measures::default() };
        let idle = Measures { span: day, cpu: resource(0, 0, 150), ..Measures::default() };
        let mut set = AllocationSet::new(day);
        set.aggregates.insert("one".to_owned(), aggregate(RowKind::Container, workloads));
        set.aggregates.insert("one/__idle__".to_owned(), aggregate(RowKind::Idle, idle));
        let answer = clusters(&[set], &request("window=0-86400"));
        for one in [&answer["sets"][0]["clusters"]["one"], &answer["sets"][0]["summary"]] {
            assert_eq!(one["totalUsageCost"], 50);
            assert_eq!(one["workloadIdleCost"], 100);
            assert_eq!(one["infraIdleCost"], 150);
            assert_eq!(one["totalAllocationCost"], 300);
            assert_eq!(one["efficiency"], 0.16667);
            assert_eq!(one["cpu"]["idle"], 250);
        }
    }

    fn sized(measured: u128) -> Measures {
        let hour = Interval::new(0, 3_600);
        let cores = |cores: u128| cores * 3_600 * u128::from(MICROCORES) / 10;
        let cpu = Resource {
            requested: cores(20),
            used: cores(5),
            charged: cores(20),
            cost: Money::from_dollars(2),
            ..Resource::default()
        };
        Measures { span: hour, cpu, seconds: 3_600, measured, ..Measures::default() }
    }

    /// Pain #3984: what was asked for is not what was used.
    #[test]
    fn a_recommendation_follows_what_was_used() {
        let style = Style { decimals: 5, opencost: false, factor: 1.0 };
        let row = efficiency("a", &sized(3_600), style, 1.2);
        assert_eq!(row["cpuEfficiency"], 0.25);
        assert_eq!(row["recommendedCpuRequest"], 0.6);
        assert_eq!(row["recommendedCost"], 0.6);
        assert_eq!(row["costSavings"], 1.4);
        assert_eq!(row["resultingCpuEfficiency"], 0.83333);
        let upstream = efficiency("a", &sized(3_600), Style { opencost: true, ..style }, 1.2);
        assert_eq!(upstream["cpuEfficiency"], 1);
        assert_eq!(upstream["recommendedCpuRequest"], 2.4);
    }

    #[test]
    fn what_nobody_measured_keeps_what_it_asks_for() {
        let style = Style { decimals: 5, opencost: false, factor: 1.0 };
        let row = efficiency("a", &sized(0), style, 1.2);
        assert_eq!((&row["recommendedCpuRequest"], &row["costSavings"]), (&2.into(), &0.into()));
        assert_eq!((&row["measuredFraction"], &row["cpuEfficiency"]), (&0.into(), &Value::Null));
        // half of the time measured: what was used then is taken for the rest
        assert_eq!(efficiency("a", &sized(1_800), style, 1.0)["cpuCoresUsed"], 1);
    }
}
