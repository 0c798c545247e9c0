//! Custom objects: defaulted, pruned and validated by their definitions.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::custom::Definition;

fn compiled(schema: Value) -> Definition {
    let definition = json!({
        "metadata": { "name": "boats.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "plural": "boats", "kind": "Boat" },
            "versions": [
                { "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema },
                  "subresources": { "status": {}, "scale": {
                      "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" } },
                  "additionalPrinterColumns": [
                      { "name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                      { "name": "Count", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1 },
                  ] },
                { "name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                  "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } },
            ],
        },
    });
    Definition::compile(&definition).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// A definition whose `spec` is of this schema.
fn of_spec(spec: Value) -> Definition {
    compiled(json!({ "type": "object", "properties": { "spec": spec } }))
}

fn boat(spec: Value) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Boat", "metadata": { "name": "a", "namespace": "default" }, "spec": spec })
}

fn errors(definition: &Definition, spec: Value) -> Vec<String> {
    definition.validate("v1", &boat(spec)).iter().map(ToString::to_string).collect()
}

fn update_errors(definition: &Definition, new: Value, old: Value) -> Vec<String> {
    definition.validate_update("v1", &boat(new), &boat(old)).iter().map(ToString::to_string).collect()
}

#[rstest]
#[case(json!({ "type": "integer" }), json!("x"), r#"spec: Invalid value: "string": spec in body must be of type integer: "string""#)]
#[case(json!({ "type": "string" }), Value::Null, r#"spec: Invalid value: "null": spec in body must be of type string: "null""#)]
#[case(json!({ "type": "integer" }), json!(1.5), r#"spec: Invalid value: "number": spec in body must be of type integer: "number""#)]
#[case(json!({ "type": "integer", "minimum": 1 }), json!(0), "spec: Invalid value: 0: spec in body should be greater than or equal to 1")]
#[case(json!({ "type": "integer", "minimum": 1, "exclusiveMinimum": true }), json!(1), "spec: Invalid value: 1: spec in body should be greater than 1")]
#[case(json!({ "type": "integer", "maximum": 1 }), json!(2), "spec: Invalid value: 2: spec in body should be less than or equal to 1")]
#[case(json!({ "type": "number", "multipleOf": 0.5 }), json!(0.7), "spec: Invalid value: 0.7: spec in body should be a multiple of 0.5")]
#[case(json!({ "type": "integer", "format": "int32" }), json!(3_000_000_000_i64), "spec: Invalid value: 3000000000: spec in body must be of type int32: 3000000000")]
#[case(json!({ "type": "string", "enum": ["a", "b"] }), json!("c"), r#"spec: Unsupported value: "c": supported values: "a", "b""#)]
#[case(json!({ "type": "string", "pattern": "^a+$" }), json!("b"), r#"spec: Invalid value: "b": spec in body should match '^a+$'"#)]
#[case(json!({ "type": "string", "minLength": 2 }), json!("b"), r#"spec: Invalid value: "b": spec in body should be at least 2 chars long"#)]
#[case(json!({ "type": "string", "maxLength": 2 }), json!("bbb"), "spec: Too long: may not be more than 2 bytes")]
#[case(json!({ "type": "string", "format": "date-time" }), json!("today"), r#"spec: Invalid value: "today": spec in body must be of type date-time: "today""#)]
#[case(json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }), json!([]), "spec: Invalid value: []: spec in body should have at least 1 items")]
#[case(json!({ "type": "array", "items": { "type": "string" }, "maxItems": 1 }), json!(["a", "b"]), "spec: Too many: 2: must have at most 1 item")]
#[case(json!({ "type": "array", "items": { "type": "integer" } }), json!([1, "b"]), r#"spec[1]: Invalid value: "string": spec[1] in body must be of type integer: "string""#)]
#[case(json!({ "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": 1 }), json!({ "a": "b", "c": "d" }), "spec: Too many: 2: must have at most 1 item")]
#[case(json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } }), json!({}), "spec.a: Required value")]
#[case(json!({ "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" }), json!(["a", "a"]), r#"spec[1]: Duplicate value: "a""#)]
#[case(
    json!({ "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
        "type": "object", "required": ["k"], "properties": { "k": { "type": "string" }, "v": { "type": "integer" } } } }),
    json!([{ "k": "a", "v": 1 }, { "k": "a", "v": 2 }]),
    r#"spec[1]: Duplicate value: {"k":"a"}"#
)]
#[case(json!({ "x-kubernetes-int-or-string": true }), json!(true), r#"spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean""#)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } },
        "oneOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
    json!({ "a": "x", "b": "y" }),
    r#"spec: Invalid value: "object": spec in body must validate one and only one schema (oneOf). Found 2 valid alternatives"#
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "string" } }, "anyOf": [{ "required": ["a"] }] }),
    json!({}),
    r#"spec: Invalid value: "object": spec in body must validate at least one schema (anyOf)"#
)]
#[case(json!({ "type": "integer", "not": { "minimum": 5 } }), json!(7), "spec: Invalid value: 7: spec in body must not validate the schema (not)")]
#[case(json!({ "type": "integer", "allOf": [{ "minimum": 5 }] }), json!(3), "spec: Invalid value: 3: spec in body should be greater than or equal to 5")]
fn an_object_is_refused_for(#[case] schema: Value, #[case] spec: Value, #[case] expected: &str) {
    assert_eq!(errors(&of_spec(schema), spec), [expected]);
}

#[test]
fn what_the_schema_allows_passes() {
    let definition = of_spec(json!({
        "type": "object",
        "properties": {
            "a": { "type": "integer" }, "b": { "type": "string", "nullable": true }, "c": { "x-kubernetes-int-or-string": true },
            "d": { "type": "number" }, "e": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        },
    }));
    let spec = json!({ "a": 1.0, "b": null, "c": "5%", "d": 1, "e": { "x": [1, null] } });
    assert_eq!(errors(&definition, spec), Vec::<String>::new());
}

#[test]
fn defaults_are_set_inside_of_defaults() {
    let definition = of_spec(json!({
        "type": "object",
        "default": {},
        "properties": {
            "replicas": { "type": "integer", "default": 1 },
            "port": { "type": "object", "default": { "number": 80 }, "properties": {
                "number": { "type": "integer" }, "name": { "type": "string", "default": "http" } } },
            "list": { "type": "array", "items": { "type": "object", "properties": { "on": { "type": "boolean", "default": true } } } },
            "free": { "type": "string" },
        },
    }));
    let mut object = json!({ "metadata": { "name": "a" } });
    definition.default("v1", &mut object);
    assert_eq!(object["spec"], json!({ "replicas": 1, "port": { "number": 80, "name": "http" } }));
    let mut object = boat(json!({ "replicas": null, "list": [{}, { "on": false }] }));
    definition.default("v1", &mut object);
    assert_eq!(
        object["spec"],
        json!({ "replicas": 1, "list": [{ "on": true }, { "on": false }], "port": { "number": 80, "name": "http" } })
    );
}

#[test]
fn unknown_fields_go_unless_they_are_kept() {
    let definition = of_spec(json!({
        "type": "object",
        "properties": {
            "known": { "type": "object", "properties": { "a": { "type": "string" } } },
            "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                "inner": { "type": "object", "properties": { "a": { "type": "string" } } } } },
            "embedded": { "type": "object", "x-kubernetes-embedded-resource": true, "properties": {
                "spec": { "type": "object" } } },
            "map": { "type": "object", "additionalProperties": { "type": "object", "properties": { "a": { "type": "string" } } } },
            "list": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "string" } } } },
        },
    }));
    let mut object = boat(json!({
        "known": { "a": "1", "b": "2" },
        "unknown": 1,
        "open": { "anything": { "goes": 1 }, "inner": { "a": "1", "b": "2" } },
        "embedded": { "apiVersion": "v1", "kind": "Pod", "metadata": { "labels": {} }, "other": 1, "spec": {} },
        "map": { "x": { "a": "1", "b": "2" } },
        "list": [{ "a": "1", "b": "2" }],
    }));
    let dropped = definition.prune("v1", &mut object);
    assert_eq!(
        object["spec"],
        json!({
            "known": { "a": "1" },
            "open": { "anything": { "goes": 1 }, "inner": { "a": "1" } },
            "embedded": { "apiVersion": "v1", "kind": "Pod", "metadata": { "labels": {} }, "spec": {} },
            "map": { "x": { "a": "1" } },
            "list": [{ "a": "1" }],
        })
    );
    assert_eq!(
        dropped,
        [
            "spec.unknown",
            "spec.known.b",
            "spec.open.inner.b",
            "spec.embedded.other",
            "spec.map.x.b",
            "spec.list[0].b"
        ]
    );
}

fn ruled(rules: Value) -> Definition {
    of_spec(json!({
        "type": "object",
        "properties": {
            "a": { "type": "integer" },
            "b": { "type": "integer" },
            "name-of": { "type": "string" },
            "at": { "type": "string", "format": "date-time" },
            "list": { "type": "array", "items": { "type": "integer" } },
            "items": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
                "type": "object", "required": ["k"], "properties": { "k": { "type": "string" }, "v": { "type": "integer" } },
                "x-kubernetes-validations": [{ "rule": "self.v >= oldSelf.v", "message": "v may only grow" }] } },
        },
        "x-kubernetes-validations": rules,
    }))
}

#[rstest]
#[case(json!({ "rule": "self.a <= self.b", "message": "a is at most b" }), "spec: Invalid value: a is at most b")]
#[case(json!({ "rule": "self.a <= self.b" }), "spec: Invalid value: failed rule: self.a <= self.b")]
#[case(
    json!({ "rule": "self.a <= self.b", "messageExpression": "'a is ' + string(self.a)", "message": "no" }),
    "spec: Invalid value: a is 3"
)]
#[case(
    json!({ "rule": "self.a <= self.b", "message": "no", "reason": "FieldValueForbidden", "fieldPath": ".a" }),
    "spec.a: Forbidden: no"
)]
#[case(json!({ "rule": "self.a <= self.b", "message": "no", "reason": "FieldValueRequired" }), "spec: Required value: no")]
#[case(json!({ "rule": "!has(self.a)", "message": "no" }), "spec: Invalid value: no")]
#[case(json!({ "rule": "self.list.all(x, x > 1)", "message": "no" }), "spec: Invalid value: no")]
#[case(json!({ "rule": "self.name__dash__of == 'x'", "message": "no" }), "spec: Invalid value: no")]
#[case(json!({ "rule": "self.at < timestamp('2000-01-01T00:00:00Z')", "message": "no" }), "spec: Invalid value: no")]
#[case(json!({ "rule": "cel.bind(n, self.a + 1, n * n < 10)", "message": "no" }), "spec: Invalid value: no")]
#[case(
    json!({ "rule": "self.list[9] == 1", "message": "no" }),
    r#"spec: Invalid value: "object": index out of bounds evaluating rule: no"#
)]
fn a_rule_that_does_not_hold_speaks(#[case] rule: Value, #[case] expected: &str) {
    let spec = json!({ "a": 3, "b": 2, "name-of": "y", "at": "2026-01-01T00:00:00Z", "list": [1, 2] });
    assert_eq!(errors(&ruled(json!([rule])), spec), [expected]);
}

#[rstest]
#[case("self.a <= 3 && self.list.exists(x, x == 2)")]
#[case("!has(self.items) || self.items.size() == 0")]
#[case("self.?missing.orValue(1) == 1 || true")]
#[case("quantity('1Gi').isGreaterThan(quantity('1Mi'))")]
#[case("self.list.map(x, x * 2).filter(x, x > 2) == [4]")]
#[case("type(self.a) == int && type(dyn(self.list)) == list && bool('true')")]
fn a_rule_that_holds_is_silent(#[case] rule: &str) {
    let definition = ruled(json!([{ "rule": rule.replace("self.?missing", "self.?a") }]));
    let spec = json!({ "a": 1, "b": 2, "list": [1, 2] });
    assert_eq!(errors(&definition, spec), Vec::<String>::new());
}

#[test]
fn a_rule_of_the_whole_object_knows_its_name() {
    let definition = compiled(json!({
        "type": "object",
        "properties": { "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
        "x-kubernetes-validations": [
            { "rule": "self.metadata.name.startsWith('b') && self.kind == 'Boat'", "message": "a name begins with b" },
        ],
    }));
    assert_eq!(errors(&definition, json!({})), ["<nil>: Invalid value: a name begins with b"]);
}

#[test]
fn a_rule_about_a_change_is_asked_on_updates_only() {
    let definition = ruled(json!([{ "rule": "self.a >= oldSelf.a", "message": "a may only grow" }]));
    assert_eq!(errors(&definition, json!({ "a": 1 })), Vec::<String>::new());
    assert_eq!(update_errors(&definition, json!({ "a": 2 }), json!({ "a": 1 })), Vec::<String>::new());
    assert_eq!(
        update_errors(&definition, json!({ "a": 0 }), json!({ "a": 1 })),
        ["spec: Invalid value: a may only grow"]
    );
}

#[test]
fn items_of_a_list_with_keys_are_compared_with_what_they_were() {
    let definition = ruled(json!([]));
    let old = json!({ "items": [{ "k": "x", "v": 5 }, { "k": "y", "v": 1 }] });
    let moved = json!({ "items": [{ "k": "y", "v": 1 }, { "k": "x", "v": 5 }, { "k": "z", "v": 0 }] });
    assert_eq!(update_errors(&definition, moved, old.clone()), Vec::<String>::new());
    let shrunk = json!({ "items": [{ "k": "y", "v": 1 }, { "k": "x", "v": 4 }] });
    assert_eq!(update_errors(&definition, shrunk, old), ["spec.items[1]: Invalid value: v may only grow"]);
}

#[test]
fn optional_old_self_is_asked_on_creation_too() {
    let rule = "oldSelf.hasValue() || self.a == 1";
    let definition = ruled(json!([{ "rule": rule, "optionalOldSelf": true, "message": "begin with one" }]));
    assert_eq!(errors(&definition, json!({ "a": 2 })), ["spec: Invalid value: begin with one"]);
    assert_eq!(update_errors(&definition, json!({ "a": 2 }), json!({ "a": 1 })), Vec::<String>::new());
}

#[test]
fn what_did_not_change_is_let_through() {
    let definition = of_spec(json!({
        "type": "object",
        "properties": { "old": { "type": "string", "maxLength": 1 }, "new": { "type": "string" } },
    }));
    assert_eq!(
        update_errors(
            &definition,
            json!({ "old": "long", "new": "b" }),
            json!({ "old": "long", "new": "a" })
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        update_errors(&definition, json!({ "old": "longer" }), json!({ "old": "long" })),
        ["spec.old: Too long: may not be more than 1 byte"]
    );
}

#[test]
fn rules_let_through_what_did_not_change_items_of_lists_without_keys_too() {
    let item = json!({ "type": "integer", "x-kubernetes-validations": [{ "rule": "self > 9", "message": "too few" }] });
    let definition = of_spec(json!({
        "type": "object",
        "properties": {
            "counts": { "type": "array", "items": item },
            "fixed": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                       "x-kubernetes-validations": [{ "rule": "self == oldSelf", "message": "is fixed" }] },
            "note": { "type": "string" },
        },
    }));
    let old = json!({ "counts": [1, 2], "fixed": { "a": 1 }, "note": "a" });
    let noted = json!({ "counts": [1, 2], "fixed": { "a": 1 }, "note": "b" });
    assert_eq!(update_errors(&definition, noted, old.clone()), Vec::<String>::new());
    let changed = json!({ "counts": [1, 12], "fixed": { "a": 2 }, "note": "a" });
    assert_eq!(
        update_errors(&definition, changed, old),
        ["spec.counts[0]: Invalid value: 1: too few", "spec.fixed: Invalid value: is fixed"]
    );
}

#[test]
fn rules_that_would_never_end_are_refused_and_not_run() {
    let rule = "self.list.all(a, self.list.all(b, self.list.all(c, self.list.all(d, a + b + c + d >= 0))))";
    let definition = ruled(json!([{ "rule": rule, "message": "no" }]));
    let list: Vec<i64> = (0..2000).collect();
    let found = errors(&definition, json!({ "list": list }));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("call cost exceeds limit for rule"), "{found:?}");
    assert_eq!(errors(&definition, json!({ "list": [1, 2, 3] })), Vec::<String>::new());
    for rule in
        ["lists.range(1000000000).size() > 0", "self.list.map(a, self.list.map(b, self.list)).size() > 0"]
    {
        let definition = ruled(json!([{ "rule": rule, "message": "no" }]));
        let list: Vec<i64> = (0..2000).collect();
        assert_eq!(errors(&definition, json!({ "list": list })).len(), 1, "{rule}");
    }
}

#[test]
fn versions_columns_and_subresources_are_told() {
    let definition =
        compiled(json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
        "replicas": { "type": "integer" } } } } }));
    let names: Vec<&str> = definition.versions().iter().map(|version| version.name.as_str()).collect();
    assert_eq!(names, ["v1", "v1beta1"]);
    let version = definition.version("v1").unwrap();
    assert!(version.has_status && version.storage && version.scale.is_some());
    assert_eq!(
        definition.version("v1beta1").unwrap().deprecation_warning.as_deref(),
        Some("example.com/v1beta1 Boat is deprecated")
    );
    let object = json!({ "spec": { "replicas": 3 }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    let cells: Vec<Value> = definition.columns("v1").iter().map(|column| column.cell(&object)).collect();
    assert_eq!(cells, [json!("True"), json!(3)]);
    assert_eq!(definition.columns("v1beta1")[0].name, "Age");
    let mut object = boat(json!({}));
    definition.convert(&mut object, "v1beta1");
    assert_eq!(object["apiVersion"], "example.com/v1beta1");
}

fn shipped(file: &str) -> Definition {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds").join(file);
    Definition::compile(&serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

fn node_pool(requirements: Value) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": { "name": "default" },
        "spec": { "template": { "spec": {
            "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
            "requirements": requirements,
        } } },
    })
}

#[test]
fn a_node_pool_is_completed_and_accepted() {
    let definition = shipped("karpenter.sh_nodepools.yaml");
    let mut pool =
        node_pool(json!([{ "key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"] }]));
    definition.default("v1", &mut pool);
    assert_eq!(pool["spec"]["disruption"]["consolidationPolicy"], "WhenEmptyOrUnderutilized");
    assert_eq!(pool["spec"]["template"]["spec"]["expireAfter"], "720h");
    assert_eq!(definition.validate("v1", &pool), []);
}

#[test]
fn a_node_pool_is_refused_by_the_rules_of_its_definition() {
    let definition = shipped("karpenter.sh_nodepools.yaml");
    let wrong = [
        (
            json!([{ "key": "karpenter.sh/nodepool", "operator": "In", "values": ["a"] }]),
            "labels of the domain karpenter.sh are restricted",
        ),
        (json!([{ "key": "a", "operator": "In" }]), "operator In needs at least one value"),
        (json!([{ "key": "a", "operator": "Perhaps", "values": ["b"] }]), "supported values"),
    ];
    for (requirements, expected) in wrong {
        let mut pool = node_pool(requirements);
        definition.default("v1", &mut pool);
        let found: Vec<String> = definition.validate("v1", &pool).iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|error| error.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn a_node_claim_never_changes() {
    let definition = shipped("karpenter.sh_nodeclaims.yaml");
    let claim = |expire: &str| {
        let mut claim = json!({
            "metadata": { "name": "a" },
            "spec": {
                "expireAfter": expire,
                "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                "requirements": [{ "key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"] }],
            },
        });
        definition.default("v1", &mut claim);
        claim
    };
    assert_eq!(definition.validate("v1", &claim("1h")), []);
    assert_eq!(definition.validate_update("v1", &claim("1h"), &claim("1h")), []);
    let found = definition.validate_update("v1", &claim("2h"), &claim("1h"));
    assert_eq!(found[0].to_string(), "spec: Invalid value: the spec of a NodeClaim cannot be changed");
}
