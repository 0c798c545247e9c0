//! What the API says of itself, its clusters and its prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use supercargo_catalog::Usd;

use crate::facts::NodeFact;
use crate::http::envelope::{Refusal, json_response, success};
use crate::http::last_hour::last_hour;
use crate::http::openapi;
use crate::http::service::CostService;
use crate::prices::PriceSource;
use crate::query::Parameters;

type Answer = Result<Response, Refusal>;

/// `/healthz`: nothing, as text.
pub fn healthz(_: &CostService, _: &Parameters) -> Answer {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(([kind], "").into_response())
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
    let (facts, _) = last_hour(&ledger);
    let nodes = facts.iter().flat_map(|facts| {
        facts.nodes.iter().map(|node| (Arc::clone(&facts.cluster), node.clone())).collect::<Vec<_>>()
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

/// `/customPricing`: prices of units, under OpenCost's names, which are monthly in one place and hourly in another (reference
/// section 4.6), and under names that carry their unit.
pub fn unit_prices(service: &CostService, _: &Parameters) -> Answer {
    let units = service.ledger().prices().units().clone();
    let mut out = Map::new();
    let about = "prices of what has no price of its own; names with a unit say what they are per, the others are OpenCost's, per hour";
    for (name, value) in [("provider", "AWS"), ("description", about), ("currencyCode", "USD")] {
        out.insert(name.to_owned(), value.into());
    }
    // upstream's figure for volumes is per hour
    let volume_hour = Usd::from_nanos(units.volume_gib_month.nanos() / 730);
    for (name, price) in [
        ("CPU", units.core),
        ("RAM", units.ram_gib),
        ("GPU", units.gpu),
        ("spotCPU", units.spot_core),
        ("spotRAM", units.spot_ram_gib),
        ("spotGPU", units.spot_gpu),
        ("storage", volume_hour),
        ("zoneNetworkEgress", units.zone_gib),
        ("regionNetworkEgress", units.region_gib),
        ("internetNetworkEgress", units.internet_gib),
        ("defaultLBPrice", units.balancer),
        ("coreHour", units.core),
        ("ramGiBHour", units.ram_gib),
        ("gpuHour", units.gpu),
        ("spotCoreHour", units.spot_core),
        ("spotRamGiBHour", units.spot_ram_gib),
        ("spotGpuHour", units.spot_gpu),
        ("volumeGiBMonth", units.volume_gib_month),
        ("zoneEgressGiB", units.zone_gib),
        ("regionEgressGiB", units.region_gib),
        ("internetEgressGiB", units.internet_gib),
        ("loadBalancerHour", units.balancer),
        ("clusterManagementHour", units.management),
    ] {
        out.insert(name.to_owned(), price.to_decimal().into());
    }
    Ok(success(Value::Object(out), None))
}

/// `/currency`.
pub fn currency(_: &CostService, _: &Parameters) -> Answer {
    Ok(success(json!({"currency": "USD", "currencyCode": "USD"}), None))
}

/// `/refreshPricing`: fetches prices anew, where they are fetched at all.
pub fn refresh_pricing(service: &CostService, _: &Parameters) -> Answer {
    service.refresh().map_err(Refusal::Prices)?;
    Ok(success(Value::Null, None))
}

/// `/managementPlatform`.
pub fn management_platform(_: &CostService, _: &Parameters) -> Answer {
    Ok(success("eks".into(), None))
}

/// `/serviceAccountStatus`: whether the nodes of the last hour have prices of their own.
pub fn service_account_status(service: &CostService, _: &Parameters) -> Answer {
    let nodes = latest_nodes(service);
    let ledger = service.ledger();
    let guessed: Vec<&str> = nodes
        .iter()
        .filter(|(_, node)| ledger.prices().node(node).source.is_guess())
        .map(|(_, node)| &*node.name)
        .collect();
    let more = match guessed.as_slice() {
        [] => String::new(),
        [first, ..] => {
            format!("{} of {} nodes are priced by a guess, the first is {first}", guessed.len(), nodes.len())
        }
    };
    let check = json!({
        "message": "every node has a price of its own",
        "status": guessed.is_empty(),
        "additionalInfo": more,
    });
    Ok(success(json!({"checks": [check]}), None))
}
