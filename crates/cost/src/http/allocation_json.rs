//! Allocations as JSON, field by field (reference section 2.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::allocation::{Aggregate, Aggregation, AllocationSet, AssetShares, Properties};
use crate::facts::{MICROCORES, MILLI_GPUS};
use crate::http::machines::Machines;
use crate::http::number::{number, quotient};
use crate::interval::{Interval, rfc3339};
use crate::measures::{CostParts, Measures, Resource};
use crate::money::Money;
use crate::query::{AllocationRequest, Compatibility};
use crate::workload::{Workload, sanitized_key};

/// How numbers are written.
#[derive(Clone, Copy)]
pub struct Style {
    /// Decimals.
    pub decimals: u32,
    /// Whether only OpenCost's fields are written, as it spells them.
    pub opencost: bool,
    /// What costs are multiplied by.
    pub factor: f64,
}

impl Style {
    /// That of a request for a set of this window.
    pub fn of(request: &AllocationRequest, window: Interval) -> Style {
        Style {
            decimals: request.decimals,
            opencost: request.compatibility == Compatibility::OpenCost,
            factor: request.metric.factor(window, request.now),
        }
    }

    /// A cost.
    pub fn cost(self, amount: Money) -> Value {
        number(amount.as_f64() * self.factor, self.decimals)
    }

    /// Any other number.
    pub fn plain(self, value: f64) -> Value {
        number(value, self.decimals)
    }

    /// An efficiency; null if nobody knows, which for OpenCost is nothing.
    pub fn efficiency(self, value: f64) -> Value {
        if value.is_nan() && self.opencost { 0.into() } else { self.plain(value) }
    }
}

/// The rows of a set by name, each written when it is asked for: all at once they may be more than fits in memory.
pub fn rows<'a>(
    set: &'a AllocationSet,
    request: &'a AllocationRequest,
    machines: &'a Machines,
) -> impl Iterator<Item = (&'a str, Map<String, Value>)> + 'a {
    let style = Style::of(request, set.window);
    let single = request.query.aggregation == Aggregation::None;
    set.aggregates.iter().map(move |(name, aggregate)| {
        let mut fields = allocation(name, aggregate, set.window, style, single, machines);
        if request.query.asset_shares {
            let shares = proportional(&aggregate.shares, &set.assets, style, machines);
            fields.insert("proportionalAssetResourceCosts".to_owned(), shares);
        }
        if request.query.sharing.breakdown {
            let parts = shared_by(&aggregate.measures.shared_by, style);
            fields.insert("sharedCostBreakdown".to_owned(), parts);
        }
        (name.as_str(), fields)
    })
}

/// A set: name to allocation.
pub fn set(set: &AllocationSet, request: &AllocationRequest, machines: &Machines) -> Value {
    let named = rows(set, request, machines).map(|(name, row)| (name.to_owned(), Value::Object(row)));
    Value::Object(named.collect())
}

/// The fields that every allocation has, for tables without rows.
pub fn blank(request: &AllocationRequest) -> Map<String, Value> {
    let style = Style::of(request, request.window);
    let nobody = Aggregate {
        properties: Properties::One(Arc::default()),
        measures: Measures::default(),
        shares: AssetShares::new(),
    };
    allocation("", &nobody, request.window, style, false, &Machines::default())
}

fn allocation(
    name: &str,
    aggregate: &Aggregate,
    window: Interval,
    style: Style,
    single: bool,
    machines: &Machines,
) -> Map<String, Value> {
    let row = &aggregate.measures;
    let plain = |value: f64| style.plain(value);
    let cost = |amount| style.cost(amount);
    let seconds = row.span.seconds() as f64;
    let average = |amount: u128, unit: u64| plain(quotient(amount, seconds * unit as f64));
    let hours = |amount: u128, unit: u64| plain(amount as f64 / (3_600.0 * unit as f64));
    let zero = || Value::from(0);
    let mut out = Map::new();
    let mut put = |field: &str, value: Value| {
        out.insert(field.to_owned(), value);
    };
    put("name", name.into());
    put("properties", properties(&aggregate.properties, style));
    put("window", window_json(window));
    put("start", rfc3339(row.span.start).into());
    put("end", rfc3339(row.span.end).into());
    put("minutes", plain(row.span.minutes()));
    put("cpuCores", average(row.cpu.charged, MICROCORES));
    put("cpuCoreRequestAverage", average(row.cpu.requested, MICROCORES));
    put("cpuCoreLimitAverage", average(row.cpu_limit, MICROCORES));
    put("cpuCoreUsageAverage", average(row.cpu.used, MICROCORES));
    put("cpuCoreHours", hours(row.cpu.charged, MICROCORES));
    put("cpuCost", cost(row.cpu.cost));
    put("cpuCostAdjustment", zero());
    put("cpuCostIdle", cost(row.cpu.idle));
    put("cpuEfficiency", style.efficiency(row.cpu_efficiency()));
    put("gpuCount", average(row.gpu.charged, MILLI_GPUS));
    put("gpuRequestAverage", average(row.gpu.requested, MILLI_GPUS));
    put("gpuUsageAverage", average(row.gpu.used, MILLI_GPUS));
    put("gpuHours", hours(row.gpu.charged, MILLI_GPUS));
    put("gpuCost", cost(row.gpu.cost));
    put("gpuCostAdjustment", zero());
    put("gpuCostIdle", cost(row.gpu.idle));
    put("gpuEfficiency", style.efficiency(row.gpu_efficiency()));
    put("networkTransferBytes", plain(row.network.transmitted as f64));
    put("networkReceiveBytes", plain(row.network.received as f64));
    put("networkCost", cost(row.network.cost()));
    put("networkCrossZoneCost", cost(row.network.zone_cost));
    put("networkCrossRegionCost", cost(row.network.region_cost));
    put("networkInternetCost", cost(row.network.internet_cost));
    put("networkCostAdjustment", zero());
    put("loadBalancerCost", cost(row.balancer_cost()));
    put("loadBalancerCostAdjustment", zero());
    put("pvBytes", average(row.volume_byte_seconds(), 1));
    put("pvByteHours", hours(row.volume_byte_seconds(), 1));
    put("pvCost", cost(row.volume_cost()));
    put("pvs", volumes(row, style));
    put("pvCostAdjustment", zero());
    put("ramBytes", average(row.ram.charged, 1));
    put("ramByteRequestAverage", average(row.ram.requested, 1));
    put("ramByteLimitAverage", average(row.ram_limit, 1));
    put("ramByteUsageAverage", average(row.ram.used, 1));
    put("ramByteHours", hours(row.ram.charged, 1));
    put("ramCost", cost(row.ram.cost));
    put("ramCostAdjustment", zero());
    put("ramCostIdle", cost(row.ram.idle));
    put("ramEfficiency", style.efficiency(row.ram_efficiency()));
    put("externalCost", cost(row.external));
    put("sharedCost", cost(row.shared));
    put("totalCost", cost(row.total()));
    put("totalEfficiency", style.efficiency(row.total_efficiency()));
    if single && row.seconds > 0 {
        let cores = plain(row.cpu_peak as f64 / MICROCORES as f64);
        put("rawAllocationOnly", json!({"cpuCoreUsageMax": cores, "ramByteUsageMax": row.ram_peak}));
    }
    put("lbAllocations", balancers(row, style));
    put("gpuAllocation", gpus(aggregate, style, machines));
    if !style.opencost {
        let overcommit = |resource: &Resource| resource.overcommit;
        put("overcommitCost", cost(overcommit(&row.cpu) + overcommit(&row.ram) + overcommit(&row.gpu)));
        put("measuredFraction", plain(quotient(row.measured, row.seconds as f64)));
        put("networkMeasured", row.network.measured.into());
        put("priceSources", row.sources.iter().map(|source| source.as_str()).collect());
    }
    out
}

/// A window as JSON.
pub fn window_json(window: Interval) -> Value {
    json!({"start": rfc3339(window.start), "end": rfc3339(window.end)})
}

fn properties(properties: &Properties, style: Style) -> Value {
    let row = properties.get();
    let mut out = Map::new();
    let mut put = |field: &str, value: &Arc<str>| {
        if !value.is_empty() {
            out.insert(field.to_owned(), Value::from(&**value));
        }
    };
    put("cluster", &row.cluster);
    put("node", &row.node);
    put("container", &row.container);
    put("controller", &row.controller);
    put("controllerKind", &row.controller_kind);
    put("namespace", &row.namespace);
    put("pod", &row.pod);
    if !row.services.is_empty() {
        let services = row.services.iter().map(|name| Value::from(&**name)).collect();
        out.insert("services".to_owned(), Value::Array(services));
    }
    if !row.provider_id.is_empty() {
        out.insert("providerID".to_owned(), Value::from(&*row.provider_id));
    }
    let several = matches!(properties, Properties::Common(_));
    let (labels, annotations) = labels_of(row, several);
    for (field, pairs) in [
        ("labels", labels),
        ("annotations", annotations),
        ("namespaceLabels", BTreeMap::clone(&row.namespace_labels)),
        ("namespaceAnnotations", BTreeMap::clone(&row.namespace_annotations)),
    ] {
        if !pairs.is_empty() {
            out.insert(field.to_owned(), map(&pairs, style));
        }
    }
    Value::Object(out)
}

type Pairs = BTreeMap<Arc<str>, Arc<str>>;

/// Labels of one row are the namespace's overlaid by the pod's; of several, what they have in common.
fn labels_of(row: &Workload, several: bool) -> (Pairs, Pairs) {
    if several {
        (BTreeMap::clone(&row.labels), BTreeMap::clone(&row.annotations))
    } else {
        (row.effective_labels(), row.effective_annotations())
    }
}

fn map(pairs: &Pairs, style: Style) -> Value {
    let key = |key: &str| if style.opencost { sanitized_key(key) } else { key.to_owned() };
    Value::Object(pairs.iter().map(|(name, value)| (key(name), Value::from(&**value))).collect())
}

fn volumes(row: &Measures, style: Style) -> Value {
    if row.volumes.is_empty() {
        return Value::Null;
    }
    let entries = row.volumes.iter().map(|((cluster, name), part)| {
        let hours = style.plain(part.byte_seconds as f64 / 3_600.0);
        let value =
            json!({"byteHours": hours, "cost": style.cost(part.cost), "providerID": &*part.provider_id});
        (format!("cluster={cluster}:name={name}"), value)
    });
    Value::Object(entries.collect())
}

fn balancers(row: &Measures, style: Style) -> Value {
    if row.balancers.is_empty() {
        return Value::Null;
    }
    let entries = row.balancers.iter().map(|(key, part)| {
        let value = json!({
            "service": &*part.service,
            "cost": style.cost(part.cost),
            "private": part.private,
            "ip": &*part.address,
            "hours": style.plain(part.seconds as f64 / 3_600.0),
            "adjustment": 0,
        });
        (key.to_string(), value)
    });
    Value::Object(entries.collect())
}

/// What is known of a row's GPUs; null without any. Which device it was, nobody tells.
fn gpus(aggregate: &Aggregate, style: Style, machines: &Machines) -> Value {
    let (gpu, span) = (&aggregate.measures.gpu, aggregate.measures.span.seconds());
    if gpu.charged == 0 && gpu.requested == 0 {
        return Value::Null;
    }
    let row = aggregate.properties.get();
    let average = |amount: u128| style.plain(quotient(amount, span as f64 * MILLI_GPUS as f64));
    // of one container it is told by what it asks for; of several it cannot be
    let shared = match &aggregate.properties {
        Properties::One(row) if row.is_allocation() => {
            let whole = aggregate.measures.seconds * u128::from(MILLI_GPUS);
            Value::Bool(whole > 0 && gpu.requested % whole != 0)
        }
        _ => Value::Null,
    };
    json!({
        "gpuDevice": "",
        "gpuModel": machines.gpu(&row.cluster, &row.node),
        "gpuUUID": "",
        "isGPUShared": shared,
        "gpuUsageAverage": average(gpu.used),
        "gpuRequestAverage": average(gpu.requested),
    })
}

/// Whose costs were handed on.
fn shared_by(parts: &BTreeMap<Arc<str>, CostParts>, style: Style) -> Value {
    const FIELDS: [&str; 7] =
        ["cpuCost", "ramCost", "gpuCost", "pvCost", "networkCost", "loadBalancerCost", "externalCost"];
    let entries = parts.iter().map(|(name, parts)| {
        let mut value = Map::new();
        value.insert("name".to_owned(), Value::from(&**name));
        value.insert("totalCost".to_owned(), style.cost(parts.total()));
        for (field, amount) in FIELDS.into_iter().zip(parts.0) {
            value.insert(field.to_owned(), style.cost(amount));
        }
        (name.to_string(), Value::Object(value))
    });
    Value::Object(entries.collect())
}

/// What part of each cluster's or node's costs an aggregate carries (reference section 1.5).
fn proportional(shares: &AssetShares, assets: &AssetShares, style: Style, machines: &Machines) -> Value {
    let entries = shares.iter().map(|((cluster, node), share)| {
        let all = assets.get(&(Arc::clone(cluster), Arc::clone(node))).copied().unwrap_or_default();
        let part = |index: usize| quotient(share.costs[index].weight(), all.costs[index].as_f64() * 1e9);
        let machine = |costs: &[Money; 5]| costs[0] + costs[1] + costs[2];
        let node_part = quotient(machine(&share.costs).weight(), machine(&all.costs).as_f64() * 1e9);
        let plain = |value| style.plain(value);
        let mut value = json!({"cluster": &**cluster});
        if let (false, Value::Object(fields)) = (node.is_empty(), &mut value) {
            fields.insert("name".to_owned(), Value::from(&**node));
            fields.insert("type".to_owned(), Value::from("Node"));
            fields.insert("providerID".to_owned(), Value::from(machines.provider_id(cluster, node)));
        }
        if let Value::Object(fields) = &mut value {
            for (field, part) in [
                ("cpuPercentage", part(0)),
                ("gpuPercentage", part(2)),
                ("ramPercentage", part(1)),
                ("loadBalancerPercentage", part(3)),
                ("pvPercentage", part(4)),
                ("nodeResourceCostPercentage", node_part),
            ] {
                fields.insert(field.to_owned(), plain(part));
            }
        }
        let key = if node.is_empty() { cluster.to_string() } else { format!("{cluster},{node}") };
        (key, value)
    });
    Value::Object(entries.collect())
}
