//! Create, update, patch: revisions, conflicts, generations, dry runs.

use rstest::rstest;
use serde_json::{Value, json};

use crate::cluster::{Cluster, MAPS, MERGE, map};

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_write_has_a_greater_revision_and_no_change_has_none() {
    let cluster = Cluster::new();
    let created = cluster.make(MAPS, map("a")).await;
    let path = format!("{MAPS}/a");
    let (_, patched) = cluster.merge(&path, json!({"data": {"k": "w"}})).await;
    assert!(revision(&patched) > revision(&created));
    let (code, same) = cluster.merge(&path, json!({"data": {"k": "w"}})).await;
    assert_eq!((code, &same), (200, &patched));
    assert_eq!(cluster.get(&path).await, (200, patched));
}

#[tokio::test]
async fn a_write_on_a_stale_state_is_a_conflict_and_one_without_a_state_is_not() {
    let cluster = Cluster::new();
    let stale = cluster.make(MAPS, map("a")).await;
    let path = format!("{MAPS}/a");
    cluster.merge(&path, json!({"data": {"k": "w"}})).await;
    let (code, status) = cluster.put(&path, stale).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let (code, _) = cluster.put(&path, map("a")).await;
    assert_eq!(code, 200);
    let mut other = map("a");
    other["metadata"]["uid"] = json!("another");
    let (code, status) = cluster.put(&path, other).await;
    assert_eq!(code, 409);
    assert!(
        status["message"].as_str().unwrap().contains("Precondition failed: UID in precondition: another")
    );
}

#[tokio::test]
async fn some_kinds_must_say_what_they_replace() {
    let cluster = Cluster::new();
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}});
    cluster.make(leases, lease.clone()).await;
    let (code, status) = cluster.put(&format!("{leases}/l"), lease).await;
    assert_eq!(code, 422);
    assert!(status["message"].as_str().unwrap().contains("must be specified for an update"), "{status}");
}

#[tokio::test]
async fn what_the_server_sets_cannot_be_set() {
    let cluster = Cluster::new();
    let mut sent = map("a");
    sent["metadata"]["uid"] = json!("mine");
    sent["metadata"]["creationTimestamp"] = json!("2000-01-01T00:00:00Z");
    sent["metadata"]["generation"] = json!(77);
    sent["metadata"]["deletionTimestamp"] = json!("2000-01-01T00:00:00Z");
    let created = cluster.make(MAPS, sent).await;
    let metadata = &created["metadata"];
    assert_ne!(metadata["uid"], "mine");
    assert_eq!(metadata["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!((metadata.get("generation"), metadata.get("deletionTimestamp")), (None, None));
    let path = format!("{MAPS}/a");
    let patch = json!({"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z", "deletionTimestamp": "2000-01-01T00:00:00Z"}});
    let (_, patched) = cluster.merge(&path, patch).await;
    assert_eq!(patched, created);
}

#[tokio::test]
async fn names_are_generated_and_differ() {
    let cluster = Cluster::new();
    let object = json!({"metadata": {"generateName": "made-"}});
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let created = cluster.make(MAPS, object.clone()).await;
        let name = created["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("made-") && name.len() == 10, "{name}");
        names.insert(name);
    }
    assert_eq!(names.len(), 50);
    let (code, status) = cluster.post(MAPS, json!({"metadata": {}})).await;
    assert_eq!(code, 422);
    assert_eq!(status["details"]["causes"][0]["field"], "metadata.name");
}

#[tokio::test]
async fn the_same_seed_and_requests_give_the_same_answers() {
    let mut answers = Vec::new();
    for _ in 0..2 {
        let cluster = Cluster::new();
        let object = json!({"metadata": {"generateName": "made-"}});
        cluster.make(MAPS, object).await;
        answers.push((cluster.get(MAPS).await, cluster.get("/api/v1/namespaces").await));
    }
    assert_eq!(answers[0], answers[1]);
}

#[rstest]
#[case::create("POST", "?dryRun=All", 201)]
#[case::update("PUT", "/kept?dryRun=All", 200)]
#[case::patch("PATCH", "/kept?dryRun=All", 200)]
#[case::delete("DELETE", "/kept?dryRun=All", 200)]
#[tokio::test]
async fn a_dry_run_keeps_nothing(#[case] method: &str, #[case] rest: &str, #[case] expected: u16) {
    let cluster = Cluster::new();
    cluster.make(MAPS, map("kept")).await;
    let before = cluster.get(MAPS).await;
    let mut object = map(if method == "POST" { "new" } else { "kept" });
    object["data"] = json!({"k": "changed"});
    let (media, body) = match method {
        "PATCH" => (MERGE, object.to_string()),
        "DELETE" => ("application/json", String::new()),
        _ => ("application/json", object.to_string()),
    };
    let (code, answer) = cluster.raw(method, &format!("{MAPS}{rest}"), media, body).await;
    assert_eq!(code, expected, "{answer}");
    assert_eq!(cluster.get(MAPS).await, before);
    if method != "DELETE" {
        assert_eq!(answer["data"]["k"], "changed");
    }
}

#[tokio::test]
async fn the_status_and_the_rest_have_endpoints_of_their_own() {
    let cluster = Cluster::new();
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    let made =
        cluster.make(path, json!({"metadata": {"name": "d"}, "spec": spec, "status": {"replicas": 9}})).await;
    assert_eq!(made["status"].get("replicas"), None);
    assert_eq!(made["metadata"]["generation"], 1);
    let one = format!("{path}/d");
    let (_, patched) = cluster.merge(&one, json!({"spec": {"replicas": 2}, "status": {"replicas": 9}})).await;
    assert_eq!((&patched["metadata"]["generation"], patched["status"].get("replicas")), (&json!(2), None));
    let status = format!("{one}/status");
    let (_, patched) =
        cluster.merge(&status, json!({"spec": {"replicas": 5}, "status": {"replicas": 2}})).await;
    assert_eq!((&patched["spec"]["replicas"], &patched["status"]["replicas"]), (&json!(2), &json!(2)));
    assert_eq!(patched["metadata"]["generation"], 2);
    let (code, scale) = cluster.merge(&format!("{one}/scale"), json!({"spec": {"replicas": 4}})).await;
    assert_eq!((code, &scale["kind"], &scale["spec"]["replicas"]), (200, &json!("Scale"), &json!(4)));
    assert_eq!(scale["status"], json!({"replicas": 2, "selector": "a=b"}));
    assert_eq!(cluster.get(&one).await.1["metadata"]["generation"], 3);
}

#[tokio::test]
async fn many_writers_lose_no_write() {
    let cluster = Cluster::new();
    cluster.make(MAPS, map("shared")).await;
    let patches = (0..40).map(|number| {
        let body = json!({"data": {format!("n{number}"): "x"}});
        let cluster = &cluster;
        async move { cluster.merge(&format!("{MAPS}/shared"), body).await.0 }
    });
    let codes = futures::future::join_all(patches).await;
    assert!(codes.iter().all(|code| *code == 200));
    assert_eq!(cluster.get(&format!("{MAPS}/shared")).await.1["data"].as_object().unwrap().len(), 41);
}

#[tokio::test]
async fn events_and_autoscalers_are_served_in_two_shapes() {
    let cluster = Cluster::new();
    let event = json!({"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "R", "note": "n", "type": "Normal", "action": "A", "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "c", "reportingInstance": "i"});
    cluster.make("/apis/events.k8s.io/v1/namespaces/default/events", event).await;
    let (_, core) = cluster.get("/api/v1/namespaces/default/events/e").await;
    assert_eq!((&core["apiVersion"], &core["message"]), (&json!("v1"), &json!("n")));
    assert_eq!(core["involvedObject"]["name"], "p");
    let scalers = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
    let spec = json!({"maxReplicas": 3, "scaleTargetRef": target, "targetCPUUtilizationPercentage": 70});
    let made = cluster.make(scalers, json!({"metadata": {"name": "h"}, "spec": spec})).await;
    assert_eq!(
        (&made["apiVersion"], &made["spec"]["targetCPUUtilizationPercentage"]),
        (&json!("autoscaling/v1"), &json!(70))
    );
    let (_, second) = cluster.get(&format!("{}/h", scalers.replace("/v1/", "/v2/"))).await;
    assert_eq!(second["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
}
