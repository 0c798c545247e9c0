//! Pods: grace, binding, eviction, tokens.

use serde_json::{Value, json};

use crate::cluster::{Cluster, PODS, pod};

#[tokio::test]
async fn a_pod_on_a_node_is_given_time_and_one_without_is_not() {
    let cluster = Cluster::new();
    cluster.make(PODS, pod("placed", "n1")).await;
    cluster.make(PODS, pod("waiting", "")).await;
    assert_eq!(cluster.delete(&format!("{PODS}/waiting")).await.0, 200);
    assert_eq!(cluster.get(&format!("{PODS}/waiting")).await.0, 404);
    let one = format!("{PODS}/placed");
    let (_, marked) = cluster.delete(&one).await;
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-01-01T00:00:30Z");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    // A later request can only shorten it.
    let (_, same) = cluster.delete(&format!("{one}?gracePeriodSeconds=60")).await;
    assert_eq!(same["metadata"]["deletionGracePeriodSeconds"], 30);
    let (_, shorter) = cluster.delete(&format!("{one}?gracePeriodSeconds=5")).await;
    assert_eq!(shorter["metadata"]["deletionTimestamp"], "2026-01-01T00:00:05Z");
    // The kubelet ends it.
    cluster.delete(&format!("{one}?gracePeriodSeconds=0")).await;
    assert_eq!(cluster.get(&one).await.0, 404);
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let cluster = Cluster::new();
    cluster.make(PODS, pod("p", "")).await;
    let binding = |node: &str| json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}});
    assert_eq!(cluster.post(&format!("{PODS}/p/binding"), binding("")).await.0, 422);
    let (code, status) = cluster.post("/api/v1/namespaces/default/bindings", binding("n1")).await;
    assert_eq!((code, &status["status"]), (201, &json!("Success")));
    let (_, bound) = cluster.get(&format!("{PODS}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    assert_eq!(bound["status"]["conditions"][0]["type"], "PodScheduled");
    let (code, status) = cluster.post(&format!("{PODS}/p/binding"), binding("n2")).await;
    assert_eq!(code, 409);
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\""
    );
}

async fn ready(cluster: &Cluster, name: &str) {
    cluster.make(PODS, pod(name, "n1")).await;
    let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    let (code, answer) = cluster.merge(&format!("{PODS}/{name}/status"), status).await;
    assert_eq!(code, 200, "{answer}");
}

async fn evict(cluster: &Cluster, name: &str) -> (u16, Value) {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    cluster.post(&format!("{PODS}/{name}/eviction"), eviction).await
}

#[tokio::test]
async fn a_budget_pays_for_evictions_until_it_is_empty() {
    let cluster = Cluster::new();
    for name in ["a", "b", "c"] {
        ready(&cluster, name).await;
    }
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let selector = json!({"matchLabels": {"app": "web"}});
    cluster
        .make(
            budgets,
            json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": selector}}),
        )
        .await;
    // Nobody has looked at the budget yet.
    let (code, status) = evict(&cluster, "a").await;
    assert_eq!((code, &status["details"]["retryAfterSeconds"]), (429, &json!(10)));
    let counts = json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3}});
    assert_eq!(cluster.merge(&format!("{budgets}/web/status"), counts).await.0, 200);
    assert_eq!(evict(&cluster, "a").await.0, 201);
    let (_, going) = cluster.get(&format!("{PODS}/a")).await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    let conditions = going["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|known| known["type"] == "DisruptionTarget" && known["reason"] == "EvictionByEvictionAPI")
    );
    let (_, budget) = cluster.get(&format!("{budgets}/web")).await;
    assert_eq!(
        (&budget["status"]["disruptionsAllowed"], budget["status"]["disruptedPods"]["a"].is_string()),
        (&json!(0), true)
    );
    let (code, status) = evict(&cluster, "b").await;
    assert_eq!((code, &status["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(status["message"], "Cannot evict pod as it would violate the pod's disruption budget.");
    assert_eq!(status["details"]["causes"][0]["reason"], "DisruptionBudget");
    // What goes anyway, or does not run, needs no budget.
    assert_eq!(evict(&cluster, "a").await.0, 201);
    cluster.make(PODS, pod("pending", "")).await;
    assert_eq!(evict(&cluster, "pending").await.0, 201);
    assert_eq!(cluster.get(&format!("{PODS}/pending")).await.0, 404);
    assert_eq!(evict(&cluster, "nobody").await.0, 404);
}

#[tokio::test]
async fn a_token_is_known_again_until_it_expires_or_its_account_goes() {
    let cluster = Cluster::new();
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    let (code, request) =
        cluster.post(&format!("{account}/token"), json!({"spec": {"expirationSeconds": 3600}})).await;
    assert_eq!(code, 201, "{request}");
    assert_eq!(request["status"]["expirationTimestamp"], "2026-01-01T01:00:00Z");
    let review = json!({"spec": {"token": request["status"]["token"]}});
    let ask = || cluster.post("/apis/authentication.k8s.io/v1/tokenreviews", review.clone());
    let (_, answer) = ask().await;
    assert_eq!(answer["status"]["user"]["username"], "system:serviceaccount:default:default");
    cluster.clock.advance(std::time::Duration::from_secs(3601));
    assert_eq!(ask().await.1["status"].get("authenticated"), None);
    assert_eq!(
        cluster.post(&format!("{account}/token"), json!({"spec": {"expirationSeconds": 5}})).await.0,
        422
    );
}

#[tokio::test]
async fn services_get_addresses_of_their_own() {
    let cluster = Cluster::new();
    let path = "/api/v1/namespaces/default/services";
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..20 {
        let service = json!({"metadata": {"name": format!("s{number}")}, "spec": {"ports": [{"port": 80}]}});
        let made = cluster.make(path, service).await;
        seen.insert(made["spec"]["clusterIP"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|address| address.starts_with("10.100.")));
}
