//! Assets as JSON (reference section 2.8).

use serde_json::{Map, Value, json};

use crate::asset::{Asset, AssetKind, DiskAsset, NodeAsset};
use crate::facts::{MICROCORES, MILLI_GPUS};
use crate::filter::provider_of;
use crate::http::allocation_json::window_json;
use crate::http::asset_query::{AssetRow, AssetSet};
use crate::http::number::{money, number, quotient};
use crate::http::service::ServiceSettings;
use crate::interval::{Interval, rfc3339};
use crate::prices::NodeParts;
use crate::query::{AssetRequest, Compatibility};
use crate::workload::sanitized_key;

/// All assets by key.
pub fn assets(set: &AssetSet, request: &AssetRequest, settings: &ServiceSettings) -> Map<String, Value> {
    let one = |(key, row): (&String, &AssetRow)| (key.clone(), asset_row(row, set.window, request, settings));
    set.rows.iter().map(one).collect()
}

fn asset_row(row: &AssetRow, window: Interval, request: &AssetRequest, settings: &ServiceSettings) -> Value {
    match row {
        AssetRow::Asset(asset) => asset_json(asset, window, request, settings),
        AssetRow::Sum { span, cost } => json!({
            "type": "Any",
            "properties": {},
            "labels": {},
            "window": window_json(window),
            "start": rfc3339(span.start),
            "end": rfc3339(span.end),
            "minutes": number(span.minutes(), request.decimals),
            "adjustment": 0,
            "totalCost": money(*cost, request.decimals),
        }),
    }
}

fn asset_json(asset: &Asset, window: Interval, request: &AssetRequest, settings: &ServiceSettings) -> Value {
    let decimals = request.decimals;
    let own = request.compatibility == Compatibility::Correct;
    let mut out = Map::new();
    let mut properties = Map::new();
    for (field, value) in [
        ("category", asset.category()),
        ("provider", provider_of(&asset.provider_id)),
        ("account", &settings.account),
        ("service", "Kubernetes"),
        ("cluster", &asset.cluster),
        ("name", &asset.name),
        ("providerID", &asset.provider_id),
    ] {
        if !value.is_empty() {
            properties.insert(field.to_owned(), value.into());
        }
    }
    let mut put = |field: &str, value: Value| {
        out.insert(field.to_owned(), value);
    };
    put("type", asset.type_name().into());
    put("properties", Value::Object(properties));
    let label = |(key, value): (&str, &str)| (format!("label_{}", sanitized_key(key)), Value::from(value));
    put("labels", Value::Object(asset.labels().into_iter().map(label).collect()));
    put("window", window_json(window));
    put("start", rfc3339(asset.span.start).into());
    put("end", rfc3339(asset.span.end).into());
    put("minutes", number(asset.span.minutes(), decimals));
    let total = money(asset.cost, decimals);
    match &asset.kind {
        AssetKind::Node(node) => {
            node_fields(node, asset, decimals, &mut put);
            put("adjustment", 0.into());
            put("overhead", overhead(node, decimals));
            put("totalCost", total);
            if own {
                own_node_fields(node, decimals, &mut put);
            }
        }
        AssetKind::Disk(disk) => {
            disk_amounts(disk, asset, decimals, &mut put);
            put("adjustment", 0.into());
            put("totalCost", total);
            put("storageClass", (&*disk.storage_class).into());
            put("volumeName", (&*asset.name).into());
            put("claimName", (&*disk.claim).into());
            put("claimNamespace", (&*disk.claim_namespace).into());
        }
        AssetKind::LoadBalancer { address, private } => {
            put("adjustment", 0.into());
            put("totalCost", total);
            put("private", (*private).into());
            put("ip", (&**address).into());
        }
        AssetKind::ClusterManagement => put("totalCost", total),
        AssetKind::Network => {
            put("adjustment", 0.into());
            put("totalCost", total);
        }
    }
    if own {
        put("priceSource", asset.source.as_str().into());
    }
    Value::Object(out)
}

fn node_fields(node: &NodeAsset, asset: &Asset, decimals: u32, put: &mut impl FnMut(&str, Value)) {
    let plain = |value: f64| number(value, decimals);
    let seconds = asset.seconds as f64;
    let average = |amount: u128, unit: u64| plain(quotient(amount, seconds * unit as f64));
    let hours = |amount: u128, unit: u64| plain(amount as f64 / (3_600.0 * unit as f64));
    // what containers use outside and inside kube-system; the kernel's modes are not known here
    let breakdown = |all: u128, user: u128, system: u128| {
        let part = |amount: u128| quotient(amount.min(all), all as f64);
        let idle = all.saturating_sub(user).saturating_sub(system);
        json!({"idle": plain(part(idle)), "other": 0, "system": plain(part(system)), "user": plain(part(user))})
    };
    put("nodeType", (&*node.fact.instance_type).into());
    put("pool", (&*node.fact.pool).into());
    put("cpuCores", average(node.cpu, MICROCORES));
    put("ramBytes", average(node.ram, 1));
    put("cpuCoreHours", hours(node.cpu, MICROCORES));
    put("ramByteHours", hours(node.ram, 1));
    put("GPUHours", hours(node.gpu, MILLI_GPUS));
    put("cpuBreakdown", breakdown(node.cpu, node.cpu_used, node.cpu_used_by_system));
    put("ramBreakdown", breakdown(node.ram, node.ram_used, node.ram_used_by_system));
    put("preemptible", plain(quotient(node.spot_seconds, seconds)));
    put("discount", 0.into());
    put("cpuCost", money(node.parts.cpu, decimals));
    put("gpuCost", money(node.parts.gpu, decimals));
    put("gpuCount", average(node.gpu, MILLI_GPUS));
    put("ramCost", money(node.parts.ram, decimals));
}

/// What part of the machine is not for pods, and what part of its cost that is.
fn overhead(node: &NodeAsset, decimals: u32) -> Value {
    let part = |part: u128, all: u128| number(quotient(part, all as f64), decimals);
    let cost = quotient(node.overhead.total().weight(), node.parts.total().as_f64() * 1e9);
    json!({
        "CpuOverheadFraction": part(node.cpu_reserved, node.cpu),
        "RamOverheadFraction": part(node.ram_reserved, node.ram),
        "OverheadCostFraction": number(cost, decimals),
    })
}

/// Who carries the node's cost: containers (DaemonSets among them), the system, nobody; and what containers would cost more
/// on a node as big as what they used at once.
fn own_node_fields(node: &NodeAsset, decimals: u32, put: &mut impl FnMut(&str, Value)) {
    let parts = |parts: NodeParts| {
        let [cpu, gpu, ram] = [parts.cpu, parts.gpu, parts.ram].map(|part| money(part, decimals));
        json!({"cpu": cpu, "gpu": gpu, "ram": ram})
    };
    put("allocatedCost", parts(node.allocated));
    put("daemonSetCost", parts(node.daemonsets));
    put("overheadCost", parts(node.overhead));
    put("idleCost", parts(node.idle()));
    put("overcommitCost", parts(node.overcommit));
}

fn disk_amounts(disk: &DiskAsset, asset: &Asset, decimals: u32, put: &mut impl FnMut(&str, Value)) {
    let plain = |value: f64| number(value, decimals);
    let used = disk.used_byte_seconds.map(|used| quotient(used, disk.byte_seconds as f64).min(1.0));
    let or_null = |value: Option<f64>| value.map_or(Value::Null, plain);
    put("byteHours", plain(disk.byte_seconds as f64 / 3_600.0));
    put("bytes", plain(quotient(disk.byte_seconds, asset.seconds as f64)));
    put("byteHoursUsed", or_null(disk.used_byte_seconds.map(|used| used as f64 / 3_600.0)));
    put("byteUsageMax", or_null(disk.used_byte_seconds.map(|_| disk.used_peak as f64)));
    let idle = plain(1.0 - used.unwrap_or(0.0));
    put("breakdown", json!({"idle": idle, "other": 0, "system": plain(used.unwrap_or(0.0)), "user": 0}));
}
