//! `/assets` (reference section 2.8).

use rstest::rstest;
use serde_json::Value;

use crate::asking::{WINDOW, data, fields, query, service};
use crate::made_up;

#[tokio::test]
async fn assets_are_keyed_and_add_up() {
    let router = service(made_up::ledger(3));
    let assets = data(&router, &format!("/assets?window={WINDOW}")).await;
    let assets = assets.as_object().unwrap();
    let kinds: std::collections::BTreeSet<&str> =
        assets.values().map(|asset| asset["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["ClusterManagement", "Disk", "LoadBalancer", "Network", "Node"]
    );
    let (key, _) =
        assets.iter().find(|(_, asset)| asset["type"] == "Node" && asset["nodeType"] != "").unwrap();
    assert!(key.starts_with("AWS/123456789012/__undefined__/Compute/"), "{key}");
    let total: f64 = assets.values().map(|asset| asset["totalCost"].as_f64().unwrap()).sum();
    let all = data(&router, &format!("/assets?window={WINDOW}&aggregate=cluster")).await;
    let sum: f64 = all.as_object().unwrap().values().map(|row| row["totalCost"].as_f64().unwrap()).sum();
    assert!((total - sum).abs() < 1e-4);
}

/// Reference section 2.8: the fields of each kind, in their order; what is not OpenCost's comes last, and not for it.
#[rstest]
#[case("Node")]
#[case("Disk")]
#[case("LoadBalancer")]
#[case("ClusterManagement")]
#[case("Network")]
#[tokio::test]
async fn assets_have_the_fields_of_the_api(#[case] kind: &str) {
    let router = service(made_up::ledger(3));
    let filter = query(&[("window", WINDOW), ("filter", &format!("assetType:\"{kind}\"")), ("limit", "1")]);
    let own = data(&router, &format!("/assets?{filter}")).await;
    let theirs = data(&router, &format!("/assets?{filter}&compat=opencost")).await;
    let one = |assets: &Value| fields(assets.as_object().unwrap().values().next().unwrap());
    insta::assert_snapshot!(format!("{kind}_of_opencost"), one(&theirs));
    insta::assert_snapshot!(format!("{kind}_of_ours"), one(&own));
    assert!(one(&own).starts_with(&one(&theirs)));
}

/// Overhead, DaemonSets, idle and, apart, overcommit of a node; nothing is negative.
#[tokio::test]
async fn a_nodes_cost_is_allocated_kept_or_idle() {
    for seed in 0..6 {
        let router = service(made_up::ledger(seed));
        let filter = query(&[("window", WINDOW), ("filter", "assetType:\"Node\""), ("decimals", "9")]);
        let assets = data(&router, &format!("/assets?{filter}")).await;
        for (key, node) in assets.as_object().unwrap() {
            let nanos = |value: &Value| {
                let nanos = (value.as_f64().unwrap() * 1e9).round() as i64;
                assert!(nanos >= 0, "{key}");
                nanos
            };
            let mut sum = 0;
            for part in ["cpu", "gpu", "ram"] {
                let of = |field: &str| nanos(&node[field][part]);
                let parts = of("allocatedCost") + of("overheadCost") + of("idleCost");
                assert_eq!(parts, nanos(&node[format!("{part}Cost")]), "{key} {part}");
                assert!(of("daemonSetCost") <= of("allocatedCost") && of("overcommitCost") >= 0);
                sum += parts;
            }
            assert_eq!(sum, nanos(&node["totalCost"]), "{key}");
        }
    }
}

#[tokio::test]
async fn a_step_makes_a_list_of_sets_that_add_up() {
    let router = service(made_up::ledger(3));
    let whole = data(&router, &format!("/assets?window={WINDOW}&aggregate=type&decimals=9")).await;
    let nanos = |value: &Value| (value["totalCost"].as_f64().unwrap_or(0.0) * 1e9).round() as i64;
    for (step, sets) in [("1h", 4), ("90m", 3), ("1h&accumulate=day", 1)] {
        let list =
            data(&router, &format!("/assets?window={WINDOW}&aggregate=type&decimals=9&step={step}")).await;
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), sets);
        for (kind, row) in whole.as_object().unwrap() {
            assert_eq!(list.iter().map(|set| nanos(&set[kind])).sum::<i64>(), nanos(row), "{kind} by {step}");
        }
    }
}

/// Reference section 2.10, fields of assets.
#[rstest]
#[case("assetType:\"Disk\"", "Disk")]
#[case("category:\"Storage\"", "Disk")]
#[case("label[node.kubernetes.io/instance-type]<~:\"m5\",\"c5\",\"r5\",\"g4\"+assetType:\"Node\"", "Node")]
#[case("label:\"karpenter.sh/capacity-type\"", "Node")]
#[case("label[label_kubernetes_io_arch]:\"amd64\"", "Node")]
#[case("account:\"123456789012\" assetType:\"ClusterManagement\"", "ClusterManagement")]
#[case("service:\"Kubernetes\"+name<~:\"shop/\"", "LoadBalancer")]
#[tokio::test]
async fn a_filter_takes_a_part(#[case] filter: &str, #[case] kind: &str) {
    let router = service(made_up::ledger(3));
    let assets =
        data(&router, &format!("/assets?{}", query(&[("window", WINDOW), ("filter", filter)]))).await;
    let assets = assets.as_object().unwrap();
    assert!(!assets.is_empty());
    assert!(assets.values().all(|asset| asset["type"] == kind));
    let none = [("window", WINDOW), ("filter", "project:\"x\"|team:\"y\"|account:\"z\"")];
    assert_eq!(data(&router, &format!("/assets?{}", query(&none))).await, serde_json::json!({}));
}

#[tokio::test]
async fn a_page_shows_the_dearest() {
    let router = service(made_up::ledger(3));
    let all = data(&router, &format!("/assets?window={WINDOW}&sortBy=totalCost")).await;
    let page = data(&router, &format!("/assets?window={WINDOW}&offset=1&limit=3")).await;
    let (all, page) = (all.as_object().unwrap(), page.as_object().unwrap());
    assert_eq!(page.keys().collect::<Vec<_>>(), all.keys().skip(1).take(3).collect::<Vec<_>>());
    let costs: Vec<f64> = all.values().map(|asset| asset["totalCost"].as_f64().unwrap()).collect();
    assert!(costs.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[rstest]
#[case("type", &["ClusterManagement", "Disk", "LoadBalancer", "Network", "Node"])]
#[case("category", &["Compute", "Management", "Network", "Storage"])]
#[case("label:kubernetes.io/arch", &["amd64"])]
#[case("account", &["123456789012"])]
#[tokio::test]
async fn values_are_told_to_whoever_types(#[case] field: &str, #[case] expected: &[&str]) {
    let router = service(made_up::ledger(3));
    let values = data(&router, &format!("/assets/autocomplete?window=1d&field={field}")).await;
    assert_eq!(values["data"], serde_json::json!(expected));
}
