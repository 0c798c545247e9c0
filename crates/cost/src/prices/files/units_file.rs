//! Prices of units: our own names, which say the unit, and OpenCost's (reference section 4.6).
//!
//! OpenCost's names are hourly in its own file (`{"CPU": "0.031611", …}`) and monthly, of 730 hours, where Helm writes them
//! (`{"customPricing": {"costModel": {"CPU": "1.25", …}}}`); both are read with the meaning they have there.

use serde_json::Value;
use supercargo_catalog::Usd;

use crate::prices::files::decimal::price;
use crate::prices::files::list::PriceEntry;
use crate::prices::files::problem::FileProblems;
use crate::prices::units::{UnitPrice, UnitPriceChanges};

/// Own names.
const OWN: [(&str, UnitPrice); 12] = [
    ("coreHour", UnitPrice::Core),
    ("ramGiBHour", UnitPrice::RamGib),
    ("gpuHour", UnitPrice::Gpu),
    ("spotCoreHour", UnitPrice::SpotCore),
    ("spotRamGiBHour", UnitPrice::SpotRamGib),
    ("spotGpuHour", UnitPrice::SpotGpu),
    ("volumeGiBMonth", UnitPrice::VolumeGibMonth),
    ("zoneEgressGiB", UnitPrice::ZoneGib),
    ("regionEgressGiB", UnitPrice::RegionGib),
    ("internetEgressGiB", UnitPrice::InternetGib),
    ("loadBalancerHour", UnitPrice::Balancer),
    ("clusterManagementHour", UnitPrice::Management),
];

/// OpenCost's names; true if the price is of an hour.
const OPENCOST: [(&str, UnitPrice, bool); 11] = [
    ("CPU", UnitPrice::Core, true),
    ("RAM", UnitPrice::RamGib, true),
    ("GPU", UnitPrice::Gpu, true),
    ("spotCPU", UnitPrice::SpotCore, true),
    ("spotRAM", UnitPrice::SpotRamGib, true),
    ("spotGPU", UnitPrice::SpotGpu, true),
    ("storage", UnitPrice::VolumeGibMonth, true),
    ("zoneNetworkEgress", UnitPrice::ZoneGib, false),
    ("regionNetworkEgress", UnitPrice::RegionGib, false),
    ("internetNetworkEgress", UnitPrice::InternetGib, false),
    ("defaultLBPrice", UnitPrice::Balancer, true),
];

/// Other keys of OpenCost's file, which are of other clouds or say nothing about prices.
const PASSED_OVER: [&str; 27] = [
    "provider",
    "description",
    "firstFiveForwardingRulesCost",
    "additionalForwardingRuleCost",
    "LBIngressDataCost",
    "spotLabel",
    "spotLabelValue",
    "gpuLabel",
    "gpuLabelValue",
    "awsSpotDataRegion",
    "awsSpotDataBucket",
    "awsSpotDataPrefix",
    "projectID",
    "masterPayerARN",
    "defaultIdle",
    "sharedOverhead",
    "sharedNamespaces",
    "sharedLabelNames",
    "sharedLabelValues",
    "shareTenancyCosts",
    "clusterName",
    "readOnly",
    "excludeProviderID",
    "enabled",
    "configmapName",
    "createConfigmap",
    "configPath",
];

pub(super) fn read(text: &str, problems: &mut FileProblems) -> Vec<PriceEntry> {
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let expected = "prices of units such as {\"coreHour\": \"0.0316\"}, OpenCost's {\"CPU\": \"0.0316\"}, or {\"SpotPriceHistory\": […]}";
            problems.note(error.line(), "", error.to_string(), expected);
            return Vec::new();
        }
    };
    let custom = document.get("opencost").unwrap_or(&document).get("customPricing");
    let (monthly, enabled, fields) = match custom {
        Some(custom) => (true, custom["enabled"].as_bool().unwrap_or(false), &custom["costModel"]),
        None => (false, truth(&document["customPricesEnabled"]), &document),
    };
    let Some(fields) = fields.as_object() else {
        problems.note(1, "", "no object with prices", "{\"coreHour\": \"0.0316\", …}");
        return Vec::new();
    };
    let mut changes = UnitPriceChanges { prices: Vec::new(), for_all_nodes: enabled };
    for (name, value) in fields {
        if value.is_null() || value.as_str() == Some("") {
            continue;
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let line = line_of(name, text);
        if let Some((_, unit)) = OWN.iter().find(|(known, _)| known == name) {
            match price(&value) {
                Some(price) => changes.prices.push((*unit, price)),
                None => problems.note(line, name, value, "dollars, such as \"0.0316\""),
            }
        } else if let Some((_, unit, hourly)) = OPENCOST.iter().find(|(known, ..)| known == name) {
            match price(&value) {
                Some(price) => changes.prices.push((*unit, converted(price, *unit, *hourly, monthly))),
                None => problems.note(line, name, value, "dollars, such as \"0.0316\""),
            }
        } else {
            other(name, &value, line, problems);
        }
    }
    // the name that says its unit is the one that counts
    changes.prices.sort_by_key(|(unit, _)| *unit);
    if changes.prices.is_empty() && !changes.for_all_nodes && problems.is_empty() {
        return Vec::new();
    }
    vec![PriceEntry::Units(changes)]
}

/// OpenCost's price as ours: volumes by the month, the others by the hour.
fn converted(price: Usd, unit: UnitPrice, hourly: bool, monthly: bool) -> Usd {
    match (unit, hourly, monthly) {
        (UnitPrice::VolumeGibMonth, _, false) => price.saturating_mul(730),
        (UnitPrice::VolumeGibMonth, _, true) => price,
        (_, true, true) => price.scaled(1, 730),
        _ => price,
    }
}

/// Keys that are no prices.
fn other(name: &str, text: &str, line: usize, problems: &mut FileProblems) {
    let known = PASSED_OVER.contains(&name)
        || name.starts_with("athena")
        || name.starts_with("azure")
        || name.starts_with("alibaba")
        || name == "customPricesEnabled";
    match name {
        "currencyCode" if text != "USD" => {
            problems.note(line, name, text, "USD: prices of other currencies would be added to dollars");
        }
        "discount" | "negotiatedDiscount" => {
            let digits = text.trim_end_matches('%').trim();
            if !matches!(digits.parse::<f64>(), Ok(0.0)) {
                let expected = "0%: give the prices that are paid, with their discounts";
                problems.note(line, name, text, expected);
            }
        }
        "currencyCode" => {}
        _ if known => {}
        _ => {
            let expected = "coreHour, ramGiBHour, gpuHour, spotCoreHour, spotRamGiBHour, spotGpuHour, volumeGiBMonth, zoneEgressGiB, \
                            regionEgressGiB, internetEgressGiB, loadBalancerHour, clusterManagementHour, or OpenCost's names";
            problems.note(line, name, "is not known", expected);
        }
    }
}

fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
}

/// The line on which a name is first written.
fn line_of(name: &str, text: &str) -> usize {
    let quoted = format!("\"{name}\"");
    let before = text.find(&quoted).and_then(|place| text.get(..place)).unwrap_or_default();
    before.matches('\n').count() + 1
}
