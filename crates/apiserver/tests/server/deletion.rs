//! Deletion: preconditions, finalizers, owners, namespaces. (The transcripts of kubectl have more of it.)

use rstest::rstest;
use serde_json::{Value, json};

use crate::cluster::{Cluster, MAPS, map};

async fn owned(cluster: &Cluster, name: &str, owners: &[&Value]) -> Value {
    let references: Vec<Value> = owners
        .iter()
        .map(|owner| {
            let metadata = &owner["metadata"];
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"], "blockOwnerDeletion": true})
        })
        .collect();
    let mut object = map(name);
    object["metadata"]["ownerReferences"] = json!(references);
    cluster.make(MAPS, object).await
}

async fn exists(cluster: &Cluster, name: &str) -> bool {
    cluster.get(&format!("{MAPS}/{name}")).await.0 == 200
}

async fn delete(cluster: &Cluster, name: &str, policy: &str) -> (u16, Value) {
    cluster.delete(&format!("{MAPS}/{name}?propagationPolicy={policy}")).await
}

#[tokio::test]
async fn a_chain_of_owners_goes_with_its_head() {
    let cluster = Cluster::new();
    let head = cluster.make(MAPS, map("head")).await;
    let middle = owned(&cluster, "middle", &[&head]).await;
    owned(&cluster, "tail", &[&middle]).await;
    let (code, status) = delete(&cluster, "head", "Background").await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert!(!exists(&cluster, "middle").await && !exists(&cluster, "tail").await);
}

#[tokio::test]
async fn a_dependent_stays_while_one_of_its_owners_does() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.make(MAPS, map("one")).await, cluster.make(MAPS, map("two")).await);
    owned(&cluster, "both", &[&one, &two]).await;
    delete(&cluster, "one", "Background").await;
    let (_, both) = cluster.get(&format!("{MAPS}/both")).await;
    assert_eq!(both["metadata"]["ownerReferences"].as_array().unwrap().len(), 1);
    delete(&cluster, "two", "Background").await;
    assert!(!exists(&cluster, "both").await);
}

#[tokio::test]
async fn an_owner_that_never_was_is_as_good_as_gone() {
    let cluster = Cluster::new();
    let ghost = json!({"metadata": {"name": "ghost", "uid": "none"}});
    owned(&cluster, "orphan", &[&ghost]).await;
    assert!(!exists(&cluster, "orphan").await);
}

#[tokio::test]
async fn foreground_goes_from_the_leaves_to_the_root() {
    let cluster = Cluster::new();
    let head = cluster.make(MAPS, map("head")).await;
    let middle = owned(&cluster, "middle", &[&head]).await;
    owned(&cluster, "tail", &[&middle]).await;
    cluster.merge(&format!("{MAPS}/tail"), json!({"metadata": {"finalizers": ["example.com/x"]}})).await;
    delete(&cluster, "head", "Foreground").await;
    for name in ["head", "middle", "tail"] {
        let (code, object) = cluster.get(&format!("{MAPS}/{name}")).await;
        assert_eq!((code, object["metadata"]["deletionTimestamp"].is_string()), (200, true), "{name}");
    }
    cluster.merge(&format!("{MAPS}/tail"), json!({"metadata": {"finalizers": null}})).await;
    for name in ["head", "middle", "tail"] {
        assert!(!exists(&cluster, name).await, "{name}");
    }
}

#[tokio::test]
async fn orphans_lose_their_owner_and_stay() {
    let cluster = Cluster::new();
    let head = cluster.make(MAPS, map("head")).await;
    owned(&cluster, "child", &[&head]).await;
    delete(&cluster, "head", "Orphan").await;
    let (code, child) = cluster.get(&format!("{MAPS}/child")).await;
    assert_eq!((code, child["metadata"].get("ownerReferences")), (200, None));
    assert!(!exists(&cluster, "head").await);
}

#[rstest]
#[case(json!({"preconditions": {"uid": "wrong"}}), 409)]
#[case(json!({"preconditions": {"resourceVersion": "1"}}), 409)]
#[case(json!({"propagationPolicy": "Upwards"}), 422)]
#[case(json!({"gracePeriodSeconds": "soon"}), 400)]
#[case(json!({"dryRun": ["All"]}), 200)]
#[tokio::test]
async fn a_deletion_that_is_refused_or_dry_deletes_nothing(#[case] options: Value, #[case] expected: u16) {
    let cluster = Cluster::new();
    cluster.make(MAPS, map("a")).await;
    let (code, status) =
        cluster.raw("DELETE", &format!("{MAPS}/a"), "application/json", options.to_string()).await;
    assert_eq!(code, expected, "{status}");
    assert!(exists(&cluster, "a").await);
}

#[tokio::test]
async fn many_are_deleted_by_selector() {
    let cluster = Cluster::new();
    for name in ["a", "b", "c"] {
        cluster.make(MAPS, map(name)).await;
    }
    cluster.merge(&format!("{MAPS}/b"), json!({"metadata": {"labels": {"x": "y"}}})).await;
    let (code, list) = cluster.delete(&format!("{MAPS}?labelSelector=!x")).await;
    assert_eq!((code, list["items"].as_array().unwrap().len()), (200, 2));
    assert!(exists(&cluster, "b").await && !exists(&cluster, "a").await);
}

#[tokio::test]
async fn a_namespace_goes_with_everything_in_it() {
    let cluster = Cluster::new();
    cluster.make("/api/v1/namespaces", json!({"metadata": {"name": "shop"}})).await;
    let accounts = "/api/v1/namespaces/shop/serviceaccounts";
    assert_eq!(cluster.get(&format!("{accounts}/default")).await.0, 200);
    cluster.delete(&format!("{accounts}/default")).await;
    assert_eq!(cluster.get(&format!("{accounts}/default")).await.0, 200);
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/x"]}});
    cluster.make("/api/v1/namespaces/shop/configmaps", held).await;
    let (code, namespace) = cluster.delete("/api/v1/namespaces/shop").await;
    assert_eq!((code, &namespace["status"]["phase"]), (200, &json!("Terminating")));
    let (code, status) = cluster.post("/api/v1/namespaces/shop/configmaps", map("late")).await;
    assert_eq!((code, &status["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")));
    assert_eq!(cluster.get(&format!("{accounts}/default")).await.0, 404);
    cluster.merge("/api/v1/namespaces/shop/configmaps/held", json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(cluster.get("/api/v1/namespaces/shop").await.0, 404);
}

#[tokio::test]
async fn a_finalizer_cannot_come_to_what_goes() {
    let cluster = Cluster::new();
    let mut object = map("a");
    object["metadata"]["finalizers"] = json!(["example.com/x"]);
    cluster.make(MAPS, object).await;
    cluster.delete(&format!("{MAPS}/a")).await;
    let patch = json!({"metadata": {"finalizers": ["example.com/x", "example.com/y"]}});
    let (code, status) = cluster.merge(&format!("{MAPS}/a"), patch).await;
    assert_eq!(code, 422, "{status}");
}
