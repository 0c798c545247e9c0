//! The HTTP API: paths, methods, parameters, fields, errors (reference section 2).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;
use supercargo_clock::VirtualClock;
use supercargo_cost::facts::Gap;
use supercargo_cost::http::{CostService, ServiceSettings, router};
use supercargo_cost::{Interval, Ledger};
use tower::ServiceExt;

fn service(ledger: Ledger) -> Router {
    let clock = VirtualClock::new(Timestamp::from_second(3 * 3_600 + 1_800).unwrap());
    let settings = ServiceSettings {
        cluster_id: "east".to_owned(),
        version: "1.2.3".to_owned(),
        ..ServiceSettings::default()
    };
    router(CostService::new(Arc::new(RwLock::new(ledger)), Arc::new(clock), settings))
}

async fn send(router: &Router, method: Method, path: &str, form: Option<&str>) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path);
    if form.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let request = request.body(Body::from(form.unwrap_or_default().to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let (status, body) = send(router, Method::GET, path, None).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

const WINDOW: &str = "1970-01-01T00:00:00Z,1970-01-01T04:00:00Z";

/// Reference section 2.1: GET and POST, with and without `/model`, query string and form body.
#[tokio::test]
async fn every_way_to_ask_has_the_same_answer() {
    let router = service(made_up::ledger(3));
    let (status, expected) =
        send(&router, Method::GET, "/allocation/compute?window=1d&aggregate=namespace&accumulate=true", None)
            .await;
    assert_eq!(status, StatusCode::OK);
    assert!(expected.contains("\"shop\""));
    let form = "window=1d&aggregate=namespace&accumulate=true";
    for prefix in ["", "/model"] {
        for path in ["/allocation", "/allocation/compute"] {
            let path = format!("{prefix}{path}");
            assert_eq!(
                send(&router, Method::POST, &path, Some(form)).await,
                (StatusCode::OK, expected.clone())
            );
            let mixed = format!("{path}?window=1d");
            let rest = "aggregate=namespace&accumulate=true";
            assert_eq!(
                send(&router, Method::POST, &mixed, Some(rest)).await,
                (StatusCode::OK, expected.clone())
            );
        }
    }
}

/// Reference section 2.6: the fields and their order.
#[tokio::test]
async fn an_allocation_has_the_fields_of_the_api() {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=namespace&includeIdle=true&compat=opencost";
    let (_, answer) = get(&router, path).await;
    assert_eq!((&answer["code"], &answer["status"]), (&Value::from(200), &Value::from("success")));
    let shop = answer["data"][0]["shop"].as_object().unwrap();
    let fields: Vec<&str> = shop.keys().map(String::as_str).collect();
    insta::assert_snapshot!(fields.join(" "));
    for (field, value) in shop {
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
    let (_, answer) = get(&router, path).await;
    let rows = answer["data"][0].as_object().unwrap();
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
    let (_, answer) =
        get(&router, &format!("/allocation?window={window}&filter=cluster:%22east%22&sortBy=pvCost")).await;
    let rows = answer["data"][0].as_object().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(rows.values().next().unwrap()).unwrap());
}

#[tokio::test]
async fn steps_are_sets_and_the_future_is_empty() {
    let router = service(made_up::ledger(3));
    let (_, answer) = get(&router, "/allocation?window=1d&step=1h&aggregate=cluster").await;
    let sets = answer["data"].as_array().unwrap();
    assert_eq!(sets.len(), 24);
    assert_eq!(sets[23], serde_json::json!({}));
    let (_, answer) = get(&router, "/allocation?window=1d&step=1h&aggregate=cluster&accumulate=true").await;
    let sum: f64 = sets.iter().filter_map(|set| set["east"]["totalCost"].as_f64()).sum();
    assert!((answer["data"][0]["east"]["totalCost"].as_f64().unwrap() - sum).abs() < 1e-4);
}

#[tokio::test]
async fn a_page_shows_the_most_expensive() {
    let router = service(made_up::ledger(3));
    let (_, all) = get(&router, "/allocation?window=1d&sortBy=totalCost").await;
    let names: Vec<&String> = all["data"][0].as_object().unwrap().keys().collect();
    let (_, page) = get(&router, "/allocation?window=1d&offset=1&limit=2").await;
    assert_eq!(page["data"][0].as_object().unwrap().keys().collect::<Vec<_>>(), names[1..3]);
}

#[tokio::test]
async fn summaries_have_sets_and_a_topline() {
    let router = service(made_up::ledger(3));
    let (_, summary) =
        get(&router, "/allocation/summary?window=1d&step=12h&aggregate=namespace&includeIdle=true").await;
    assert_eq!(summary["data"]["step"], Value::from(43_200_000_000_000u64));
    assert_eq!(summary["data"]["sets"].as_array().unwrap().len(), 2);
    let row = &summary["data"]["sets"][0]["allocations"]["shop"];
    insta::assert_snapshot!(
        row.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    );
    let (_, top) = get(&router, "/allocation/summary/topline?window=1d&aggregate=namespace").await;
    assert_eq!(top["data"]["numResults"], 4 + 1);
    assert!(top["data"]["combined"]["allocations"]["total"]["totalCost"].as_f64().unwrap() > 0.0);
}

/// Reference section 2.8.
#[tokio::test]
async fn assets_are_keyed_and_add_up() {
    let router = service(made_up::ledger(3));
    let (_, answer) = get(&router, &format!("/assets?window={WINDOW}")).await;
    let assets = answer["data"].as_object().unwrap();
    let kinds: std::collections::BTreeSet<&str> =
        assets.values().map(|asset| asset["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["ClusterManagement", "Disk", "LoadBalancer", "Network", "Node"]
    );
    let (key, node) =
        assets.iter().find(|(_, asset)| asset["type"] == "Node" && asset["nodeType"] != "").unwrap();
    assert!(key.starts_with("AWS/__undefined__/__undefined__/Compute/"), "{key}");
    insta::assert_snapshot!(
        node.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    );
    for asset in assets.values().filter(|asset| asset["type"] == "Node") {
        let part = |field: &str| asset[field].as_f64().unwrap();
        assert!((part("cpuCost") + part("ramCost") + part("gpuCost") - part("totalCost")).abs() < 1e-5);
    }
    let total: f64 = assets.values().map(|asset| asset["totalCost"].as_f64().unwrap()).sum();
    let (_, all) = get(&router, &format!("/assets?window={WINDOW}&aggregate=cluster")).await;
    let sum: f64 =
        all["data"].as_object().unwrap().values().map(|row| row["totalCost"].as_f64().unwrap()).sum();
    assert!((total - sum).abs() < 1e-4);
    let (_, nodes) = get(&router, &format!("/assets?window={WINDOW}&filter=assetType:%22Disk%22")).await;
    assert!(nodes["data"].as_object().unwrap().values().all(|asset| asset["type"] == "Disk"));
}

/// Reference section 1.5: parts of the assets; together with idle they are all of it.
#[tokio::test]
async fn proportional_costs_say_what_part_of_a_cluster_is_carried() {
    let router = service(made_up::ledger(3));
    let path = "/allocation?window=1d&aggregate=namespace&includeIdle=true&includeProportionalAssetResourceCosts=true";
    let (_, answer) = get(&router, path).await;
    let rows = answer["data"][0].as_object().unwrap();
    let parts = |field: &str| -> f64 {
        rows.values().filter_map(|row| row["proportionalAssetResourceCosts"]["east"][field].as_f64()).sum()
    };
    assert!(parts("cpuPercentage") > 0.0 && parts("cpuPercentage") <= 1.0 + 1e-6);
    assert!((parts("pvPercentage") - 1.0).abs() < 1e-4, "volumes are carried wholly");
}

/// Reference section 2.7: one shape, status and code agree, the window's text is upstream's.
#[rstest]
#[case("/allocation", 400, "Invalid 'window' parameter: illegal window")]
#[case("/model/assets?window=soon", 400, "Invalid 'window' parameter: illegal window: soon")]
#[case("/allocation?window=1d&aggregate=nonsense", 400, "unknown aggregate")]
#[case("/allocation?window=1d&filter=namespace:", 400, "ends where a quoted text is expected")]
#[case("/assets?window=1d&aggregate=colour", 400, "type, category, cluster")]
#[case("/assets?window=1d&filter=pod:%22x%22", 400, "unknown field \\\"pod\\\"")]
#[case("/gaps?window=", 400, "illegal window")]
#[case("/nowhere", 404, "no such path: /nowhere")]
#[tokio::test]
async fn a_bad_request_is_told_why(#[case] path: &str, #[case] status: u16, #[case] reason: &str) {
    let router = service(made_up::ledger(3));
    let (found, body) = send(&router, Method::GET, path, None).await;
    assert_eq!(found.as_u16(), status);
    assert!(body.contains(reason), "{body}");
    if let Ok(body) = serde_json::from_str::<Value>(&body) {
        assert_eq!((&body["code"], &body["status"]), (&Value::from(status), &Value::from("error")));
        assert_eq!(body["data"], Value::Null);
    } else {
        assert!(body.starts_with("Invalid 'window' parameter"));
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_preflight_is_answered() {
    let router = service(made_up::ledger(3));
    let (status, body) = send(&router, Method::DELETE, "/allocation?window=1d", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(body.contains("expected GET or POST"));
    assert_eq!(send(&router, Method::OPTIONS, "/allocation", None).await.0, StatusCode::NO_CONTENT);
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
    let (_, gaps) = get(&router, "/gaps?window=1d").await;
    assert_eq!(gaps["data"][0]["seconds"], 300);
    let (_, answer) = get(&service(made_up::ledger(3)), "/allocation?window=1d").await;
    assert!(answer.get("warning").is_none());
}

/// Reference section 3.1.
#[tokio::test]
async fn metrics_are_those_of_opencost() {
    let router = service(made_up::ledger(3));
    let (status, body) = send(&router, Method::GET, "/metrics", None).await;
    assert_eq!(status, StatusCode::OK);
    for family in [
        "node_cpu_hourly_cost",
        "node_ram_hourly_cost",
        "node_gpu_hourly_cost",
        "node_total_hourly_cost",
        "node_gpu_count",
        "kubecost_node_is_spot",
        "pv_hourly_cost",
        "kubecost_load_balancer_cost",
        "kubecost_cluster_management_cost",
        "kubecost_network_zone_egress_cost",
        "kubecost_network_region_egress_cost",
        "kubecost_network_internet_egress_cost",
        "kubecost_cluster_info",
        "kubecost_pv_info",
    ] {
        assert!(body.contains(&format!("# TYPE {family} gauge\n{family}")), "{family} is missing in\n{body}");
    }
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
    }
}

#[rstest]
#[case("/healthz")]
#[case("/clusterInfo")]
#[case("/clusterInfoMap")]
#[case("/clusters")]
#[case("/allNodePricing")]
#[case("/pricingSourceStatus")]
#[case("/pricingSourceSummary")]
#[case("/pricingSourceCounts")]
#[case("/customPricing")]
#[case("/currency")]
#[case("/metrics")]
#[tokio::test]
async fn information_is_given_also_by_an_empty_ledger(#[case] path: &str) {
    for ledger in [made_up::ledger(3), Ledger::default()] {
        let router = service(ledger);
        for prefix in ["", "/model"] {
            assert_eq!(send(&router, Method::GET, &format!("{prefix}{path}"), None).await.0, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn the_openapi_document_lists_every_path() {
    let router = service(Ledger::default());
    let (_, document) = get(&router, "/openapi.json").await;
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(document["info"]["version"], "1.2.3");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 2 * 19);
    for path in paths.keys() {
        let (status, _) = send(&router, Method::GET, &format!("{path}?window=1d"), None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is sent, the answer is an answer or a refusal, never a failure.
    #[test]
    fn nonsense_is_refused_not_failed(
        path in "/(model/)?(allocation|allocation/summary|assets|gaps|healthz)",
        names in proptest::collection::vec(("window|aggregate|step|filter|accumulate|limit|shareCost|decimals|compat", ".{0,12}"), 0..5),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &names {
            query.append_pair(name, value);
        }
        query.append_pair("window", "2h");
        let uri = format!("{path}?{}", query.finish());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = runtime.block_on(async {
            let request = Request::builder().method(Method::POST).uri(&uri).body(Body::from(body)).unwrap();
            service(made_up::ledger(3)).oneshot(request).await.unwrap().status()
        });
        prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{} for {}", status, uri);
    }
}
