//! Strategic merge patch: what kubectl sends for builtin kinds (section 1.3).

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::patch::{PatchError, strategic};
use supercargo_apiserver::schema::{Schema, builtin};

fn deployment() -> &'static Schema {
    builtin("apps", "v1", "Deployment").unwrap()
}

fn pod() -> &'static Schema {
    builtin("", "v1", "Pod").unwrap()
}

fn spec(value: Value) -> Value {
    json!({ "spec": value })
}

/// Patches of a pod's spec.
#[rstest]
#[case::containers_merge_by_name(json!({ "containers": [{ "name": "a", "image": "1", "tty": true }, { "name": "b", "image": "1" }] }),
    json!({ "containers": [{ "name": "a", "image": "2" }] }),
    json!({ "containers": [{ "name": "a", "image": "2", "tty": true }, { "name": "b", "image": "1" }] }))]
#[case::new_elements_come_first_as_upstream(json!({ "containers": [{ "name": "a" }] }), json!({ "containers": [{ "name": "b" }] }),
    json!({ "containers": [{ "name": "b" }, { "name": "a" }] }))]
#[case::an_element_is_deleted(json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
    json!({ "containers": [{ "$patch": "delete", "name": "a" }] }), json!({ "containers": [{ "name": "b" }] }))]
#[case::a_list_is_replaced(json!({ "containers": [{ "name": "a" }, { "name": "b" }] }),
    json!({ "containers": [{ "$patch": "replace" }, { "name": "c" }] }), json!({ "containers": [{ "name": "c" }] }))]
#[case::an_object_is_replaced(json!({ "securityContext": { "runAsUser": 1, "runAsGroup": 2 } }),
    json!({ "securityContext": { "$patch": "replace", "runAsUser": 3 } }), json!({ "securityContext": { "runAsUser": 3 } }))]
#[case::an_object_is_emptied(json!({ "securityContext": { "runAsUser": 1 } }), json!({ "securityContext": { "$patch": "delete" } }),
    json!({ "securityContext": {} }))]
#[case::lists_without_a_rule_are_replaced(json!({ "tolerations": [{ "key": "a" }] }), json!({ "tolerations": [{ "key": "b" }] }),
    json!({ "tolerations": [{ "key": "b" }] }))]
#[case::maps_merge(json!({ "nodeSelector": { "a": "1", "b": "2" } }), json!({ "nodeSelector": { "b": null, "c": "3" } }),
    json!({ "nodeSelector": { "a": "1", "c": "3" } }))]
#[case::ports_merge_by_their_number(
    json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": 80, "protocol": "TCP" }, { "containerPort": 90 }] }] }),
    json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": 80, "name": "http" }] }] }),
    json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": 80, "protocol": "TCP", "name": "http" }, { "containerPort": 90 }] }] }))]
#[case::volumes_retain_keys(json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }),
    json!({ "volumes": [{ "$retainKeys": ["name", "configMap"], "name": "v", "configMap": { "name": "c" } }] }),
    json!({ "volumes": [{ "name": "v", "configMap": { "name": "c" } }] }))]
#[case::the_order_is_set(json!({ "containers": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] }),
    json!({ "$setElementOrder/containers": [{ "name": "c" }, { "name": "a" }], "containers": [{ "$patch": "delete", "name": "b" }] }),
    json!({ "containers": [{ "name": "c" }, { "name": "a" }] }))]
#[case::what_the_order_does_not_name_keeps_its_place(json!({ "containers": [{ "name": "x" }, { "name": "a" }, { "name": "b" }, { "name": "y" }] }),
    json!({ "$setElementOrder/containers": [{ "name": "b" }, { "name": "a" }] }),
    json!({ "containers": [{ "name": "x" }, { "name": "b" }, { "name": "a" }, { "name": "y" }] }))]
#[case::a_new_list_brings_no_directives(json!({}),
    json!({ "$setElementOrder/containers": [{ "name": "a" }], "containers": [{ "name": "a", "env": null, "$setElementOrder/ports": [{ "containerPort": 1 }] }] }),
    json!({ "containers": [{ "name": "a" }] }))]
#[case::retaining_in_a_new_object(json!({}), json!({ "securityContext": { "$retainKeys": ["runAsUser"], "runAsUser": 1 } }),
    json!({ "securityContext": { "runAsUser": 1 } }))]
#[case::another_form_replaces(json!({ "nodeName": "a" }), json!({ "nodeName": { "b": 1 } }), json!({ "nodeName": { "b": 1 } }))]
fn a_patch_of_a_pod(#[case] old: Value, #[case] patch: Value, #[case] new: Value) {
    let result = strategic::apply(&spec(old), &spec(patch), pod()).unwrap();
    assert_eq!(result, spec(new));
}

#[test]
fn the_patch_of_a_deployment_that_kubectl_apply_sends() {
    let containers = json!([{ "name": "a", "image": "x" }, { "name": "b", "image": "y", "env": [{ "name": "E", "value": "1" }] }]);
    let live = spec(json!({ "replicas": 3, "template": { "spec": { "containers": containers } } }));
    let patch = spec(json!({ "template": { "spec": { "$setElementOrder/containers": [{ "name": "b" }],
        "containers": [{ "env": null, "image": "z", "name": "b" }, { "$patch": "delete", "name": "a" }] } } }));
    let result = strategic::apply(&live, &patch, deployment()).unwrap();
    let wanted = spec(
        json!({ "replicas": 3, "template": { "spec": { "containers": [{ "name": "b", "image": "z" }] } } }),
    );
    assert_eq!(result, wanted);
}

#[test]
fn the_strategy_of_a_deployment_retains_its_keys() {
    let live = spec(json!({ "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } } }));
    let patch = spec(json!({ "strategy": { "$retainKeys": ["type"], "type": "Recreate" } }));
    let result = strategic::apply(&live, &patch, deployment()).unwrap();
    assert_eq!(result, spec(json!({ "strategy": { "type": "Recreate" } })));
}

#[test]
fn finalizers_are_a_set_of_scalars() {
    let live = json!({ "metadata": { "finalizers": ["a", "b"] } });
    let more = json!({ "metadata": { "finalizers": ["c", "a"] } });
    let result = strategic::apply(&live, &more, pod()).unwrap();
    assert_eq!(result, json!({ "metadata": { "finalizers": ["c", "a", "b"] } }));
    let less = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["b"] } });
    let result = strategic::apply(&live, &less, pod()).unwrap();
    assert_eq!(result, json!({ "metadata": { "finalizers": ["b"] } }));
}

#[test]
fn the_ports_of_a_service_merge_by_port_alone() {
    let live = spec(json!({ "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30000 }] }));
    let patch = spec(json!({ "ports": [{ "port": 80, "targetPort": 8080 }] }));
    let result = strategic::apply(&live, &patch, builtin("", "v1", "Service").unwrap()).unwrap();
    assert_eq!(
        result,
        spec(json!({ "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30000, "targetPort": 8080 }] }))
    );
}

#[test]
fn a_budgets_selector_is_replaced() {
    let live = spec(json!({ "selector": { "matchLabels": { "a": "b" } } }));
    let patch = spec(json!({ "selector": { "matchLabels": { "c": "d" } } }));
    let result =
        strategic::apply(&live, &patch, builtin("policy", "v1", "PodDisruptionBudget").unwrap()).unwrap();
    assert_eq!(result, patch);
}

#[test]
fn conditions_merge_by_their_type() {
    let live = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }, { "type": "DiskPressure", "status": "False" }] } });
    let patch = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    let result = strategic::apply(&live, &patch, builtin("", "v1", "Node").unwrap()).unwrap();
    assert_eq!(result["status"]["conditions"][0], json!({ "type": "Ready", "status": "True" }));
    assert_eq!(result["status"]["conditions"].as_array().unwrap().len(), 2);
}

#[rstest]
#[case::no_merge_key(json!({ "containers": [{ "image": "x" }] }),
    PatchError::Internal("map: map[image:x] does not contain declared merge key: name".into()))]
#[case::unknown_directive(json!({ "securityContext": { "$patch": "paint", "a": 1 } }),
    PatchError::Internal("unknown patch type: paint in map: map[$patch:paint a:1]".into()))]
#[case::unknown_directive_of_an_element(json!({ "containers": [{ "$patch": "paint", "name": "a" }] }),
    PatchError::Internal("unknown patch type: paint in map: map[$patch:paint name:a]".into()))]
#[case::retained_keys_lack_a_changed_one(json!({ "securityContext": { "$retainKeys": ["a"], "b": 1 } }),
    PatchError::Malformed("invalid patch format of retainKeys".into()))]
#[case::retained_keys_are_no_list(json!({ "securityContext": { "$retainKeys": "a" } }),
    PatchError::Malformed("invalid patch format of retainKeys".into()))]
#[case::order_of_no_list(json!({ "$setElementOrder/securityContext": [] }),
    PatchError::Internal("expected a []interface {}, but received a map[string]interface {}".into()))]
#[case::order_without_field(json!({ "$setElementOrder": [] }), PatchError::Malformed("invalid patch format of setElementOrder list".into()))]
#[case::deletion_without_field(json!({ "$deleteFromPrimitiveList": [] }), PatchError::Malformed("invalid patch format of primitive list".into()))]
#[case::lists_of_lists(json!({ "containers": [["a"]] }), PatchError::DoesNotApply("lists of lists are not supported".into()))]
#[case::another_order(json!({ "$setElementOrder/containers": [{ "name": "a" }, { "name": "b" }], "containers": [{ "name": "b" }, { "name": "a" }] }),
    PatchError::Internal("The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n".into()))]
#[case::unknown_field_that_is_an_object(json!({ "unknown": { "a": 1 } }),
    PatchError::Internal("unable to find api field in struct PodSpec for the json field \"unknown\"".into()))]
fn a_wrong_patch_says_why(#[case] patch: Value, #[case] error: PatchError) {
    let live = spec(
        json!({ "containers": [{ "name": "a" }, { "name": "b" }], "securityContext": { "runAsUser": 1 }, "unknown": {} }),
    );
    assert_eq!(strategic::apply(&live, &spec(patch), pod()), Err(error));
}

#[test]
fn a_patch_has_to_be_an_object() {
    assert_eq!(
        strategic::apply(&json!({}), &json!([]), pod()),
        Err(PatchError::Malformed("invalid JSON document".into()))
    );
}

#[test]
fn long_lists_merge_in_reasonable_time() {
    // Quadratic work on twice 50,000 elements would take minutes.
    let elements =
        |offset: usize| -> Vec<Value> { (0..50_000).map(|n| json!(format!("f{}", n + offset))).collect() };
    let live = json!({ "metadata": { "finalizers": elements(0) } });
    let patch = json!({ "metadata": { "finalizers": elements(25_000), "$setElementOrder/finalizers": elements(25_000) } });
    let result = strategic::apply(&live, &patch, pod()).unwrap();
    assert_eq!(result["metadata"]["finalizers"].as_array().unwrap().len(), 75_000);
}
