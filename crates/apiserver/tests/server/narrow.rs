//! Writes that look at a part of an object come to the same as those that look at all of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cluster::{Cluster, PODS, pod};

const NODES: &str = "/api/v1/nodes";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// Two servers; the second has a binding of a policy that is not there, and so shows every write in full to nobody.
async fn twins() -> [Cluster; 2] {
    let twins = [Cluster::new(), Cluster::new()];
    for cluster in &twins {
        cluster.make(PODS, pod("a", "node-a")).await;
        let mut once = pod("once", "");
        once["spec"]["restartPolicy"] = json!("Never");
        cluster.make(PODS, once).await;
        cluster.make(NODES, json!({ "metadata": { "name": "n" }, "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] } })).await;
        let template = json!({ "metadata": { "labels": { "app": "d" } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
        cluster
            .make(
                DEPLOYMENTS,
                json!({ "metadata": { "name": "d" }, "spec": {
            "selector": { "matchLabels": { "app": "d" } }, "template": template } }),
            )
            .await;
    }
    let bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
    let binding = json!({ "metadata": { "name": "b" }, "spec": { "policyName": "none", "validationActions": ["Deny"] } });
    twins[1].make(bindings, binding).await;
    twins
}

/// An answer without what depends on the number of writes before it.
fn told(answer: (u16, Value)) -> (u16, Value) {
    let (code, mut value) = answer;
    for field in ["uid", "resourceVersion"] {
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove(field);
        }
    }
    (code, value)
}

fn condition() -> impl Strategy<Value = Value> {
    ("(Ready|Initialized|Own)", "(True|False)")
        .prop_map(|(kind, status)| json!({ "type": kind, "status": status }))
}

fn status() -> impl Strategy<Value = Value> {
    let state = prop_oneof![
        Just(json!({ "running": {} })),
        Just(json!({ "terminated": { "exitCode": 0 } })),
        Just(json!({ "terminated": { "exitCode": 1 } })),
        Just(json!({ "waiting": { "reason": "Why" } })),
    ];
    prop_oneof![
        proptest::collection::vec(condition(), 0..3).prop_map(|conditions| json!({ "conditions": conditions })),
        "(Pending|Running|Failed)".prop_map(|phase| json!({ "phase": phase })),
        state.prop_map(|state| json!({ "containerStatuses": [{ "name": "web", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state }] })),
        (-1..3).prop_map(|replicas| json!({ "replicas": replicas, "observedGeneration": 1 })),
        Just(json!({ "capacity": { "cpu": "4" }, "allocatable": null })),
        Just(json!({ "nonsense": 1 })),
        Just(json!({ "phase": 7 })),
        Just(Value::Null),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let metadata = prop_oneof![
        Just(json!({ "labels": { "a": "b" } })),
        Just(json!({ "labels": { "a": null } })),
        Just(json!({ "annotations": { "x": "y" }, "finalizers": ["example.com/f"] })),
        Just(json!({ "finalizers": null })),
        Just(json!({ "managedFields": [{}] })),
        Just(json!({ "managedFields": null })),
        Just(json!({ "uid": "wrong" })),
        Just(json!({ "labels": { "no label!": "b" } })),
    ];
    let spec = prop_oneof![
        Just(json!({ "nodeName": "other" })),
        Just(json!({ "unschedulable": true })),
        Just(json!({ "replicas": 3 })),
        Just(json!({ "taints": null })),
    ];
    let maybe = |strategy: BoxedStrategy<Value>| proptest::option::weighted(0.4, strategy);
    (proptest::option::weighted(0.8, status()), maybe(metadata.boxed()), maybe(spec.boxed())).prop_map(
        |(status, metadata, spec)| {
            let mut body = json!({});
            for (name, value) in [("status", status), ("metadata", metadata), ("spec", spec)] {
                if let Some(value) = value {
                    body[name] = value;
                }
            }
            body
        },
    )
}

#[derive(Debug, Clone)]
struct Write {
    path: String,
    media: &'static str,
    body: Value,
}

fn write() -> impl Strategy<Value = Write> {
    let object = prop_oneof![
        Just(format!("{PODS}/a")),
        Just(format!("{PODS}/once")),
        Just(format!("{NODES}/n")),
        Just(format!("{DEPLOYMENTS}/d")),
    ];
    let media = prop_oneof![
        Just("application/merge-patch+json"),
        Just("application/strategic-merge-patch+json"),
        Just("application/json-patch+json"),
    ];
    let manager = "(one|two)";
    (object, any::<bool>(), any::<bool>(), media, body(), manager).prop_map(
        |(object, is_of_status, is_strict, media, body, manager)| {
            let subresource = if is_of_status { "/status" } else { "" };
            let validation = if is_strict { "&fieldValidation=Strict" } else { "" };
            let body = if media == "application/json-patch+json" {
                let operations = body.as_object().into_iter().flatten();
                operations
                    .map(|(name, value)| json!({ "op": "add", "path": format!("/{name}"), "value": value }))
                    .collect()
            } else {
                body
            };
            Write { path: format!("{object}{subresource}?fieldManager={manager}{validation}"), media, body }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_not_looked_at_makes_no_difference(writes in proptest::collection::vec(write(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let twins = twins().await;
            for write in &writes {
                let mut answers = Vec::new();
                for cluster in &twins {
                    let answer = cluster.raw("PATCH", &write.path, write.media, write.body.to_string()).await;
                    let path = write.path.split(['?']).next().unwrap().trim_end_matches("/status");
                    answers.push((told(answer), told(cluster.get(path).await)));
                }
                assert_eq!(answers[0], answers[1], "{write:?}");
            }
            let lists = |path: &'static str| {
                let twins = &twins;
                async move { (twins[0].get(path).await.1["items"].as_array().unwrap().len(), twins[1].get(path).await.1["items"].as_array().unwrap().len()) }
            };
            let (one, other) = lists("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-a,status.phase%3DRunning").await;
            assert_eq!(one, other);
        });
    }
}
