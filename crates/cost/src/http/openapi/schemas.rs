//! What answers look like, field by field (reference sections 2.6 to 2.8). Objects are closed: an answer with a field that is
//! not here is wrong.

use serde_json::{Map, Value, json};

use crate::http::openapi::parts::{
    Fields, amount, count, each, flag, list_of, map_of, map_or_null, moment, named, number, object, one_of,
    text,
};
use crate::prices::PriceSource;

/// All schemas by name.
pub fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    let groups: [fn() -> Fields; 5] = [envelopes, allocations, efficiencies, assets, information];
    for (name, schema) in groups.into_iter().flat_map(|group| group()) {
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

fn envelopes() -> Fields {
    vec![
        (
            "Error",
            object(
                vec![
                    ("code", json!({"type": "integer", "minimum": 400, "maximum": 599})),
                    ("status", one_of(&["error"])),
                    ("data", json!({"nullable": true, "type": "object"})),
                    ("message", text()),
                ],
                vec![],
            ),
        ),
        ("Window", object(vec![("start", moment()), ("end", moment())], vec![])),
        ("Nothing", json!({"nullable": true, "type": "object", "maxProperties": 0})),
        ("Values", object(vec![("data", list_of(text()))], vec![])),
        (
            "Gaps",
            list_of(object(
                vec![
                    ("cluster", text()),
                    ("subject", text()),
                    ("start", moment()),
                    ("end", moment()),
                    ("seconds", count()),
                ],
                vec![],
            )),
        ),
    ]
}

const AMOUNTS: [&str; 40] = [
    "minutes",
    "cpuCores",
    "cpuCoreRequestAverage",
    "cpuCoreLimitAverage",
    "cpuCoreUsageAverage",
    "cpuCoreHours",
    "cpuCost",
    "cpuCostAdjustment",
    "cpuCostIdle",
    "cpuEfficiency",
    "gpuCount",
    "gpuRequestAverage",
    "gpuUsageAverage",
    "gpuHours",
    "gpuCost",
    "gpuCostAdjustment",
    "gpuCostIdle",
    "gpuEfficiency",
    "networkTransferBytes",
    "networkReceiveBytes",
    "networkCost",
    "networkCrossZoneCost",
    "networkCrossRegionCost",
    "networkInternetCost",
    "networkCostAdjustment",
    "loadBalancerCost",
    "loadBalancerCostAdjustment",
    "pvBytes",
    "pvByteHours",
    "pvCost",
    "pvCostAdjustment",
    "ramBytes",
    "ramByteRequestAverage",
    "ramByteLimitAverage",
    "ramByteUsageAverage",
    "ramByteHours",
    "ramCost",
    "ramCostAdjustment",
    "ramCostIdle",
    "ramEfficiency",
];
const TOTALS: [&str; 4] = ["externalCost", "sharedCost", "totalCost", "totalEfficiency"];
const SUMMARY: [&str; 19] = [
    "cpuCoreRequestAverage",
    "cpuCoreUsageAverage",
    "cpuCost",
    "cpuCostIdle",
    "gpuRequestAverage",
    "gpuUsageAverage",
    "gpuCost",
    "gpuCostIdle",
    "networkCost",
    "loadBalancerCost",
    "pvCost",
    "ramByteRequestAverage",
    "ramByteUsageAverage",
    "ramCost",
    "ramCostIdle",
    "sharedCost",
    "externalCost",
    "totalEfficiency",
    "totalCost",
];

fn allocations() -> Fields {
    let texts =
        ["cluster", "node", "container", "controller", "controllerKind", "namespace", "pod", "providerID"];
    let maps = ["labels", "annotations", "namespaceLabels", "namespaceAnnotations"];
    let mut properties = each(&texts, text);
    properties.push(("services", list_of(text())));
    properties.extend(each(&maps, || map_of(text())));
    let mut always = vec![
        ("name", text()),
        ("properties", object(vec![], properties)),
        ("window", named("Window")),
        ("start", moment()),
        ("end", moment()),
    ];
    always.extend(each(&AMOUNTS, amount));
    always.extend(each(&TOTALS, amount));
    always.extend([
        ("pvs", map_or_null(named("VolumePart"))),
        ("lbAllocations", map_or_null(named("BalancerPart"))),
        ("gpuAllocation", gpus()),
    ]);
    let sometimes = vec![
        (
            "rawAllocationOnly",
            object(vec![("cpuCoreUsageMax", amount()), ("ramByteUsageMax", amount())], vec![]),
        ),
        ("proportionalAssetResourceCosts", map_of(named("AssetShare"))),
        ("sharedCostBreakdown", map_of(named("SharedCost"))),
        ("overcommitCost", amount()),
        ("measuredFraction", amount()),
        ("networkMeasured", flag()),
        ("priceSources", list_of(one_of(&PriceSource::ALL.map(PriceSource::as_str)))),
    ];
    let window = || ("window", named("Window"));
    let total = named("SummaryAllocation");
    vec![
        ("Allocation", object(always, sometimes)),
        ("AllocationSets", list_of(map_of(named("Allocation")))),
        (
            "VolumePart",
            object(vec![("byteHours", amount()), ("cost", amount()), ("providerID", text())], vec![]),
        ),
        (
            "BalancerPart",
            object(
                vec![
                    ("service", text()),
                    ("cost", amount()),
                    ("private", flag()),
                    ("ip", text()),
                    ("hours", amount()),
                    ("adjustment", number()),
                ],
                vec![],
            ),
        ),
        ("AssetShare", asset_share()),
        ("SharedCost", shared_cost()),
        ("SummaryAllocation", summary_allocation()),
        (
            "Summary",
            object(
                vec![
                    ("step", count()),
                    ("sets", list_of(object(vec![("allocations", map_of(total.clone())), window()], vec![]))),
                    window(),
                ],
                vec![],
            ),
        ),
        (
            "Topline",
            object(
                vec![
                    ("numResults", count()),
                    (
                        "combined",
                        object(
                            vec![("allocations", object(vec![("total", total)], vec![])), window()],
                            vec![],
                        ),
                    ),
                ],
                vec![],
            ),
        ),
    ]
}

fn gpus() -> Value {
    let always = vec![
        ("gpuDevice", text()),
        ("gpuModel", text()),
        ("gpuUUID", text()),
        ("isGPUShared", json!({"type": "boolean", "nullable": true})),
        ("gpuUsageAverage", amount()),
        ("gpuRequestAverage", amount()),
    ];
    let mut schema = object(always, vec![]);
    if let Value::Object(fields) = &mut schema {
        fields.insert("nullable".to_owned(), true.into());
    }
    schema
}

fn asset_share() -> Value {
    let parts = [
        "cpuPercentage",
        "gpuPercentage",
        "ramPercentage",
        "loadBalancerPercentage",
        "pvPercentage",
        "nodeResourceCostPercentage",
    ];
    let share = || json!({"type": "number", "minimum": 0, "maximum": 1, "nullable": true});
    let mut always = vec![("cluster", text())];
    always.extend(each(&parts, share));
    object(always, vec![("name", text()), ("type", one_of(&["Node"])), ("providerID", text())])
}

fn shared_cost() -> Value {
    let parts = [
        "totalCost",
        "cpuCost",
        "ramCost",
        "gpuCost",
        "pvCost",
        "networkCost",
        "loadBalancerCost",
        "externalCost",
    ];
    let mut always = vec![("name", text())];
    always.extend(each(&parts, amount));
    object(always, vec![])
}

fn summary_allocation() -> Value {
    let mut always = vec![("name", text()), ("start", moment()), ("end", moment())];
    always.extend(each(&SUMMARY, amount));
    object(always, vec![("overcommitCost", amount()), ("efficiency", amount())])
}

fn efficiencies() -> Fields {
    let amounts = [
        "cpuEfficiency",
        "memoryEfficiency",
        "cpuCoresRequested",
        "cpuCoresUsed",
        "ramBytesRequested",
        "ramBytesUsed",
        "recommendedCpuRequest",
        "recommendedRamRequest",
        "resultingCpuEfficiency",
        "resultingMemoryEfficiency",
        "currentTotalCost",
        "recommendedCost",
        "efficiencyBufferMultiplier",
    ];
    let mut always = vec![("name", text()), ("start", moment()), ("end", moment())];
    always.extend(each(&amounts, amount));
    // what uses more than it asks for would cost more
    always.extend(each(&["costSavings", "costSavingsPercent"], number));
    let one = object(always, vec![("measuredFraction", amount())]);
    let costs = [
        "cpuEfficiency",
        "ramEfficiency",
        "gpuEfficiency",
        "totalUsageCost",
        "workloadAllocationCost",
        "workloadIdleCost",
        "infraIdleCost",
        "totalIdleCost",
        "totalAllocationCost",
        "efficiency",
    ];
    let breakdown = || object(each(&["allocation", "usage", "idle", "efficiency"], amount), vec![]);
    let mut cluster = vec![("name", text()), ("start", moment()), ("end", moment())];
    cluster.extend(each(&costs, amount));
    cluster.extend(each(&["cpu", "ram", "gpu", "pv"], breakdown));
    let set = vec![
        ("clusters", map_of(named("ClusterEfficiency"))),
        ("summary", named("ClusterEfficiency")),
        ("window", named("Window")),
    ];
    let sets = list_of(object(set, vec![]));
    vec![
        ("Efficiencies", object(vec![("efficiencies", list_of(one))], vec![])),
        ("ClusterEfficiency", object(cluster, vec![])),
        (
            "ClusterEfficiencies",
            object(vec![("step", count()), ("sets", sets), ("window", named("Window"))], vec![]),
        ),
    ]
}

fn assets() -> Fields {
    let kinds = ["Node", "Disk", "LoadBalancer", "ClusterManagement", "Network", "Any"];
    let any: Vec<Value> = kinds.iter().map(|kind| named(&format!("{kind}Asset"))).collect();
    let map = map_of(json!({"anyOf": any}));
    let sources = PriceSource::ALL.map(PriceSource::as_str);
    let asset = |kind: &'static str, more: Fields, own: Fields| {
        let properties = each(
            &["category", "provider", "account", "project", "service", "cluster", "name", "providerID"],
            text,
        );
        let mut always = vec![
            ("type", one_of(&[kind])),
            ("properties", object(vec![], properties)),
            ("labels", map_of(text())),
            ("window", named("Window")),
            ("start", moment()),
            ("end", moment()),
            ("minutes", amount()),
            ("totalCost", amount()),
        ];
        always.extend(more);
        let mut sometimes = own;
        sometimes.push(("priceSource", one_of(&sources)));
        object(always, sometimes)
    };
    let adjustment = || ("adjustment", number());
    let parts = || object(each(&["cpu", "gpu", "ram"], amount), vec![]);
    let breakdown = || object(each(&["idle", "other", "system", "user"], amount), vec![]);
    let mut node = vec![adjustment(), ("nodeType", text()), ("pool", text())];
    let amounts = [
        "cpuCores",
        "ramBytes",
        "cpuCoreHours",
        "ramByteHours",
        "GPUHours",
        "preemptible",
        "discount",
        "cpuCost",
        "gpuCost",
        "gpuCount",
        "ramCost",
    ];
    node.extend(each(&amounts, amount));
    node.extend(each(&["cpuBreakdown", "ramBreakdown"], breakdown));
    let overhead = ["CpuOverheadFraction", "RamOverheadFraction", "OverheadCostFraction"];
    node.push(("overhead", object(each(&overhead, amount), vec![])));
    let own = each(&["allocatedCost", "daemonSetCost", "overheadCost", "idleCost", "overcommitCost"], parts);
    let mut disk = vec![adjustment(), ("breakdown", breakdown())];
    disk.extend(each(&["byteHours", "bytes", "byteHoursUsed", "byteUsageMax"], amount));
    disk.extend(each(&["storageClass", "volumeName", "claimName", "claimNamespace"], text));
    vec![
        ("Assets", json!({"anyOf": [map, list_of(named("AssetMap"))]})),
        ("AssetMap", map),
        ("NodeAsset", asset("Node", node, own)),
        ("DiskAsset", asset("Disk", disk, vec![])),
        (
            "LoadBalancerAsset",
            asset("LoadBalancer", vec![adjustment(), ("private", flag()), ("ip", text())], vec![]),
        ),
        ("ClusterManagementAsset", asset("ClusterManagement", vec![], vec![])),
        ("NetworkAsset", asset("Network", vec![adjustment()], vec![])),
        ("AnyAsset", asset("Any", vec![adjustment()], vec![])),
    ]
}

fn information() -> Fields {
    let cluster = ["id", "name", "provider", "provisioner", "region", "account", "project", "version"];
    let day = || json!({"type": "string", "format": "date", "nullable": true});
    let price = vec![
        ("cost", text()),
        ("CPU", amount()),
        ("RAMBytes", amount()),
        ("GPU", amount()),
        ("usageType", one_of(&["ondemand", "preemptible"])),
        ("instanceType", text()),
        ("region", text()),
        ("priceSource", text()),
        ("priceDay", day()),
    ];
    let source = vec![
        ("name", text()),
        ("enabled", flag()),
        ("available", flag()),
        ("error", text()),
        ("nodes", count()),
    ];
    let check = vec![("message", text()), ("status", flag()), ("additionalInfo", text())];
    let book = vec![("priceVersion", count()), ("nodeSplit", text()), ("currency", text())];
    vec![
        ("Cluster", object(each(&cluster, text), vec![])),
        ("ClusterMap", map_of(named("Cluster"))),
        ("Clusters", list_of(named("Cluster"))),
        ("Platform", text()),
        ("NodePrices", map_of(object(price, vec![]))),
        ("PriceSources", map_of(object(source, vec![]))),
        ("PriceBook", object(book, vec![])),
        (
            "PriceCounts",
            object(vec![("TotalNodes", count()), ("PricingTypeCounts", map_of(count()))], vec![]),
        ),
        ("Checks", object(vec![("checks", list_of(object(check, vec![])))], vec![])),
        ("UnitPrices", map_of(text())),
        ("Currency", object(each(&["currency", "currencyCode"], text), vec![])),
    ]
}
