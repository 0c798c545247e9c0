//! Builtin kinds are completed as upstream completes them.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::builtin::{self, strategy};
use supercargo_apiserver::gvk::Gvk;

fn gvk(api_version: &str, kind: &str) -> Gvk {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Gvk::new(group, version, kind)
}

fn defaulted(api_version: &str, kind: &str, mut object: Value) -> Value {
    let gvk = gvk(api_version, kind);
    builtin::default(&gvk, &mut object, Timestamp::UNIX_EPOCH);
    let once = object.clone();
    builtin::default(&gvk, &mut object, Timestamp::UNIX_EPOCH);
    assert_eq!(object, once, "defaults are set once");
    object
}

#[test]
fn a_pod_is_completed_down_to_its_probes() {
    let pod = json!({
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "serviceAccountName": "runner",
            "containers": [{
                "name": "a",
                "image": "registry.example.com:5000/web",
                "ports": [{ "containerPort": 80 }],
                "env": [{ "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }],
                "resources": { "limits": { "cpu": "1" } },
                "readinessProbe": { "httpGet": { "port": 80 } },
            }],
            "volumes": [{ "name": "scratch" }, { "name": "conf", "configMap": { "name": "conf" } }],
        },
    });
    let expected = json!({
      "containers": [
        {
          "env": [
            {
              "name": "NODE",
              "valueFrom": {
                "fieldRef": {
                  "apiVersion": "v1",
                  "fieldPath": "spec.nodeName"
                }
              }
            }
          ],
          "image": "registry.example.com:5000/web",
          "imagePullPolicy": "Always",
          "name": "a",
          "ports": [
            {
              "containerPort": 80,
              "protocol": "TCP"
            }
          ],
          "readinessProbe": {
            "failureThreshold": 3,
            "httpGet": {
              "path": "/",
              "port": 80,
              "scheme": "HTTP"
            },
            "periodSeconds": 10,
            "successThreshold": 1,
            "timeoutSeconds": 1
          },
          "resources": {
            "limits": {
              "cpu": "1"
            },
            "requests": {
              "cpu": "1"
            }
          },
          "terminationMessagePath": "/dev/termination-log",
          "terminationMessagePolicy": "File"
        }
      ],
      "dnsPolicy": "ClusterFirst",
      "enableServiceLinks": true,
      "restartPolicy": "Always",
      "schedulerName": "default-scheduler",
      "securityContext": {},
      "serviceAccount": "runner",
      "serviceAccountName": "runner",
      "terminationGracePeriodSeconds": 30,
      "volumes": [
        {
          "emptyDir": {},
          "name": "scratch"
        },
        {
          "configMap": {
            "defaultMode": 420,
            "name": "conf"
          },
          "name": "conf"
        }
      ]
    });
    assert_eq!(defaulted("v1", "Pod", pod)["spec"], expected);
}

#[rstest]
#[case("nginx", "Always")]
#[case("nginx:latest", "Always")]
#[case("nginx:1.27", "IfNotPresent")]
#[case("host:5000/nginx", "Always")]
#[case("nginx@sha256:0123", "IfNotPresent")]
fn images_that_move_are_always_pulled(#[case] image: &str, #[case] policy: &str) {
    let pod = defaulted("v1", "Pod", json!({ "spec": { "containers": [{ "name": "a", "image": image }] } }));
    assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], policy);
}

#[rstest]
#[case(
    "apps/v1", "Deployment", json!({ "spec": {} }), "/spec/strategy",
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "25%", "maxSurge": "25%" } })
)]
#[case("apps/v1", "Deployment", json!({ "spec": {} }), "/spec/progressDeadlineSeconds", json!(600))]
#[case("apps/v1", "Deployment", json!({ "spec": { "strategy": { "type": "Recreate" } } }), "/spec/strategy", json!({ "type": "Recreate" }))]
#[case("apps/v1", "ReplicaSet", json!({ "spec": {} }), "/spec/replicas", json!(1))]
#[case("apps/v1", "StatefulSet", json!({ "spec": {} }), "/spec/podManagementPolicy", json!("OrderedReady"))]
#[case(
    "apps/v1", "StatefulSet", json!({ "spec": {} }), "/spec/persistentVolumeClaimRetentionPolicy",
    json!({ "whenDeleted": "Retain", "whenScaled": "Retain" })
)]
#[case(
    "apps/v1", "DaemonSet", json!({ "spec": {} }), "/spec/updateStrategy",
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } })
)]
#[case("batch/v1", "Job", json!({ "spec": {} }), "/spec/completions", json!(1))]
#[case("batch/v1", "Job", json!({ "spec": { "parallelism": 3 } }), "/spec/completions", Value::Null)]
#[case("batch/v1", "Job", json!({ "spec": {} }), "/spec/backoffLimit", json!(6))]
#[case("batch/v1", "CronJob", json!({ "spec": {} }), "/spec/successfulJobsHistoryLimit", json!(3))]
#[case("v1", "Service", json!({ "spec": { "ports": [{ "port": 80 }] } }), "/spec/ports/0", json!({ "port": 80, "protocol": "TCP", "targetPort": 80 }))]
#[case("v1", "Service", json!({ "spec": { "type": "LoadBalancer" } }), "/spec/allocateLoadBalancerNodePorts", json!(true))]
#[case("v1", "PersistentVolumeClaim", json!({ "spec": {} }), "/spec/volumeMode", json!("Filesystem"))]
#[case("v1", "PersistentVolume", json!({ "spec": {} }), "/spec/persistentVolumeReclaimPolicy", json!("Retain"))]
#[case("v1", "Secret", json!({ "stringData": { "a": "hi" } }), "/data", json!({ "a": "aGk=" }))]
#[case("v1", "Secret", json!({ "stringData": { "a": "hi" } }), "/stringData", Value::Null)]
#[case("v1", "Secret", json!({}), "/type", json!("Opaque"))]
#[case("v1", "Namespace", json!({ "metadata": { "name": "a" } }), "/metadata/labels", json!({ "kubernetes.io/metadata.name": "a" }))]
#[case("v1", "Node", json!({ "status": { "capacity": { "cpu": "4" } } }), "/status/allocatable", json!({ "cpu": "4" }))]
#[case(
    "v1", "LimitRange", json!({ "spec": { "limits": [{ "type": "Container", "max": { "cpu": "2" } }] } }),
    "/spec/limits/0/defaultRequest", json!({ "cpu": "2" })
)]
#[case("storage.k8s.io/v1", "StorageClass", json!({}), "/volumeBindingMode", json!("Immediate"))]
#[case("scheduling.k8s.io/v1", "PriorityClass", json!({ "value": 1 }), "/preemptionPolicy", json!("PreemptLowerPriority"))]
#[case(
    "autoscaling/v2", "HorizontalPodAutoscaler", json!({ "spec": { "maxReplicas": 3 } }), "/spec/metrics/0/resource/target",
    json!({ "type": "Utilization", "averageUtilization": 80 })
)]
#[case(
    "networking.k8s.io/v1", "NetworkPolicy", json!({ "spec": { "egress": [{}] } }), "/spec/policyTypes",
    json!(["Ingress", "Egress"])
)]
#[case(
    "rbac.authorization.k8s.io/v1", "RoleBinding", json!({ "subjects": [{ "kind": "User", "name": "a" }] }),
    "/subjects/0/apiGroup", json!("rbac.authorization.k8s.io")
)]
#[case(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", json!({ "webhooks": [{}] }),
    "/webhooks/0/timeoutSeconds", json!(10)
)]
#[case(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({ "spec": { "names": { "kind": "Boat" } } }),
    "/spec/names", json!({ "kind": "Boat", "singular": "boat", "listKind": "BoatList" })
)]
fn what_is_not_said_is_as_upstream_has_it(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] object: Value,
    #[case] pointer: &str,
    #[case] expected: Value,
) {
    let object = defaulted(api_version, kind, object);
    assert_eq!(object.pointer(pointer).cloned().unwrap_or(Value::Null), expected, "{object}");
}

#[test]
fn anything_at_all_can_be_defaulted_and_validated() {
    let kinds = [
        ("v1", "Pod"),
        ("v1", "Service"),
        ("v1", "Node"),
        ("v1", "Secret"),
        ("v1", "LimitRange"),
        ("v1", "ResourceQuota"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "PersistentVolume"),
        ("v1", "ReplicationController"),
        ("v1", "Endpoints"),
        ("v1", "Namespace"),
        ("v1", "ConfigMap"),
        ("v1", "Event"),
        ("v1", "Binding"),
        ("v1", "PodTemplate"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("batch/v1", "CronJob"),
        ("autoscaling/v1", "HorizontalPodAutoscaler"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("storage.k8s.io/v1", "CSINode"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("storage.k8s.io/v1", "VolumeAttachment"),
        ("networking.k8s.io/v1", "Ingress"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("coordination.k8s.io/v1", "Lease"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("scheduling.k8s.io/v1", "PriorityClass"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ];
    let odd = [
        Value::Null,
        json!(1),
        json!("x"),
        json!([]),
        json!([[], {}, null, 1]),
        json!({}),
        json!({ "": null, "x": [1] }),
        json!(-1),
        json!(1.5),
        json!(true),
    ];
    for (api_version, kind) in kinds {
        let gvk = gvk(api_version, kind);
        for value in &odd {
            let names = [
                "metadata",
                "spec",
                "status",
                "data",
                "stringData",
                "webhooks",
                "rules",
                "subjects",
                "roleRef",
                "subsets",
                "endpoints",
                "template",
                "ports",
                "limits",
                "provisioner",
                "parameters",
                "target",
            ];
            let mut objects = vec![value.clone()];
            let all: serde_json::Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            objects.push(Value::Object(all));
            let inner = [
                "template",
                "containers",
                "initContainers",
                "volumes",
                "ports",
                "selector",
                "strategy",
                "updateStrategy",
                "rollingUpdate",
                "jobTemplate",
                "affinity",
                "tolerations",
                "topologySpreadConstraints",
                "limits",
                "hard",
                "versions",
                "names",
                "metrics",
                "behavior",
                "taints",
                "rules",
                "validations",
                "matchConstraints",
                "podFailurePolicy",
                "resources",
                "accessModes",
                "volumeClaimTemplates",
                "securityContext",
                "schema",
                "spec",
                "metadata",
                "labels",
                "clusterIPs",
                "drivers",
                "source",
            ];
            let spec: serde_json::Map<String, Value> =
                inner.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            objects.push(json!({ "metadata": spec.clone(), "spec": spec.clone() }));
            objects.push(json!({ "spec": { "template": { "spec": spec.clone() }, "versions": [spec.clone()], "rules": [spec.clone()] }, "webhooks": [spec] }));
            for mut object in objects {
                builtin::default(&gvk, &mut object, Timestamp::UNIX_EPOCH);
                let old = object.clone();
                let _ = builtin::validate(&gvk, &object);
                let _ = builtin::validate_update(&gvk, &object, &old);
                let _ = builtin::validate_update(&gvk, &object, value);
                let _ = builtin::validate_status(&gvk, &object, value);
                strategy::prepare_for_create(&gvk, &mut object);
                strategy::prepare_for_update(&gvk, &mut object, &old);
                strategy::prepare_for_status(&gvk, &mut object, value);
            }
        }
    }
}

#[rstest]
#[case(json!([{}]), "BestEffort")]
#[case(json!([{ "resources": { "requests": { "cpu": "1" } } }]), "Burstable")]
#[case(json!([{ "resources": { "limits": { "cpu": "1", "memory": "1Gi" } } }]), "Guaranteed")]
#[case(json!([{ "resources": { "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "500m" } } }]), "Burstable")]
#[case(json!([{ "resources": { "limits": { "cpu": "1", "memory": "1Gi" } } }, {}]), "Burstable")]
fn quality_of_service_follows_from_requests(#[case] containers: Value, #[case] expected: &str) {
    assert_eq!(builtin::qos_class(&json!({ "containers": containers })), expected);
}
