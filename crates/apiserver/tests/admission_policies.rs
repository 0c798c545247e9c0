//! ValidatingAdmissionPolicies and their bindings.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod admission_world;

use admission_world::{World, create, run_alone};
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::admission::{Admitted, Rejection};

fn policy(spec: Value) -> Value {
    let mut policy = json!({
        "metadata": { "name": "replicas" },
        "spec": {
            "matchConstraints": { "resourceRules": [
                { "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"] }] },
        },
    });
    for (field, value) in spec.as_object().unwrap() {
        policy["spec"][field.as_str()] = value.clone();
    }
    policy
}

fn binding(spec: Value) -> Value {
    let mut binding = json!({
        "metadata": { "name": "everywhere" },
        "spec": { "policyName": "replicas", "validationActions": ["Deny"] },
    });
    for (field, value) in spec.as_object().unwrap() {
        binding["spec"][field.as_str()] = value.clone();
    }
    binding
}

fn judged(policy_spec: Value, binding_spec: Value, replicas: i64) -> Result<Admitted, Rejection> {
    let mut world = World::new();
    world.put(
        "",
        "v1",
        "ConfigMap",
        "configmaps",
        json!({ "metadata": { "name": "most", "namespace": "default" }, "data": { "most": "5" } }),
    );
    world.registration("ValidatingAdmissionPolicy", policy(policy_spec));
    world.registration("ValidatingAdmissionPolicyBinding", binding(binding_spec));
    let deployment = json!({ "metadata": { "name": "web", "labels": { "app": "web" } }, "spec": { "replicas": replicas } });
    run_alone(&mut create("apps", "Deployment", "deployments", deployment), &world)
}

const AT_MOST_FIVE: &str = "object.spec.replicas <= 5";

#[test]
fn a_policy_denies_what_it_forbids() {
    let spec = json!({ "validations": [{ "expression": AT_MOST_FIVE }] });
    assert!(judged(spec.clone(), json!({}), 5).is_ok());
    let rejection = judged(spec, json!({}), 6).unwrap_err();
    assert_eq!(rejection.code(), 422);
    assert_eq!(rejection.status["reason"], "Invalid");
    assert_eq!(
        rejection.to_string(),
        "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'everywhere' denied request: \
         failed expression: object.spec.replicas <= 5"
    );
}

#[rstest]
#[case(json!({ "expression": AT_MOST_FIVE, "message": "too many" }), "too many", 422)]
#[case(json!({ "expression": AT_MOST_FIVE, "messageExpression": "string(object.spec.replicas) + ' are too many'" }), "6 are too many", 422)]
#[case(json!({ "expression": AT_MOST_FIVE, "message": "too many", "messageExpression": "1" }), "too many", 422)]
#[case(json!({ "expression": AT_MOST_FIVE, "message": "no", "reason": "Forbidden" }), "no", 403)]
#[case(json!({ "expression": "object.spec.nothing == 1" }), "expression 'object.spec.nothing == 1' resulted in error: no such key: nothing", 422)]
#[case(json!({ "expression": "request.userInfo.username != 'admin'", "message": "you" }), "you", 422)]
#[case(json!({ "expression": "namespaceObject.metadata.name != 'default'", "message": "here" }), "here", 422)]
#[case(json!({ "expression": "oldObject != null", "message": "new" }), "new", 422)]
#[case(json!({ "expression": "!('app' in object.metadata.labels)", "message": "app" }), "app", 422)]
fn a_policy_says_why(#[case] validation: Value, #[case] expected: &str, #[case] code: u16) {
    let rejection = judged(json!({ "validations": [validation] }), json!({}), 6).unwrap_err();
    assert!(rejection.to_string().ends_with(&format!("denied request: {expected}")), "{rejection}");
    assert_eq!(rejection.code(), code);
}

#[test]
fn variables_are_composed() {
    let spec = json!({
        "variables": [
            { "name": "wanted", "expression": "object.spec.replicas" },
            { "name": "twice", "expression": "variables.wanted * 2" },
        ],
        "validations": [{ "expression": "variables.twice <= 10", "messageExpression": "'twice is ' + string(variables.twice)" }],
    });
    assert!(judged(spec.clone(), json!({}), 5).is_ok());
    assert!(judged(spec, json!({}), 6).unwrap_err().to_string().ends_with("twice is 12"));
}

#[test]
fn params_come_from_where_the_binding_says() {
    let spec = json!({
        "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" },
        "validations": [{ "expression": "object.spec.replicas <= int(params.data.most)", "message": "too many" }],
    });
    let named =
        |name: &str, action: &str| json!({ "paramRef": { "name": name, "parameterNotFoundAction": action } });
    assert!(judged(spec.clone(), named("most", "Deny"), 5).is_ok());
    assert!(judged(spec.clone(), named("most", "Deny"), 6).is_err());
    assert!(judged(spec.clone(), named("missing", "Allow"), 6).is_ok());
    let rejection = judged(spec, named("missing", "Deny"), 1).unwrap_err();
    assert!(
        rejection
            .to_string()
            .ends_with("no params found for policy binding with `Deny` parameterNotFoundAction"),
        "{rejection}"
    );
}

#[test]
fn warnings_and_notes_let_through() {
    let spec = json!({ "validations": [{ "expression": AT_MOST_FIVE, "message": "too many" }] });
    let admitted = judged(spec, json!({ "validationActions": ["Warn", "Audit"] }), 6).unwrap();
    assert_eq!(
        admitted.warnings,
        ["Validation failed for ValidatingAdmissionPolicy 'replicas' with binding 'everywhere': too many"]
    );
    let noted = &admitted.audit_annotations["validation.policy.admission.k8s.io/validation_failure"];
    let noted: Value = serde_json::from_str(noted).unwrap();
    assert_eq!(noted[0]["message"], "too many");
    assert_eq!(noted[0]["policy"], "replicas");
}

#[test]
fn conditions_and_selectors_narrow() {
    let forbid = json!([{ "expression": "false", "message": "no" }]);
    let cases = [
        (
            json!({ "matchConditions": [{ "name": "big", "expression": "object.spec.replicas > 100" }] }),
            json!({}),
            true,
        ),
        (
            json!({ "matchConditions": [{ "name": "small", "expression": "object.spec.replicas < 100" }] }),
            json!({}),
            false,
        ),
        (
            json!({}),
            json!({ "matchResources": { "namespaceSelector": { "matchLabels": { "env": "prod" } } } }),
            true,
        ),
        (
            json!({}),
            json!({ "matchResources": { "objectSelector": { "matchLabels": { "app": "web" } } } }),
            false,
        ),
        (
            json!({}),
            json!({ "matchResources": { "objectSelector": { "matchLabels": { "app": "other" } } } }),
            true,
        ),
        (json!({}), json!({ "policyName": "another" }), true),
    ];
    for (mut spec, binding, is_let_through) in cases {
        spec["validations"] = forbid.clone();
        assert_eq!(judged(spec.clone(), binding.clone(), 6).is_ok(), is_let_through, "{spec} {binding}");
    }
}

#[test]
fn failures_are_ignored_where_the_policy_says_so() {
    let spec = |failure: &str| json!({ "failurePolicy": failure, "validations": [{ "expression": "object.spec.nothing == 1" }] });
    assert!(judged(spec("Fail"), json!({}), 1).is_err());
    assert!(judged(spec("Ignore"), json!({}), 1).is_ok());
    // What is false is no failure.
    let spec = json!({ "failurePolicy": "Ignore", "validations": [{ "expression": "false" }] });
    assert!(judged(spec, json!({}), 1).is_err());
}

#[test]
fn audit_annotations_are_reckoned() {
    let spec = json!({
        "validations": [{ "expression": "true" }],
        "auditAnnotations": [{ "key": "size", "valueExpression": "'replicas: ' + string(object.spec.replicas)" }],
    });
    let admitted = judged(spec, json!({}), 3).unwrap();
    assert_eq!(admitted.audit_annotations["replicas/size"], "replicas: 3");
}
