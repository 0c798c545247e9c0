//! Tests: objects written as protocol buffers by the same table read back as they were.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};

use super::decode::decode;
use super::numbers::slots;
use crate::schema::{Scalar, Shape, View, builtin};

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number as u8 & 0x7f) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn field(number: u32, wire: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = varint(u64::from(number << 3 | wire));
    if wire == 2 {
        bytes.extend(varint(content.len() as u64));
    }
    bytes.extend(content);
    bytes
}

fn number(value: &Value) -> Vec<u8> {
    varint(value.as_i64().unwrap() as u64)
}

fn scalar(kind: Scalar, number_of: u32, value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    match kind {
        Scalar::String => field(number_of, 2, text.as_bytes()),
        Scalar::Bytes => field(number_of, 2, &STANDARD.decode(text).unwrap()),
        Scalar::Int32 | Scalar::Int64 => field(number_of, 0, &number(value)),
        Scalar::Number => field(number_of, 1, &value.as_f64().unwrap().to_le_bytes()),
        Scalar::Boolean => field(number_of, 0, &[u8::from(value.as_bool().unwrap())]),
        Scalar::Quantity => field(number_of, 2, &field(1, 2, text.as_bytes())),
        Scalar::Time | Scalar::MicroTime => {
            let time: jiff::Timestamp = text.parse().unwrap();
            let seconds = field(1, 0, &varint(time.as_second() as u64));
            let nanos = field(2, 0, &varint(u64::from(time.subsec_nanosecond().unsigned_abs())));
            field(number_of, 2, &[seconds, nanos].concat())
        }
        Scalar::IntOrString if value.is_string() => field(
            number_of,
            2,
            &[field(1, 0, &[1]), field(2, 0, &[0]), field(3, 2, text.as_bytes())].concat(),
        ),
        Scalar::IntOrString => {
            field(number_of, 2, &[field(1, 0, &[0]), field(2, 0, &number(value))].concat())
        }
    }
}

fn value(view: View<'_>, number: u32, value: &Value) -> Vec<u8> {
    match (view.shape(), value) {
        (Shape::Scalar(kind), _) => scalar(*kind, number, value),
        (Shape::List { .. }, Value::Array(elements)) => {
            let (items, _) = view.list().unwrap();
            elements.iter().flat_map(|element| self::value(items, number, element)).collect()
        }
        (Shape::Object(form), Value::Object(entries)) if form.fields.is_empty() => {
            let values = view.field("").unwrap();
            let entry = |(key, value): (&String, &Value)| {
                let inner = match value {
                    Value::Array(_) => field(2, 2, &self::value(values, 1, value)),
                    other => self::value(values, 2, other),
                };
                field(number, 2, &[field(1, 2, key.as_bytes()), inner].concat())
            };
            entries.iter().flat_map(entry).collect()
        }
        (Shape::Object(_), object) => field(number, 2, &message(view, view.type_name().unwrap(), object)),
        _ => field(number, 2, &field(1, 2, value.to_string().as_bytes())),
    }
}

fn message(view: View<'_>, type_name: &str, object: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    for slot in slots(type_name).unwrap() {
        if slot.inline {
            let package = type_name.rsplit_once('.').unwrap().0;
            let inner = message(view, &format!("{package}.{}", slot.name), object);
            bytes.extend(field(slot.number, 2, &inner));
        } else if let Some(value) = object.get(slot.name) {
            bytes.extend(self::value(view.field(slot.name).unwrap(), slot.number, value));
        }
    }
    bytes
}

fn encode(object: &Value) -> Vec<u8> {
    let text = |name: &str| object[name].as_str().unwrap();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or_else(|| ("", text("apiVersion")));
    let schema = builtin(group, version, text("kind")).unwrap();
    let kind = [field(1, 2, text("apiVersion").as_bytes()), field(2, 2, text("kind").as_bytes())].concat();
    let raw = message(schema.view(), schema.type_name().unwrap(), object);
    [b"k8s\0".to_vec(), field(1, 2, &kind), field(2, 2, &raw)].concat()
}

#[rstest]
#[case::pod(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "labels": { "a": "b", "c": "d" }, "creationTimestamp": "2026-11-23T05:00:00Z",
    "deletionGracePeriodSeconds": 0, "finalizers": ["x", "y"], "managedFields": [{ "manager": "m", "operation": "Apply", "apiVersion": "v1",
    "time": "2026-11-23T05:00:01Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:nodeName": {} } } }] },
    "spec": { "volumes": [{ "name": "v", "projected": { "sources": [{ "configMap": { "name": "c", "items": [{ "key": "k", "path": "p", "mode": 0 }] } }] } },
      { "name": "e", "emptyDir": { "sizeLimit": "1Gi" } }], "priority": -1,
      "containers": [{ "name": "a", "image": "i", "resources": { "limits": { "cpu": "1", "memory": "1Gi" } },
        "livenessProbe": { "exec": { "command": ["true"] }, "periodSeconds": 3 }, "lifecycle": { "preStop": { "sleep": { "seconds": 5 } } },
        "readinessProbe": { "httpGet": { "path": "/", "port": "http", "httpHeaders": [{ "name": "A", "value": "b" }] } },
        "securityContext": { "allowPrivilegeEscalation": false, "runAsUser": 0 } }],
      "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 1, "preference": { "matchExpressions": [
        { "key": "z", "operator": "In", "values": ["a", "b"] }] } }] } }, "overhead": { "cpu": "10m" }, "setHostnameAsFQDN": false },
    "status": { "phase": "Running", "startTime": "2026-11-23T05:00:02Z", "podIPs": [{ "ip": "10.0.0.1" }] } }))]
#[case::eviction(json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "p", "namespace": "n" },
    "deleteOptions": { "gracePeriodSeconds": 0, "preconditions": { "uid": "u", "resourceVersion": "5" }, "dryRun": ["All"] } }))]
#[case::delete_options(json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 30, "propagationPolicy": "Orphan", "orphanDependents": false }))]
#[case::scale(json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "d" }, "spec": { "replicas": 3 }, "status": { "replicas": 2 } }))]
#[case::secret(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "AAEC", "b": "" }, "immutable": false, "type": "Opaque" }))]
#[case::access_review_with_lists_in_a_map(json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
    "spec": { "user": "u", "groups": ["g"], "extra": { "scopes": ["a", "b"], "none": [] } }, "status": { "allowed": true } }))]
#[case::hpa_with_behaviour(json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" }, "spec": {
    "scaleTargetRef": { "kind": "Deployment", "name": "d", "apiVersion": "apps/v1" }, "minReplicas": 0, "maxReplicas": 5, "metrics": [
    { "type": "Object", "object": { "describedObject": { "kind": "Service", "name": "s" }, "target": { "type": "Value", "value": "10k" },
      "metric": { "name": "m", "selector": { "matchLabels": { "a": "b" } } } } }],
    "behavior": { "scaleDown": { "selectPolicy": "Min", "stabilizationWindowSeconds": 0, "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 60 }] } } } }))]
#[case::event_with_microseconds(json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" }, "involvedObject": { "kind": "Pod", "name": "p" },
    "reason": "R", "eventTime": "2026-11-23T05:00:00.123456Z", "count": 3 }))]
#[case::ingress(json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" }, "spec": { "rules": [{ "host": "a",
    "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "s", "port": { "number": 80 } } } }] } }] } }))]
#[case::persistent_volume(json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "v" }, "spec": { "capacity": { "storage": "8Gi" },
    "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": "vol-1", "volumeAttributes": { "a": "b" } }, "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3" } }))]
#[case::webhook_with_rules(json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "w" }, "webhooks": [
    { "name": "a.b.c", "clientConfig": { "url": "https://x", "caBundle": "AAEC" }, "rules": [{ "operations": ["CREATE"], "apiGroups": [""],
      "apiVersions": ["v1"], "resources": ["pods"], "scope": "*" }], "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 10,
      "admissionReviewVersions": ["v1"] }] }))]
fn an_object_reads_back_as_it_was(#[case] object: Value) {
    let read = decode(&encode(&object)).unwrap();
    assert_eq!(read, object);
}

#[test]
fn a_custom_resource_definition_reads_back_with_its_unions() {
    let props = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
    let schema = crate::schema::builtin_type(props).unwrap();
    let plain = |object: Value| message(schema.view(), props, &object);
    let number = |name: &str| slots(props).unwrap().iter().find(|slot| slot.name == name).unwrap().number;
    // additionalProperties: true; items: a schema; default and an enum as JSON; preserve-unknown-fields.
    let root = [
        plain(json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "minimum": 1.5, "maxLength": 0 })),
        field(number("additionalProperties"), 2, &field(1, 0, &[1])),
        field(number("items"), 2, &field(1, 2, &plain(json!({ "type": "string" })))),
        field(number("default"), 2, &field(1, 2, br#"{"a":[1]}"#)),
        field(number("enum"), 2, &field(1, 2, br#""x""#)),
        field(number("properties"), 2, &[field(1, 2, b"p"), field(2, 2, &plain(json!({ "type": "integer" })))].concat()),
    ]
    .concat();
    let version = [field(1, 2, b"v1"), field(4, 2, &field(1, 2, &root))].concat();
    let kind = [field(1, 2, b"apiextensions.k8s.io/v1"), field(2, 2, b"CustomResourceDefinition")].concat();
    let body =
        [b"k8s\0".to_vec(), field(1, 2, &kind), field(2, 2, &field(2, 2, &field(7, 2, &version)))].concat();
    let read = decode(&body).unwrap();
    let wanted = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "minimum": 1.5, "maxLength": 0, "additionalProperties": true,
        "items": { "type": "string" }, "default": { "a": [1] }, "enum": ["x"], "properties": { "p": { "type": "integer" } } });
    assert_eq!(read["spec"]["versions"][0]["schema"]["openAPIV3Schema"], wanted);
}
