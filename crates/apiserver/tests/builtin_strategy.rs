//! What the server does itself: status, generation, addresses.

use std::sync::Arc;

use serde_json::{Value, json};
use supercargo_apiserver::builtin::{addresses, strategy};
use supercargo_apiserver::gvk::Gvk;

#[test]
fn a_new_deployment_has_generation_one_and_no_status() {
    let gvk = Gvk::new("apps", "v1", "Deployment");
    let mut object =
        json!({ "metadata": { "name": "a", "generation": 9 }, "spec": {}, "status": { "replicas": 5 } });
    strategy::prepare_for_create(&gvk, &mut object);
    assert_eq!(object["metadata"]["generation"], 1);
    assert_eq!(object["status"], json!({}));
}

#[test]
fn a_new_pod_is_pending_with_its_class_of_service() {
    let mut pod = json!({ "metadata": {}, "spec": { "containers": [{}] }, "status": { "phase": "Running" } });
    strategy::prepare_for_create(&Gvk::new("", "v1", "Pod"), &mut pod);
    assert_eq!(pod["status"], json!({ "phase": "Pending", "qosClass": "BestEffort" }));
}

#[test]
fn a_new_node_keeps_the_status_its_kubelet_sends() {
    let mut node = json!({ "metadata": { "name": "n" }, "status": { "capacity": { "cpu": "4" } } });
    strategy::prepare_for_create(&Gvk::new("", "v1", "Node"), &mut node);
    assert_eq!(node["status"]["capacity"]["cpu"], "4");
    assert!(node["metadata"].get("generation").is_none());
}

#[test]
fn a_jobs_pods_carry_its_uid() {
    let mut job = json!({ "metadata": { "name": "j", "uid": "u-1" }, "spec": { "template": {} } });
    strategy::prepare_for_create(&Gvk::new("batch", "v1", "Job"), &mut job);
    assert_eq!(
        job["spec"]["selector"],
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": "u-1" } })
    );
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["batch.kubernetes.io/controller-uid"], "u-1");
    assert_eq!(labels["job-name"], "j");
}

#[test]
fn the_generation_counts_what_is_wanted_and_nothing_else() {
    let gvk = Gvk::new("apps", "v1", "Deployment");
    let old = json!({ "metadata": { "generation": 3, "labels": {} }, "spec": { "replicas": 1 }, "status": { "replicas": 1 } });
    let cases = [
        (json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "replicas": 1 } }), 3),
        (json!({ "metadata": {}, "spec": { "replicas": 1 }, "status": { "replicas": 9 } }), 3),
        (json!({ "metadata": {}, "spec": { "replicas": 1, "paused": null } }), 3),
        (json!({ "metadata": {}, "spec": { "replicas": 2 } }), 4),
    ];
    for (mut new, generation) in cases {
        strategy::prepare_for_update(&gvk, &mut new, &old);
        assert_eq!(new["metadata"]["generation"], generation, "{new}");
        assert_eq!(new["status"], json!({ "replicas": 1 }), "the status has an endpoint of its own");
    }
}

#[test]
fn a_status_update_changes_the_status_only() {
    let gvk = Gvk::new("apps", "v1", "Deployment");
    let old = json!({ "metadata": { "generation": 3, "labels": { "a": "b" } }, "spec": { "replicas": 1 } });
    let mut new =
        json!({ "metadata": { "generation": 8 }, "spec": { "replicas": 9 }, "status": { "replicas": 2 } });
    strategy::prepare_for_status(&gvk, &mut new, &old);
    assert_eq!(new["spec"], old["spec"]);
    assert_eq!(new["metadata"], old["metadata"]);
    assert_eq!(new["status"]["replicas"], 2);
}

fn service(name: &str, spec: Value) -> Value {
    json!({ "metadata": { "namespace": "default", "name": name }, "spec": spec })
}

#[test]
fn services_get_addresses_of_their_own() {
    let mut stored: Vec<Arc<Value>> = Vec::new();
    for index in 0..200 {
        let mut service = service(
            &format!("s-{index}"),
            json!({ "type": "NodePort", "ports": [{ "port": 80 }, { "port": 81 }] }),
        );
        addresses::assign(&mut service, &stored).unwrap();
        let ip = service["spec"]["clusterIP"].as_str().unwrap();
        assert!(ip.starts_with("10.100."), "{ip}");
        assert_eq!(service["spec"]["clusterIPs"], json!([ip]));
        assert_eq!(service["spec"]["ipFamilies"], json!(["IPv4"]));
        stored.push(Arc::new(service));
    }
    let mut ips: Vec<&str> =
        stored.iter().map(|service| service["spec"]["clusterIP"].as_str().unwrap()).collect();
    ips.sort_unstable();
    ips.dedup();
    assert_eq!(ips.len(), 200);
    let mut ports: Vec<i64> = stored
        .iter()
        .flat_map(|service| service["spec"]["ports"].as_array().unwrap())
        .map(|port| port["nodePort"].as_i64().unwrap())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 400);
    assert!(ports.iter().all(|port| (30000..=32767).contains(port)));
}

#[test]
fn the_same_service_gets_the_same_address() {
    let assigned = || {
        let mut service = service("web", json!({ "type": "ClusterIP" }));
        addresses::assign(&mut service, &[]).unwrap();
        service
    };
    assert_eq!(assigned(), assigned());
}

#[test]
fn an_address_can_be_asked_for_once() {
    let mut first = service("a", json!({ "clusterIP": "10.100.0.10" }));
    addresses::assign(&mut first, &[]).unwrap();
    let mut second = service("b", json!({ "clusterIP": "10.100.0.10" }));
    let errors = addresses::assign(&mut second, &[Arc::new(first.clone())]).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        r#"spec.clusterIPs: Invalid value: ["10.100.0.10"]: failed to allocate IP 10.100.0.10: provided IP is already allocated"#
    );
    // The same service is not in its own way.
    assert!(addresses::assign(&mut first.clone(), &[Arc::new(first)]).is_ok());
    let mut outside = service("c", json!({ "clusterIP": "192.168.0.1" }));
    assert!(addresses::assign(&mut outside, &[]).is_err());
}

#[test]
fn headless_and_external_services_have_no_address() {
    let mut headless = service("a", json!({ "clusterIP": "None" }));
    addresses::assign(&mut headless, &[]).unwrap();
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
    let mut external =
        service("b", json!({ "type": "ExternalName", "externalName": "example.com", "clusterIP": "" }));
    addresses::assign(&mut external, &[]).unwrap();
    assert!(external["spec"].get("clusterIP").is_none());
}
