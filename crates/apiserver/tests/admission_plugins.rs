//! The builtin steps of admission.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod admission_world;

use std::sync::Arc;

use admission_world::{World, create, create_pod, run_alone};
use serde_json::{Value, json};
use supercargo_apiserver::admission::{Operation, quota};

#[test]
fn what_is_in_no_namespace_is_not_created() {
    let world = World::new();
    let mut request =
        create("", "ConfigMap", "configmaps", json!({ "metadata": { "name": "a", "namespace": "nowhere" } }));
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert_eq!(rejection.code(), 404);
    assert_eq!(rejection.to_string(), "namespaces \"nowhere\" not found");
}

#[test]
fn nothing_new_comes_to_a_namespace_that_goes() {
    let mut world = World::new();
    let going = json!({ "metadata": { "name": "going" }, "status": { "phase": "Terminating" } });
    world.put("", "v1", "Namespace", "namespaces", going);
    let mut request =
        create("", "ConfigMap", "configmaps", json!({ "metadata": { "name": "a", "namespace": "going" } }));
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert_eq!(rejection.code(), 403);
    assert_eq!(
        rejection.to_string(),
        "configmaps \"a\" is forbidden: unable to create new content in namespace going because it is being terminated"
    );
    assert_eq!(rejection.status["details"]["causes"][0]["reason"], "NamespaceTerminating");
}

#[test]
fn the_namespaces_of_the_system_stay() {
    let world = World::new();
    let mut request = create("", "Namespace", "namespaces", json!({ "metadata": { "name": "kube-system" } }));
    request.operation = Operation::Delete;
    request.old_object = request.object.take().map(Arc::new);
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
}

#[test]
fn a_pod_tolerates_trouble_of_its_node_for_five_minutes() {
    let world = World::new();
    let mut request = create_pod("a", json!({}));
    run_alone(&mut request, &world).unwrap();
    let toleration = |key: &str| json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 });
    let spec = &request.object.as_ref().unwrap()["spec"];
    assert_eq!(
        spec["tolerations"],
        json!([toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")])
    );
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
    // A pod that tolerates anything gets none.
    let mut request = create_pod("b", json!({ "tolerations": [{ "operator": "Exists" }] }));
    run_alone(&mut request, &world).unwrap();
    assert_eq!(request.object.unwrap()["spec"]["tolerations"], json!([{ "operator": "Exists" }]));
}

fn priority_class(name: &str, value: i64, is_default: bool) -> Value {
    json!({ "metadata": { "name": name }, "value": value, "globalDefault": is_default })
}

#[test]
fn a_pod_has_the_priority_of_its_class() {
    let mut world = World::new();
    world.put(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        priority_class("high", 1000, false),
    );
    let mut request = create_pod("a", json!({ "priorityClassName": "high" }));
    run_alone(&mut request, &world).unwrap();
    assert_eq!(request.object.unwrap()["spec"]["priority"], 1000);

    let mut request = create_pod("a", json!({ "priorityClassName": "missing" }));
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "pods \"a\" is forbidden: no PriorityClass with name missing was found"
    );

    let mut request = create_pod("a", json!({ "priorityClassName": "high", "priority": 7 }));
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert!(
        rejection.to_string().contains("the integer value of priority (7) must not be provided in pod spec")
    );

    world.put(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        priority_class("usual", 5, true),
    );
    let mut request = create_pod("a", json!({}));
    run_alone(&mut request, &world).unwrap();
    let spec = &request.object.unwrap()["spec"];
    assert_eq!((&spec["priority"], &spec["priorityClassName"]), (&json!(5), &json!("usual")));

    let class = priority_class("other", 6, true);
    let mut request = create("scheduling.k8s.io", "PriorityClass", "priorityclasses", class);
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert!(
        rejection
            .to_string()
            .ends_with("PriorityClass usual is already marked as default. Only one default can exist")
    );
}

fn limit_range(limit: Value) -> Value {
    json!({ "metadata": { "name": "limits", "namespace": "default" }, "spec": { "limits": [limit] } })
}

#[test]
fn containers_that_ask_for_nothing_get_what_the_namespace_gives() {
    let mut world = World::new();
    let limit = json!({ "type": "Container", "default": { "cpu": "500m" }, "defaultRequest": { "cpu": "100m", "memory": "64Mi" } });
    world.put("", "v1", "LimitRange", "limitranges", limit_range(limit));
    let mut request = create_pod("a", json!({}));
    run_alone(&mut request, &world).unwrap();
    let pod = request.object.unwrap();
    assert_eq!(
        pod["spec"]["containers"][0]["resources"],
        json!({ "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "cpu": "500m" } })
    );
    assert_eq!(
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container a; cpu limit for container a"
    );
}

#[test]
fn what_is_beyond_the_limits_is_refused() {
    let cases = [
        (
            json!({ "type": "Container", "max": { "cpu": "1" } }),
            json!({ "limits": { "cpu": "2" } }),
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            json!({ "type": "Container", "min": { "cpu": "1" } }),
            json!({ "requests": { "cpu": "500m" } }),
            "minimum cpu usage per Container is 1, but request is 500m",
        ),
        (
            json!({ "type": "Pod", "max": { "memory": "1Gi" } }),
            json!({ "limits": { "memory": "2Gi" } }),
            "maximum memory usage per Pod is 1Gi, but limit is 2Gi",
        ),
        (
            json!({ "type": "Container", "maxLimitRequestRatio": { "cpu": "2" } }),
            json!({ "requests": { "cpu": "1" }, "limits": { "cpu": "3" } }),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ];
    for (limit, resources, expected) in cases {
        let mut world = World::new();
        world.put("", "v1", "LimitRange", "limitranges", limit_range(limit));
        let containers = json!([{ "name": "a", "image": "b", "resources": resources }]);
        let mut request = create_pod("a", json!({ "containers": containers }));
        let rejection = run_alone(&mut request, &world).unwrap_err();
        assert_eq!(rejection.to_string(), format!("pods \"a\" is forbidden: {expected}"));
    }
}

fn storage_class(name: &str, is_default: bool, created: &str) -> Value {
    json!({
        "metadata": { "name": name, "creationTimestamp": created, "annotations": {
            "storageclass.kubernetes.io/is-default-class": is_default.to_string() } },
        "provisioner": "ebs.csi.aws.com",
        "allowVolumeExpansion": is_default,
    })
}

fn claim(class: Value) -> Value {
    let mut claim = json!({ "metadata": { "name": "data" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    if !class.is_null() {
        claim["spec"]["storageClassName"] = class;
    }
    claim
}

#[test]
fn a_claim_gets_the_youngest_default_class_and_is_protected() {
    let mut world = World::new();
    for (name, is_default, created) in [
        ("gp2", true, "2025-01-01T00:00:00Z"),
        ("gp3", true, "2026-01-01T00:00:00Z"),
        ("io2", false, "2026-02-01T00:00:00Z"),
    ] {
        world.put(
            "storage.k8s.io",
            "v1",
            "StorageClass",
            "storageclasses",
            storage_class(name, is_default, created),
        );
    }
    for (given, expected) in [(Value::Null, "gp3"), (json!("io2"), "io2"), (json!(""), "")] {
        let mut request = create("", "PersistentVolumeClaim", "persistentvolumeclaims", claim(given));
        run_alone(&mut request, &world).unwrap();
        let claim = request.object.unwrap();
        assert_eq!(claim["spec"]["storageClassName"], expected);
        assert_eq!(claim["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    }
}

#[test]
fn a_claim_grows_only_if_its_class_lets_it() {
    let mut world = World::new();
    world.put("storage.k8s.io", "v1", "StorageClass", "storageclasses", storage_class("fixed", false, ""));
    let mut old = claim(json!("fixed"));
    old["status"] = json!({ "phase": "Bound" });
    let mut request = create("", "PersistentVolumeClaim", "persistentvolumeclaims", old.clone());
    request.operation = Operation::Update;
    request.old_object = Some(Arc::new(old));
    request.object.as_mut().unwrap()["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    let rejection = run_alone(&mut request, &world).unwrap_err();
    assert!(rejection.to_string().contains("only dynamically provisioned pvc can be resized"), "{rejection}");
}

fn resource_quota(hard: Value, more: Value) -> Value {
    let mut quota =
        json!({ "metadata": { "name": "team", "namespace": "default" }, "spec": { "hard": hard } });
    for (field, value) in more.as_object().into_iter().flatten() {
        quota["spec"][field.as_str()] = value.clone();
    }
    quota
}

fn asking(cpu: &str) -> Value {
    json!({ "containers": [{ "name": "a", "image": "b", "resources": { "requests": { "cpu": cpu }, "limits": { "cpu": cpu } } }] })
}

#[test]
fn a_pod_is_charged_to_the_quota_of_its_namespace() {
    let mut world = World::new();
    let hard = json!({ "pods": "2", "requests.cpu": "3", "count/deployments.apps": "1" });
    world.put("", "v1", "ResourceQuota", "resourcequotas", resource_quota(hard.clone(), json!({})));
    world.put("", "v1", "Pod", "pods", create_pod("other", asking("1")).object.unwrap());

    let charges = quota::charge(&create_pod("a", asking("1500m")), &world).unwrap();
    assert_eq!(charges.len(), 1);
    assert_eq!(
        charges[0].status,
        json!({ "hard": hard, "used": { "count/deployments.apps": "0", "pods": "2", "requests.cpu": "2500m" } })
    );

    let rejection = quota::charge(&create_pod("a", asking("2500m")), &world).unwrap_err();
    assert_eq!(rejection.code(), 403);
    assert_eq!(
        rejection.to_string(),
        "pods \"a\" is forbidden: exceeded quota: team, requested: requests.cpu=2500m, used: requests.cpu=1, limited: \
         requests.cpu=3"
    );
    let rejection = quota::charge(&create_pod("a", json!({})), &world).unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "pods \"a\" is forbidden: failed quota: team: must specify requests.cpu for: a"
    );
}

#[test]
fn a_quota_counts_what_is_in_its_scopes() {
    let mut world = World::new();
    let scope = json!({ "scopes": ["BestEffort"] });
    world.put("", "v1", "ResourceQuota", "resourcequotas", resource_quota(json!({ "pods": "0" }), scope));
    assert!(quota::charge(&create_pod("a", asking("1")), &world).unwrap().is_empty());
    assert!(quota::charge(&create_pod("a", json!({})), &world).is_err());

    let mut world = World::new();
    let scope = json!({ "scopeSelector": { "matchExpressions": [
        { "scopeName": "PriorityClass", "operator": "In", "values": ["high"] }] } });
    world.put("", "v1", "ResourceQuota", "resourcequotas", resource_quota(json!({ "pods": "0" }), scope));
    assert!(quota::charge(&create_pod("a", json!({ "priorityClassName": "low" })), &world).is_ok());
    assert!(quota::charge(&create_pod("a", json!({ "priorityClassName": "high" })), &world).is_err());
}

#[test]
fn what_goes_is_given_back() {
    let mut world = World::new();
    let mut stored = resource_quota(json!({ "pods": "5" }), json!({}));
    stored["status"] = json!({ "hard": { "pods": "5" }, "used": { "pods": "3" } });
    world.put("", "v1", "ResourceQuota", "resourcequotas", stored.clone());
    let pod = create_pod("a", json!({}));
    assert!(quota::is_counted(&pod.gvr, None, pod.object.as_ref().unwrap()));
    assert_eq!(quota::status(&stored, &world)["used"], json!({ "pods": "0" }));
    // A pod that has ended is not counted any more.
    let mut ended = pod.object.clone().unwrap();
    ended["status"]["phase"] = json!("Succeeded");
    assert!(quota::is_counted(&pod.gvr, Some(&ended), pod.object.as_ref().unwrap()));
    world.put("", "v1", "Pod", "pods", ended);
    world.put("", "v1", "Pod", "pods", create_pod("b", json!({})).object.unwrap());
    assert_eq!(quota::status(&stored, &world)["used"], json!({ "pods": "1" }));
}

#[test]
fn services_of_each_kind_are_counted() {
    let mut world = World::new();
    let hard = json!({ "services": "5", "services.nodeports": "1", "services.loadbalancers": "0" });
    world.put("", "v1", "ResourceQuota", "resourcequotas", resource_quota(hard, json!({})));
    let service = |kind: &str, ports: usize| {
        let ports: Vec<Value> =
            (1..=ports).map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
        create(
            "",
            "Service",
            "services",
            json!({ "metadata": { "name": "a" }, "spec": { "type": kind, "ports": ports } }),
        )
    };
    assert!(quota::charge(&service("ClusterIP", 3), &world).is_ok());
    assert!(quota::charge(&service("NodePort", 1), &world).is_ok());
    assert!(quota::charge(&service("NodePort", 2), &world).is_err());
    assert!(quota::charge(&service("LoadBalancer", 1), &world).is_err());
}
