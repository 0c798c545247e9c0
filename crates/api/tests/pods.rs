//! Pods of our own: what they are in JSON, and that sharing changes nothing but memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use proptest::prelude::*;
use serde_json::{Value, json};
use supercargo_api::Pod;
use supercargo_api::manifest::{SourceFile, read, strip};
use supercargo_api::pod::Interner;

/// A pod as a cluster has it, of few different specs.
fn pods() -> impl Strategy<Value = Value> {
    let asked = (0..3u32, prop::option::of(0..2i32), any::<bool>(), any::<bool>());
    let own = (
        prop::option::of("[a-c]"),
        prop_oneof![Just("ReplicaSet"), Just("DaemonSet"), Just("StatefulSet")],
        prop::option::of(prop_oneof![Just("Running"), Just("Pending")]),
        "[a-z]{1,6}",
    );
    (asked, own).prop_map(|((cpu, priority, tolerates, sidecar), (node, owner, phase, name))| {
        let mut containers = vec![
            json!({"name": "main", "image": "web:1", "resources": {"requests": {"cpu": cpu.to_string()}}}),
        ];
        if sidecar {
            containers.push(json!({"name": "proxy", "ports": [{"containerPort": 80, "hostPort": 80}]}));
        }
        let mut volumes =
            vec![json!({"name": format!("kube-api-access-{name}"), "projected": {"sources": []}})];
        if owner == "StatefulSet" {
            volumes.push(
                json!({"name": "data", "persistentVolumeClaim": {"claimName": format!("data-{name}")}}),
            );
        }
        let mut spec = json!({"containers": containers, "hostname": name, "volumes": volumes});
        if let Some(priority) = priority {
            spec["priority"] = json!(priority);
        }
        if tolerates {
            spec["tolerations"] = json!([{"operator": "Exists"}]);
        }
        if owner == "DaemonSet" {
            let field =
                json!({"key": "metadata.name", "operator": "In", "values": [node.as_deref().unwrap_or("x")]});
            spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": [field]}]}}});
        }
        if let Some(node) = node {
            spec["nodeName"] = json!(node);
        }
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": format!("uid-{name}"),
                "labels": {"app": "web", "pod": name},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner, "name": "web", "uid": "u"}],
            },
            "spec": spec,
        });
        if let Some(phase) = phase {
            let condition =
                json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-07-20T12:00:00Z"});
            pod["status"] = json!({"phase": phase, "podIP": "10.0.0.1", "conditions": [condition]});
        }
        pod
    })
}

fn read_all<'p>(interner: &mut Interner, pods: impl Iterator<Item = &'p Value>) -> Vec<Pod> {
    pods.map(|pod| interner.read(&serde_json::to_vec(pod).unwrap()).unwrap()).collect()
}

fn shares(left: &Pod, right: &Pod) -> bool {
    Arc::ptr_eq(left.shared_spec().unwrap(), right.shared_spec().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pod_is_what_kubernetes_reads_and_writes(value in pods()) {
        let theirs: core::Pod = serde_json::from_value(value.clone()).unwrap();
        let ours: Pod = serde_json::from_value(value).unwrap();
        let text = serde_json::to_string(&ours).unwrap();
        prop_assert_eq!(&text, &serde_json::to_string(&theirs).unwrap());
        prop_assert_eq!(&serde_json::from_str::<Pod>(&text).unwrap(), &ours);
        prop_assert_eq!(&core::Pod::from(ours.clone()), &theirs);
        prop_assert_eq!(Pod::from(theirs), ours);
    }

    #[test]
    fn pods_share_a_spec_if_and_only_if_it_is_equal(values in prop::collection::vec(pods(), 1..24)) {
        let mut interner = Interner::default();
        let read = read_all(&mut interner, values.iter());
        let mut different: Vec<&Pod> = Vec::new();
        for pod in &read {
            for other in &read {
                prop_assert_eq!(shares(pod, other), pod.spec() == other.spec());
            }
            if !different.iter().any(|known| shares(known, pod)) {
                different.push(pod);
            }
        }
        prop_assert_eq!(interner.len(), different.len());
    }

    #[test]
    fn neither_order_nor_sharing_changes_what_is_read(
        values in prop::collection::vec(pods(), 1..24).prop_shuffle(),
        gone in prop::collection::vec(any::<bool>(), 24),
    ) {
        let mut interner = Interner::default();
        let forwards = read_all(&mut interner, values.iter());
        let backwards = read_all(&mut Interner::default(), values.iter().rev());
        let alone: Vec<Pod> = values
            .iter()
            .map(|value| {
                let mut pod: Pod = serde_json::from_value(value.clone()).unwrap();
                strip(&mut pod);
                pod
            })
            .collect();
        prop_assert_eq!(&forwards, &alone);
        prop_assert!(forwards.iter().eq(backwards.iter().rev()));

        let left: Vec<Pod> =
            forwards.into_iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(pod, _)| pod).collect();
        let again = read_all(&mut interner, values.iter());
        prop_assert_eq!(&again, &alone);
        for pod in &left {
            prop_assert!(again.iter().filter(|other| other.spec() == pod.spec()).all(|other| shares(pod, other)));
        }
    }

    #[test]
    fn a_dump_is_read_like_its_pods(values in prop::collection::vec(pods(), 1..12)) {
        let mut values = values;
        for (number, value) in values.iter_mut().enumerate() {
            value["metadata"]["name"] = json!(format!("pod-{number}"));
        }
        let one_by_one = read_all(&mut Interner::default(), values.iter());
        let list = json!({"apiVersion": "v1", "kind": "List", "items": values});
        let file = SourceFile::from_bytes("dump.json", serde_json::to_vec(&list).unwrap()).unwrap();
        let (objects, problems, _) = read(&[file]);
        prop_assert_eq!(problems, vec![]);
        prop_assert_eq!(&objects.pods, &one_by_one);
        for pod in &objects.pods {
            prop_assert!(objects.pods.iter().filter(|other| other.spec() == pod.spec()).all(|other| shares(pod, other)));
        }
    }
}
