//! What the API says of itself, its clusters and its prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use supercargo_catalog::Usd;

use crate::facts::NodeFact;
use crate::http::envelope::{Refusal, json_response, success};
use crate::http::openapi;
use crate::http::service::CostService;
use crate::interval::Interval;
use crate::prices::PriceSource;
use crate::query::Parameters;

type Answer = Result<Response, Refusal>;

/// `/healthz`.
pub fn healthz(_: &CostService, _: &Parameters) -> Answer {
    Ok(StatusCode::OK.into_response())
}

/// `/openapi.json`.
pub fn openapi(service: &CostService, _: &Parameters) -> Answer {
    Ok(json_response(StatusCode::OK, &openapi::document(&service.settings().version)))
}

fn cluster(service: &CostService, id: &str) -> Value {
    let settings = service.settings();
    let name = if id == settings.cluster_id { &settings.cluster_name } else { id };
    json!({
        "id": id,
        "name": name,
        "provider": "AWS",
        "provisioner": "EKS",
        "region": settings.region,
        "account": settings.account,
        "project": "",
        "version": settings.version,
    })
}

/// Ids of all clusters, our own always among them.
fn cluster_ids(service: &CostService) -> Vec<Arc<str>> {
    let mut ids = service.ledger().clusters();
    let own: Arc<str> = service.settings().cluster_id.as_str().into();
    if ids.is_empty() {
        ids.push(own);
    }
    ids
}

/// `/clusterInfo`.
pub fn cluster_info(service: &CostService, _: &Parameters) -> Answer {
    Ok(success(cluster(service, &service.settings().cluster_id), None))
}

/// `/clusterInfoMap`.
pub fn cluster_info_map(service: &CostService, _: &Parameters) -> Answer {
    let ids = cluster_ids(service);
    let map: Map<String, Value> = ids.iter().map(|id| (id.to_string(), cluster(service, id))).collect();
    Ok(success(Value::Object(map), None))
}

/// `/clusters`.
pub fn clusters(service: &CostService, _: &Parameters) -> Answer {
    let list = cluster_ids(service).iter().map(|id| cluster(service, id)).collect();
    Ok(success(Value::Array(list), None))
}

/// The nodes of the last hour that anything is known of, by cluster.
pub(super) fn latest_nodes(service: &CostService) -> Vec<(Arc<str>, NodeFact)> {
    let ledger = service.ledger();
    let covered = ledger.covered();
    if covered.is_empty() {
        return Vec::new();
    }
    let last = Interval::new(covered.end - 1, covered.end);
    let nodes = ledger.facts(last).flat_map(|facts| {
        let cluster = Arc::clone(&facts.cluster);
        facts.nodes.clone().into_iter().map(move |node| (Arc::clone(&cluster), node))
    });
    nodes.collect()
}

/// `/allNodePricing`: every offering that a node of the last hour is of.
pub fn node_pricing(service: &CostService, _: &Parameters) -> Answer {
    let nodes = latest_nodes(service);
    let ledger = service.ledger();
    let mut out: BTreeMap<String, Value> = BTreeMap::new();
    for (_, node) in &nodes {
        let priced = ledger.prices().node(node);
        let usage = if node.spot { "preemptible" } else { "ondemand" };
        out.insert(
            format!("{},{},linux,{usage}", node.region, node.instance_type),
            json!({
                "cost": priced.price.to_decimal(),
                "CPU": node.capacity.millicores as f64 / 1_000.0,
                "RAMBytes": node.capacity.ram_bytes,
                "GPU": node.capacity.milli_gpus as f64 / 1_000.0,
                "usageType": usage,
                "instanceType": &*node.instance_type,
                "region": &*node.region,
                "priceSource": priced.source.as_str(),
                "priceDay": priced.day.map(|day| day.to_string()),
            }),
        );
    }
    Ok(success(Value::Object(out.into_iter().collect()), None))
}

/// How many nodes of the last hour are priced by which source.
fn source_counts(service: &CostService) -> BTreeMap<PriceSource, usize> {
    let nodes = latest_nodes(service);
    let ledger = service.ledger();
    let mut counts = BTreeMap::new();
    for (_, node) in &nodes {
        *counts.entry(ledger.prices().node(node).source).or_insert(0) += 1;
    }
    counts
}

/// `/pricingSourceStatus`.
pub fn pricing_status(service: &CostService, _: &Parameters) -> Answer {
    let one = |(source, nodes): (PriceSource, usize)| {
        let value =
            json!({"name": source.as_str(), "enabled": true, "available": true, "error": "", "nodes": nodes});
        (source.as_str().to_owned(), value)
    };
    let statuses: Map<String, Value> = source_counts(service).into_iter().map(one).collect();
    Ok(success(Value::Object(statuses), None))
}

/// `/pricingSourceSummary`: instances by how they are priced.
pub fn pricing_summary(service: &CostService, _: &Parameters) -> Answer {
    let ledger_version = service.ledger().prices().version();
    let split = service.ledger().prices().split_method().as_str();
    Ok(success(json!({"priceVersion": ledger_version, "nodeSplit": split, "currency": "USD"}), None))
}

/// `/pricingSourceCounts`.
pub fn pricing_counts(service: &CostService, _: &Parameters) -> Answer {
    let counts = source_counts(service);
    let total: usize = counts.values().sum();
    let by_type: Map<String, Value> =
        counts.into_iter().map(|(source, count)| (source.as_str().to_owned(), count.into())).collect();
    Ok(success(json!({"TotalNodes": total, "PricingTypeCounts": by_type}), None))
}

/// `/customPricing`: prices of units. Names carry their unit; OpenCost's own names are monthly in one place and hourly in
/// another (reference section 4.6).
pub fn unit_prices(service: &CostService, _: &Parameters) -> Answer {
    let units = service.ledger().prices().units().clone();
    let text = |price: Usd| Value::from(price.to_decimal());
    Ok(success(
        json!({
            "currencyCode": "USD",
            "coreHour": text(units.core),
            "ramGiBHour": text(units.ram_gib),
            "gpuHour": text(units.gpu),
            "spotCoreHour": text(units.spot_core),
            "spotRamGiBHour": text(units.spot_ram_gib),
            "spotGpuHour": text(units.spot_gpu),
            "volumeGiBMonth": text(units.volume_gib_month),
            "zoneEgressGiB": text(units.zone_gib),
            "regionEgressGiB": text(units.region_gib),
            "internetEgressGiB": text(units.internet_gib),
            "loadBalancerHour": text(units.balancer),
            "clusterManagementHour": text(units.management),
        }),
        None,
    ))
}

/// `/currency`.
pub fn currency(_: &CostService, _: &Parameters) -> Answer {
    Ok(success(json!({"currency": "USD"}), None))
}
