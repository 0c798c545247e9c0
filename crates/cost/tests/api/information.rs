//! Metrics, and what the API says of prices (reference sections 2.2 and 3.1).

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use supercargo_cost::Ledger;

use crate::asking::{data, get, send, service};
use crate::made_up;

/// Reference section 3.1.
#[tokio::test]
async fn metrics_are_those_of_opencost() {
    let router = service(made_up::ledger(3));
    let _ = get(&router, "/model/allocation?window=1d").await;
    let _ = get(&router, "/somewhere?a=b").await;
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
        "container_cpu_allocation",
        "container_memory_allocation_bytes",
        "container_gpu_allocation",
        "pod_pvc_allocation",
        "kubecost_load_balancer_cost",
        "kubecost_cluster_management_cost",
        "kubecost_network_zone_egress_cost",
        "kubecost_network_region_egress_cost",
        "kubecost_network_internet_egress_cost",
        "kubecost_cluster_info",
        "kubecost_pv_info",
        "opencost_build_info",
    ] {
        assert!(body.contains(&format!("# TYPE {family} gauge\n{family}")), "{family} is missing in\n{body}");
    }
    for line in [
        "kubecost_http_requests_total{handler=\"/allocation\",method=\"GET\",code=\"200\"} 1",
        "kubecost_http_requests_total{handler=\"other\",method=\"GET\",code=\"404\"} 1",
        "kubecost_http_response_time_seconds_bucket{handler=\"/allocation\",method=\"GET\",code=\"200\",le=\"+Inf\"} 1",
        "kubecost_http_response_time_seconds_count{handler=\"/allocation\",method=\"GET\",code=\"200\"} 1",
        "kubecost_http_response_size_bytes_count{handler=\"/allocation\",method=\"GET\",code=\"200\"} 1",
    ] {
        assert!(body.lines().any(|known| known == line), "{line} is missing in\n{body}");
    }
    assert!(!body.contains("kube_pod_labels"));
    check_exposition(&body);
}

/// A family is there once, with its type before its series; no series twice; all values are numbers.
fn check_exposition(body: &str) {
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    let mut family = "";
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} twice");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(family), "{line} is among {family}");
            assert!(series.insert(name), "{name} twice");
            assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
        }
    }
}

/// Reference section 3.1, last rows: only if somebody asks, because they would be there twice.
#[tokio::test]
async fn series_of_kube_state_metrics_are_written_if_asked_for() {
    let mut all = String::new();
    for seed in 0..8 {
        let router = service(made_up::ledger(seed));
        let (_, body) = send(&router, Method::GET, "/metrics?kubeState=true", None).await;
        check_exposition(&body);
        all.push_str(&body);
    }
    for family in [
        "kube_node_status_capacity_cpu_cores",
        "kube_node_status_capacity_memory_bytes",
        "kube_node_status_allocatable_cpu_cores",
        "kube_node_status_allocatable_memory_bytes",
        "kube_pod_container_resource_requests",
        "kube_pod_container_status_running",
        "kube_pod_labels",
        "kube_pod_owner",
        "kube_namespace_labels",
        "kube_persistentvolume_capacity_bytes",
        "kube_persistentvolumeclaim_info",
        "kube_persistentvolumeclaim_resource_requests_storage_bytes",
    ] {
        assert!(all.contains(&format!("\n{family}{{")), "{family} is missing in\n{all}");
    }
    assert!(all.contains("label_cost_center=\"cc-1\""));
}

/// Series of two clusters have to differ; those of one are as upstream has them.
#[tokio::test]
async fn series_say_which_cluster_they_are_of_if_there_are_several() {
    let (_, body) = send(&service(made_up::ledger(3)), Method::GET, "/metrics", None).await;
    assert!(body.contains("pv_hourly_cost{cluster_id=\"east\",volumename=\"pv-0\""));
    let mut ledger = Ledger::new(made_up::prices());
    ledger.insert(made_up::facts(3, "east", 0));
    let (_, body) = send(&service(ledger), Method::GET, "/metrics", None).await;
    assert!(body.contains("pv_hourly_cost{volumename=\"pv-0\""), "{body}");
}

#[tokio::test]
async fn prices_are_told_with_their_origin() {
    let router = service(made_up::ledger(3));
    let units = data(&router, "/customPricing").await;
    assert_eq!((&units["CPU"], &units["coreHour"]), (&"0.031611".into(), &"0.031611".into()));
    let counts = data(&router, "/pricingSourceCounts").await;
    let by_source: u64 =
        counts["PricingTypeCounts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counts["TotalNodes"].as_u64(), Some(by_source));
    let checks = data(&router, "/serviceAccountStatus").await;
    let guessed = checks["checks"][0]["status"] == false;
    assert_eq!(guessed, checks["checks"][0]["additionalInfo"] != "");
    assert_eq!(data(&router, "/currency").await["currencyCode"], "USD");
    assert_eq!(data(&router, "/clusterInfo").await["id"], "east");
}
