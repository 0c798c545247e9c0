//! `/allocation` and its summaries, field by field (reference sections 2.3 and 2.6).

use axum::http::{Method, StatusCode};
use rstest::rstest;
use serde_json::Value;
use supercargo_cost::facts::{BalancerFact, BalancerUse, Gap, HourFacts};
use supercargo_cost::{Interval, Ledger, Workload};

use crate::asking::{WINDOW, data, fields, get, query, send, service};
use crate::made_up;

/// Reference section 2.6: the fields and their order.
#[tokio::test]
async fn an_allocation_has_the_fields_of_the_api() {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=namespace&includeIdle=true&compat=opencost";
    let (_, answer) = get(&router, path).await;
    assert_eq!((&answer["code"], &answer["status"]), (&Value::from(200), &Value::from("success")));
    let shop = &answer["data"][0]["shop"];
    insta::assert_snapshot!(fields(shop));
    for (field, value) in shop.as_object().unwrap() {
        assert!(!value.is_number() || value.as_f64().unwrap() >= 0.0, "{field} is {value}");
    }
    assert!(answer["data"][0]["__idle__"]["totalCost"].as_f64().unwrap() > 0.0);
}

/// Reference section 2.6: totalCost is the sum of all costs, adjustments included, to the rounding.
#[tokio::test]
async fn total_cost_is_the_sum_of_the_costs() {
    let router = service(made_up::ledger(5));
    let path =
        "/allocation?window=1d&shareIdle=true&shareTenancyCosts=true&shareCost=100&aggregate=namespace,pod";
    let sets = data(&router, path).await;
    let rows = sets[0].as_object().unwrap();
    assert!(rows.len() > 2);
    for (name, row) in rows {
        let costs = ["cpu", "gpu", "ram", "pv", "network", "loadBalancer"].map(|part| {
            row[format!("{part}Cost")].as_f64().unwrap()
                + row[format!("{part}CostAdjustment")].as_f64().unwrap()
        });
        let sum: f64 = costs.iter().sum::<f64>()
            + row["sharedCost"].as_f64().unwrap()
            + row["externalCost"].as_f64().unwrap();
        assert!((sum - row["totalCost"].as_f64().unwrap()).abs() < 1e-4, "{name}");
    }
}

#[tokio::test]
async fn one_allocation_is_written_like_this() {
    let router = service(made_up::ledger(3));
    let window = "1970-01-01T00:00:00Z,1970-01-01T01:00:00Z";
    let sets = data(&router, &format!("/allocation?window={window}&sortBy=gpuCost")).await;
    insta::assert_snapshot!(
        serde_json::to_string_pretty(sets[0].as_object().unwrap().values().next().unwrap()).unwrap()
    );
}

#[tokio::test]
async fn steps_are_sets_and_the_future_is_empty() {
    let router = service(made_up::ledger(3));
    let sets = data(&router, "/allocation?window=1d&step=1h&aggregate=cluster").await;
    let sets = sets.as_array().unwrap();
    assert_eq!(sets.len(), 24);
    assert_eq!(sets[23], serde_json::json!({}));
    let whole = data(&router, "/allocation?window=1d&step=1h&aggregate=cluster&accumulate=true").await;
    let sum: f64 = sets.iter().filter_map(|set| set["east"]["totalCost"].as_f64()).sum();
    assert!((whole[0]["east"]["totalCost"].as_f64().unwrap() - sum).abs() < 1e-4);
}

#[tokio::test]
async fn a_page_shows_the_most_expensive() {
    let router = service(made_up::ledger(3));
    let all = data(&router, "/allocation?window=1d&sortBy=totalCost").await;
    let names: Vec<&String> = all[0].as_object().unwrap().keys().collect();
    let page = data(&router, "/allocation?window=1d&offset=1&limit=2").await;
    assert_eq!(page[0].as_object().unwrap().keys().collect::<Vec<_>>(), names[1..3]);
    let beyond = data(&router, "/allocation?window=1d&offset=9007199254740992&limit=9007199254740992").await;
    assert_eq!(beyond[0], serde_json::json!({}));
}

#[tokio::test]
async fn summaries_have_sets_and_a_topline() {
    let router = service(made_up::ledger(3));
    let summary =
        data(&router, "/allocation/summary?window=1d&step=12h&aggregate=namespace&includeIdle=true").await;
    assert_eq!(summary["step"], Value::from(43_200_000_000_000u64));
    assert_eq!(summary["sets"].as_array().unwrap().len(), 2);
    insta::assert_snapshot!(fields(&summary["sets"][0]["allocations"]["shop"]));
    let top = data(&router, "/allocation/summary/topline?window=1d&aggregate=namespace").await;
    assert_eq!(top["numResults"], 4 + 1);
    let total = &top["combined"]["allocations"]["total"];
    assert!(total["totalCost"].as_f64().unwrap() > 0.0);
    assert_eq!(total["efficiency"], total["totalEfficiency"]);
}

/// Reference section 1.5: parts of the assets; together with idle they are all of it.
#[tokio::test]
async fn proportional_costs_say_what_part_of_a_cluster_or_a_node_is_carried() {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=namespace&includeIdle=true&includeProportionalAssetResourceCosts=true";
    let sets = data(&router, path).await;
    let rows = sets[0].as_object().unwrap();
    let parts = |field: &str| -> f64 {
        rows.values().filter_map(|row| row["proportionalAssetResourceCosts"]["east"][field].as_f64()).sum()
    };
    assert!(parts("cpuPercentage") > 0.0 && parts("cpuPercentage") <= 1.0 + 1e-6);
    assert!((parts("pvPercentage") - 1.0).abs() < 1e-4, "volumes are carried wholly");
    let shop = &rows["shop"]["proportionalAssetResourceCosts"]["east"];
    assert_eq!(
        fields(shop),
        "cluster cpuPercentage gpuPercentage ramPercentage loadBalancerPercentage pvPercentage nodeResourceCostPercentage"
    );
    let sets = data(&router, &format!("{path}&idleByNode=true")).await;
    let rows = sets[0].as_object().unwrap();
    let shares = rows.values().flat_map(|row| row["proportionalAssetResourceCosts"].as_object().unwrap());
    let known: Vec<_> =
        shares.filter(|(_, share)| share["providerID"] != "" && share["name"].is_string()).collect();
    assert!(!known.is_empty());
    for (key, share) in known {
        assert_eq!(
            *key,
            format!("{},{}", share["cluster"].as_str().unwrap(), share["name"].as_str().unwrap())
        );
        assert_eq!(share["type"], "Node");
    }
}

/// Reference section 2.6 (sharedCostBreakdown): the parts are the shared cost, whatever is shared.
#[rstest]
#[case("weighted")]
#[case("even")]
#[tokio::test]
async fn the_breakdown_of_shared_costs_adds_up(#[case] split: &str) {
    let router = service(made_up::ledger(5));
    let shared = "shareNamespaces=kube-system&shareLabels=team:media&shareCost=50000&sharelb=true&shareTenancyCosts=true";
    let path = format!(
        "/allocation?window=1d&aggregate=namespace&decimals=9&includeSharedCostBreakdown=true&shareIdle=true&{shared}&shareSplit={split}"
    );
    let sets = data(&router, &path).await;
    let mut origins = std::collections::BTreeSet::new();
    for (name, row) in sets[0].as_object().unwrap() {
        let parts = row["sharedCostBreakdown"].as_object().unwrap();
        let nanos = |value: &Value| (value.as_f64().unwrap() * 1e9).round() as i64;
        let mut sum = 0;
        for (origin, part) in parts {
            assert_eq!(part["name"], **origin);
            let fields = ["cpu", "ram", "gpu", "pv", "network", "loadBalancer", "external"];
            let of_part: i64 = fields.iter().map(|field| nanos(&part[format!("{field}Cost")])).sum();
            assert_eq!(of_part, nanos(&part["totalCost"]), "{name} of {origin}");
            sum += of_part;
            origins.insert(origin.clone());
        }
        assert_eq!(sum, nanos(&row["sharedCost"]), "{name}");
    }
    for origin in ["kube-system", "team:media", "shareCost", "sharelb", "shareTenancyCosts", "__idle__"] {
        assert!(origins.contains(origin), "{origin} is not among {origins:?}");
    }
    let sets = data(&router, "/allocation?window=1d&aggregate=namespace").await;
    assert!(sets[0]["shop"].get("sharedCostBreakdown").is_none());
}

/// Reference section 2.6 ([26] gpuAllocation).
#[tokio::test]
async fn gpus_are_told_with_their_model() {
    let mut models = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let router = service(made_up::ledger(seed));
        let sets = data(&router, "/allocation?window=1d&filter=container:%22main%22").await;
        let rows = sets[0].as_object().unwrap();
        for gpu in rows.values().map(|row| &row["gpuAllocation"]).filter(|gpu| gpu.is_object()) {
            assert!(gpu["gpuRequestAverage"].as_f64().unwrap() > 0.0);
            assert_eq!(gpu["isGPUShared"], false);
            models.insert(gpu["gpuModel"].as_str().unwrap().to_owned());
        }
        let sets = data(&router, "/allocation?window=1d&aggregate=cluster").await;
        assert!(sets[0]["east"]["gpuAllocation"]["isGPUShared"].is_null());
    }
    // some of the made-up nodes have no GPU, whatever their pods think
    assert_eq!(models.into_iter().collect::<Vec<_>>(), ["", "T4"]);
}

/// Reference section 2.3, parameters of Kubecost.
#[tokio::test]
async fn a_table_has_a_line_for_every_row_of_every_set() {
    let router = service(made_up::ledger(3));
    for path in ["/allocation", "/allocation/summary", "/efficiency", "/assets"] {
        let asked = format!("{path}?window={WINDOW}&step=2h");
        let rows = match data(&router, &asked).await {
            Value::Array(sets) => sets.iter().map(|set| set.as_object().unwrap().len()).sum(),
            Value::Object(answer) => match (answer.get("sets"), answer.get("efficiencies")) {
                (Some(sets), _) => {
                    let sets = sets.as_array().unwrap();
                    sets.iter().map(|set| set["allocations"].as_object().unwrap().len()).sum()
                }
                (_, Some(rows)) => rows.as_array().unwrap().len(),
                _ => 0,
            },
            _ => 0,
        };
        assert!(rows > 4, "{path}");
        let (status, table) = send(&router, Method::GET, &format!("{asked}&format=csv"), None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(table.lines().count(), rows + 1, "{path}");
        let (title, columns) = (table.lines().next().unwrap(), table.lines().map(|line| line.contains(',')));
        assert!(title.contains("otalCost") && columns.into_iter().all(|several| several), "{title}");
    }
    let (_, table) = send(&router, Method::GET, "/allocation?window=yesterday&format=csv", None).await;
    assert_eq!(table.lines().count(), 1, "a title also without rows");
}

/// Reference section 2.3 (costMetric); at half past three, three and a half hours of the day have passed.
#[rstest]
#[case("cumulative", 1.0)]
#[case("hourly", 1.0 / 3.5)]
#[case("daily", 24.0 / 3.5)]
#[case("monthly", 730.0 / 3.5)]
#[tokio::test]
async fn a_rate_is_the_cost_by_time(#[case] metric: &str, #[case] factor: f64) {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=cluster&decimals=9";
    let sum = data(&router, path).await[0]["east"]["totalCost"].as_f64().unwrap();
    for name in ["costMetric", "costUnit"] {
        let rate = data(&router, &format!("{path}&{name}={metric}")).await;
        assert!((rate[0]["east"]["totalCost"].as_f64().unwrap() - sum * factor).abs() < 1e-6);
    }
    let top = data(&router, &format!("/allocation/summary/topline?window=1d&costMetric={metric}")).await;
    assert!(top["combined"]["allocations"]["total"]["totalCost"].as_f64().unwrap() > 0.0);
}

/// Reference section 2.3: what upstream needs and we do not changes nothing.
#[tokio::test]
async fn parameters_without_effect_have_none() {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=namespace";
    let plain = data(&router, path).await;
    for more in ["resolution=1m", "external=true", "reconcile=false", "chartType=costovertime"] {
        assert_eq!(data(&router, &format!("{path}&{more}")).await, plain, "{more}");
    }
}

/// Reference section 1.2, item 8: upstream charges one resolution too many (24.083 h a day at 5 minutes), books a load
/// balancer without pods twice, and lets a second one contain the first. Here each is charged once, for its hours.
#[tokio::test]
async fn every_load_balancer_is_charged_once_for_its_hours() {
    let mut ledger = Ledger::new(made_up::prices());
    let web = std::sync::Arc::new(Workload {
        cluster: "east".into(),
        namespace: "shop".into(),
        pod: "web".into(),
        container: "main".into(),
        ..Workload::default()
    });
    for hour in (0..24).map(|hour| hour * 3_600) {
        let mut facts = HourFacts::new("east", hour);
        for (service, behind) in [("first", true), ("second", true), ("alone", false)] {
            let uses = if behind {
                vec![BalancerUse { workload: std::sync::Arc::clone(&web), seconds: 3_600 }]
            } else {
                vec![]
            };
            facts.balancers.push(BalancerFact {
                namespace: "shop".into(),
                service: service.into(),
                interval: Interval::hour(hour),
                uses,
                ..BalancerFact::default()
            });
        }
        ledger.insert(facts);
    }
    let sets = data(&service(ledger), "/allocation?window=0-86400&aggregate=pod").await;
    let (web, nobody) = (&sets[0]["web"], &sets[0]["shop-unmounted-pvcs"]);
    for (row, name) in [(web, "first"), (web, "second"), (nobody, "alone")] {
        let part = &row["lbAllocations"][format!("east/shop/{name}")];
        assert_eq!((&part["hours"], &part["cost"]), (&24.into(), &0.6.into()), "{name}");
    }
    assert_eq!((&web["loadBalancerCost"], &nobody["loadBalancerCost"]), (&1.2.into(), &0.6.into()));
}

/// A gap is reported, not filled with zeros.
#[tokio::test]
async fn a_gap_is_a_warning() {
    let mut ledger = Ledger::new(made_up::prices());
    let mut facts = made_up::facts(3, "east", 0);
    facts.gaps.push(Gap { interval: Interval::new(600, 900), subject: "usage of node node-0".into() });
    ledger.insert(facts);
    let router = service(ledger);
    let (_, answer) = get(&router, "/allocation?window=1d&aggregate=cluster").await;
    let warning = answer["warning"].as_str().unwrap();
    assert!(
        warning.contains("usage of node node-0 of east from 1970-01-01T00:10:00Z to 1970-01-01T00:15:00Z"),
        "{warning}"
    );
    assert_eq!(data(&router, "/gaps?window=1d").await[0]["seconds"], 300);
    let (_, answer) = get(&service(made_up::ledger(3)), "/allocation?window=1d").await;
    assert!(answer.get("warning").is_none());
}

/// Reference section 2.2 ([26] autocomplete).
#[rstest]
#[case(&[("field", "namespace")], &["batch", "kube-system", "search", "shop"])]
#[case(&[("field", "Namespace"), ("search", "S")], &["kube-system", "search", "shop"])]
#[case(&[("field", "namespace"), ("limit", "2")], &["batch", "kube-system"])]
#[case(&[("field", "namespace"), ("filter", "namespace!:\"shop\""), ("search", "sh")], &[])]
#[case(&[("field", "label")], &["cost-center", "team"])]
#[case(&[("field", "label:team")], &["media", "payments", "platform"])]
#[case(&[("field", "namespaceLabel")], &["cost-center"])]
#[case(&[("field", "namespaceLabel:cost_center")], &["cc-1"])]
#[case(&[("field", "controllerKind")], &["deployment"])]
#[case(&[("field", "services")], &["front"])]
#[case(&[("field", "account")], &["123456789012"])]
#[case(&[("field", "annotation")], &[])]
#[tokio::test]
async fn values_are_told_to_whoever_types(#[case] asked: &[(&str, &str)], #[case] expected: &[&str]) {
    let router = service(made_up::ledger(5));
    let values = data(&router, &format!("/allocation/autocomplete?window=1d&{}", query(asked))).await;
    assert_eq!(values["data"], serde_json::json!(expected));
}
