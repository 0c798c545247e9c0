//! Builtin kinds are refused for what upstream refuses them for, in the same words.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::builtin;
use supercargo_apiserver::field_error::{aggregate, invalid_status};
use supercargo_apiserver::gvk::Gvk;

fn gvk(api_version: &str, kind: &str) -> Gvk {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Gvk::new(group, version, kind)
}

fn errors(api_version: &str, kind: &str, object: &Value) -> Vec<String> {
    let gvk = gvk(api_version, kind);
    let mut object = object.clone();
    builtin::default(&gvk, &mut object, Timestamp::UNIX_EPOCH);
    builtin::validate(&gvk, &object).iter().map(ToString::to_string).collect()
}

fn update_errors(api_version: &str, kind: &str, new: &Value, old: &Value) -> Vec<String> {
    let gvk = gvk(api_version, kind);
    let mut both = [new.clone(), old.clone()];
    for object in &mut both {
        builtin::default(&gvk, object, Timestamp::UNIX_EPOCH);
    }
    builtin::validate_update(&gvk, &both[0], &both[1]).iter().map(ToString::to_string).collect()
}

fn pod() -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "containers": [{ "name": "a", "image": "nginx:1" }] },
    })
}

fn deployment() -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "a", "image": "nginx:1" }] },
            },
        },
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let place = object.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(index) if place.is_array() => place[index] = value,
        _ => place[name] = value,
    }
    object
}

#[test]
fn what_is_right_passes() {
    assert_eq!(errors("v1", "Pod", &pod()), Vec::<String>::new());
    assert_eq!(errors("apps/v1", "Deployment", &deployment()), Vec::<String>::new());
    let set = with(deployment(), "/spec/serviceName", json!("web"));
    let set = with(
        set,
        "/spec/volumeClaimTemplates",
        json!([{ "metadata": { "name": "data" }, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } }]),
    );
    assert_eq!(errors("apps/v1", "StatefulSet", &set), Vec::<String>::new());
    assert_eq!(errors("apps/v1", "DaemonSet", &deployment()), Vec::<String>::new());
    assert_eq!(errors("apps/v1", "ReplicaSet", &deployment()), Vec::<String>::new());
    let service = json!({
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "http" }] },
    });
    assert_eq!(errors("v1", "Service", &service), Vec::<String>::new());
}

#[rstest]
#[case("/spec/containers", json!([]), "spec.containers: Required value")]
#[case("/spec/containers/0/name", json!(""), "spec.containers[0].name: Required value")]
#[case("/spec/containers/0/image", json!(""), "spec.containers[0].image: Required value")]
#[case(
    "/spec/containers/0/imagePullPolicy", json!("Sometimes"),
    r#"spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never""#
)]
#[case(
    "/spec/restartPolicy", json!("Perhaps"),
    r#"spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "Never", "OnFailure""#
)]
#[case(
    "/spec/containers/0/ports", json!([{ "containerPort": 70000 }]),
    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"
)]
#[case(
    "/spec/containers/0/volumeMounts", json!([{ "name": "x", "mountPath": "/x" }]),
    r#"spec.containers[0].volumeMounts[0].name: Not found: "x""#
)]
#[case(
    "/spec/containers/0/resources", json!({ "requests": { "cpu": "2" }, "limits": { "cpu": "1" } }),
    r#"spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1"#
)]
#[case(
    "/spec/containers/0/resources", json!({ "requests": { "cpu": "-1" } }),
    r#"spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0"#
)]
#[case(
    "/spec/containers/0/resources", json!({ "requests": { "nvidia.com/gpu": "1" } }),
    "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"
)]
#[case(
    "/spec/containers/0/livenessProbe", json!({ "periodSeconds": 1 }),
    "spec.containers[0].livenessProbe: Required value: must specify a handler type"
)]
#[case(
    "/spec/tolerations", json!([{ "operator": "Equal", "value": "x" }]),
    "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \
     \"match all values and all keys\""
)]
#[case(
    "/spec/topologySpreadConstraints", json!([{ "maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule" }]),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"
)]
#[case(
    "/spec/affinity", json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [] } } }),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must \
     have at least one node selector term"
)]
#[case(
    "/spec/volumes", json!([{ "name": "a", "emptyDir": {}, "hostPath": { "path": "/" } }]),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"
)]
#[case("/metadata/name", json!("Web"), "metadata.name: Invalid value: \"Web\": a lowercase RFC 1123 subdomain must consist \
       of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
       'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")]
#[case("/metadata/namespace", json!(""), "metadata.namespace: Required value")]
#[case(
    "/metadata/finalizers", json!(["mine"]),
    r#"metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#
)]
fn a_pod_is_refused_for(#[case] pointer: &str, #[case] value: Value, #[case] expected: &str) {
    let found = errors("v1", "Pod", &with(pod(), pointer, value));
    assert_eq!(found, [expected]);
}

#[rstest]
#[case("/spec/replicas", json!(-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0")]
#[case("/spec/selector", Value::Null, "spec.selector: Required value")]
#[case(
    "/spec/template/metadata/labels", json!({ "app": "other" }),
    "spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`"
)]
#[case(
    "/spec/template/spec/restartPolicy", json!("Never"),
    r#"spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always""#
)]
#[case(
    "/spec/strategy", json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 0 } }),
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"
)]
#[case(
    "/spec/progressDeadlineSeconds", json!(0),
    "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"
)]
fn a_deployment_is_refused_for(#[case] pointer: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(errors("apps/v1", "Deployment", &with(deployment(), pointer, value)), [expected]);
}

fn named(object: Value) -> Value {
    let mut object = object;
    object["metadata"] = json!({ "name": "a", "namespace": "default" });
    object
}

#[rstest]
#[case("v1", "Service", json!({ "spec": {} }), "spec.ports: Required value")]
#[case(
    "v1", "Service", json!({ "spec": { "type": "Fast", "ports": [{ "port": 1 }] } }),
    r#"spec.type: Unsupported value: "Fast": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort""#
)]
#[case(
    "v1", "PersistentVolumeClaim", json!({ "spec": { "resources": { "requests": { "storage": "1Gi" } } } }),
    "spec.accessModes: Required value: at least 1 access mode is required"
)]
#[case(
    "policy/v1", "PodDisruptionBudget", json!({ "spec": { "minAvailable": 1, "maxUnavailable": 1 } }),
    r#"spec: Invalid value: {"maxUnavailable":1,"minAvailable":1}: minAvailable and maxUnavailable cannot be both set"#
)]
#[case(
    "policy/v1", "PodDisruptionBudget", json!({ "spec": { "maxUnavailable": "110%" } }),
    r#"spec.maxUnavailable: Invalid value: "110%": must not be greater than 100%"#
)]
#[case(
    "autoscaling/v2", "HorizontalPodAutoscaler",
    json!({ "spec": { "minReplicas": 3, "maxReplicas": 2, "scaleTargetRef": { "kind": "Deployment", "name": "a" } } }),
    "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"
)]
#[case(
    "batch/v1", "CronJob",
    json!({ "spec": { "schedule": "* * *", "jobTemplate": { "spec": { "template": { "spec": {
        "restartPolicy": "Never", "containers": [{ "name": "a", "image": "b" }] } } } } } }),
    r#"spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: ["*", "*", "*"]"#
)]
#[case(
    "v1", "ConfigMap", json!({ "data": { "a b": "c" } }),
    "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
     'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)]
#[case("v1", "Secret", json!({ "type": "kubernetes.io/tls", "data": { "tls.crt": "" } }), "data[tls.key]: Required value")]
#[case(
    "coordination.k8s.io/v1", "Lease", json!({ "spec": { "leaseDurationSeconds": 0 } }),
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
)]
#[case(
    "rbac.authorization.k8s.io/v1", "Role", json!({ "rules": [{ "verbs": ["get"], "resources": ["pods"] }] }),
    "rules[0].apiGroups: Required value: resource rules must supply at least one api group"
)]
#[case(
    "v1", "ResourceQuota", json!({ "spec": { "hard": { "apples": "1" } } }),
    r#"spec.hard[apples]: Invalid value: "apples": must be a standard resource for quota"#
)]
#[case(
    "v1", "LimitRange", json!({ "spec": { "limits": [{ "type": "Container", "min": { "cpu": "2" }, "max": { "cpu": "1" },
        "default": { "cpu": "1" }, "defaultRequest": { "cpu": "1" } }] } }),
    r#"spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than default request value 1"#
)]
#[case(
    "networking.k8s.io/v1", "Ingress", json!({ "spec": { "rules": [{ "http": { "paths": [{ "path": "/",
        "backend": { "service": { "name": "a", "port": { "number": 80 } } } }] } }] } }),
    "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"
)]
#[case(
    "discovery.k8s.io/v1", "EndpointSlice", json!({ "addressType": "IPv4", "endpoints": [{ "addresses": ["::1"] }] }),
    r#"endpoints[0].addresses[0]: Invalid value: "::1": must be an IPv4 address"#
)]
fn other_kinds_are_refused_for(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] object: Value,
    #[case] expected: &str,
) {
    let found = errors(api_version, kind, &named(object));
    assert_eq!(found.first().map(String::as_str), Some(expected), "{found:?}");
}

#[rstest]
#[case(
    "v1", "Node",
    json!({ "metadata": { "name": "n" }, "spec": { "taints": [{ "key": "a", "effect": "Never" }] } }),
    r#"spec.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute""#
)]
#[case(
    "scheduling.k8s.io/v1", "PriorityClass", json!({ "metadata": { "name": "p" }, "value": 1000000001 }),
    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
)]
#[case(
    "storage.k8s.io/v1", "StorageClass", json!({ "metadata": { "name": "s" } }), "provisioner: Required value"
)]
#[case(
    "v1", "Namespace", json!({ "metadata": { "name": "a.b" } }),
    r#"metadata.name: Invalid value: "a.b": must not contain dots"#
)]
fn kinds_of_the_cluster_are_refused_for(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] object: Value,
    #[case] expected: &str,
) {
    assert_eq!(errors(api_version, kind, &object), [expected]);
}

#[test]
fn a_stateful_set_may_mount_what_its_claims_bring() {
    let stateful = json!({
        "metadata": { "name": "db", "namespace": "default" },
        "spec": {
            "serviceName": "db", "podManagementPolicy": "OrderedReady",
            "updateStrategy": { "type": "OnDelete" },
            "selector": { "matchLabels": { "app": "db" } },
            "template": {
                "metadata": { "labels": { "app": "db" } },
                "spec": {
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                    "containers": [{
                        "name": "db", "image": "db", "imagePullPolicy": "Always",
                        "terminationMessagePolicy": "File",
                        "volumeMounts": [
                            { "name": "data", "mountPath": "/data" }, { "name": "other", "mountPath": "/other" },
                        ],
                    }],
                },
            },
            "volumeClaimTemplates": [{
                "metadata": { "name": "data" },
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
                },
            }],
        },
    });
    let found = errors("apps/v1", "StatefulSet", &stateful);
    assert_eq!(found, [r#"spec.template.spec.containers[0].volumeMounts[1].name: Not found: "other""#]);
}

#[test]
fn a_selector_stays_as_it_was_made() {
    let new = with(deployment(), "/spec/selector", json!({ "matchLabels": { "app": "other" } }));
    let found = update_errors("apps/v1", "Deployment", &new, &deployment());
    assert_eq!(
        found,
        [
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
            r#"spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable"#,
        ]
    );
}

#[rstest]
#[case("/spec/containers/0/image", json!("nginx:2"), None)]
#[case("/metadata/labels", json!({ "a": "b" }), None)]
#[case("/spec/tolerations", json!([{ "operator": "Exists" }]), None)]
#[case("/spec/nodeName", json!("n"), Some("spec: Forbidden: pod updates may not change fields other than"))]
#[case("/spec/containers/0/name", json!("b"), Some("spec: Forbidden: pod updates may not change fields other than"))]
#[case("/spec/containers", json!([]), Some("spec.containers: Forbidden: pod updates may not add or remove containers"))]
#[case("/metadata/name", json!("other"), Some(r#"metadata.name: Invalid value: "other": field is immutable"#))]
fn of_a_pod_little_may_change(#[case] pointer: &str, #[case] value: Value, #[case] expected: Option<&str>) {
    let found = update_errors("v1", "Pod", &with(pod(), pointer, value), &pod());
    match expected {
        None => assert_eq!(found, Vec::<String>::new()),
        Some(expected) => {
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }
}

#[rstest]
#[case(
    "v1", "ConfigMap", json!({ "immutable": true, "data": { "a": "1" } }), json!({ "immutable": true, "data": { "a": "2" } }),
    "data: Forbidden: field is immutable when `immutable` is set"
)]
#[case("v1", "Secret", json!({ "type": "a" }), json!({ "type": "b" }), r#"type: Invalid value: "b": field is immutable"#)]
#[case(
    "rbac.authorization.k8s.io/v1", "RoleBinding",
    json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a" } }),
    json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "b" } }),
    r#"roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"b"}: cannot change roleRef"#
)]
#[case(
    "v1", "Service", json!({ "spec": { "clusterIP": "10.100.0.20", "clusterIPs": ["10.100.0.20"], "ports": [{ "port": 1 }] } }),
    json!({ "spec": { "clusterIP": "10.100.0.21", "clusterIPs": ["10.100.0.21"], "ports": [{ "port": 1 }] } }),
    r#"spec.clusterIPs[0]: Invalid value: ["10.100.0.21"]: may not change once set"#
)]
fn what_is_immutable_stays(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] old: Value,
    #[case] new: Value,
    #[case] expected: &str,
) {
    assert_eq!(update_errors(api_version, kind, &named(new), &named(old)), [expected]);
}

#[test]
fn a_stateful_set_changes_only_in_some_fields() {
    let old = with(deployment(), "/spec/serviceName", json!("a"));
    let scaled = with(old.clone(), "/spec/replicas", json!(5));
    assert_eq!(update_errors("apps/v1", "StatefulSet", &scaled, &old), Vec::<String>::new());
    let moved = with(old.clone(), "/spec/serviceName", json!("b"));
    let found = update_errors("apps/v1", "StatefulSet", &moved, &old);
    assert_eq!(
        found,
        [
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
          'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
          forbidden"
        ]
    );
}

#[test]
fn a_bound_claim_only_grows() {
    let claim = |storage: &str, phase: &str| {
        named(json!({
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": storage } } },
            "status": { "phase": phase, "capacity": { "storage": "2Gi" } },
        }))
    };
    let kind = "PersistentVolumeClaim";
    assert_eq!(
        update_errors("v1", kind, &claim("3Gi", "Bound"), &claim("2Gi", "Bound")),
        Vec::<String>::new()
    );
    assert_eq!(
        update_errors("v1", kind, &claim("1Gi", "Bound"), &claim("2Gi", "Bound")),
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
    );
    assert_eq!(
        update_errors("v1", kind, &claim("3Gi", "Pending"), &claim("2Gi", "Pending")),
        [
            "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for \
          bound claims"
        ]
    );
}

#[test]
fn a_suspended_job_may_still_be_placed_elsewhere() {
    let job = |suspend: bool, zone: &str| {
        named(json!({ "spec": {
            "suspend": suspend,
            "selector": { "matchLabels": { "a": "b" } },
            "template": {
                "metadata": { "labels": { "a": "b" } },
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": { "zone": zone },
                    "containers": [{ "name": "a", "image": "b" }],
                },
            },
        } }))
    };
    assert_eq!(update_errors("batch/v1", "Job", &job(true, "b"), &job(true, "a")), Vec::<String>::new());
    let found = update_errors("batch/v1", "Job", &job(false, "b"), &job(false, "a"));
    assert!(
        found[0].starts_with("spec.template: Invalid value: ") && found[0].ends_with("field is immutable"),
        "{found:?}"
    );
}

#[test]
fn a_refusal_names_the_object_and_every_cause() {
    let gvk = gvk("apps/v1", "Deployment");
    let errors = builtin::validate(&gvk, &json!({ "metadata": { "name": "web", "namespace": "default" } }));
    let status = invalid_status(&gvk, "web", &errors);
    assert_eq!(status["code"], 422);
    assert_eq!(status["reason"], "Invalid");
    let message = status["message"].as_str().unwrap();
    assert_eq!(message, format!("Deployment.apps \"web\" is invalid: {}", aggregate(&errors)));
    assert_eq!(status["details"]["causes"].as_array().unwrap().len(), errors.len());
    assert_eq!(status["details"]["causes"][0]["field"], "spec.selector");
}
