//! Definitions of custom resources: what is refused, and where.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::custom::{self, Definition};

fn definition(schema: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "boats.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "plural": "boats", "kind": "Boat" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": schema },
            }],
        },
    })
}

fn simple() -> Value {
    definition(json!({ "type": "object", "properties": { "spec": { "type": "object" } } }))
}

fn errors(mut definition: Value) -> Vec<String> {
    custom::default_definition(&mut definition);
    custom::validate_definition(&definition).iter().map(ToString::to_string).collect()
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}

/// The definitions that the project ships.
fn shipped() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

#[test]
fn real_definitions_compile_with_all_their_rules() {
    let shipped = shipped();
    assert_eq!(shipped.len(), 5);
    for definition in shipped {
        let name = definition["metadata"]["name"].clone();
        let compiled = Definition::compile(&definition).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        assert!(!compiled.versions().is_empty());
        assert!(compiled.storage_version().is_some());
    }
}

#[rstest]
#[case("/spec/group", json!(""), "spec.group: Required value")]
#[case("/spec/group", json!("example"), r#"spec.group: Invalid value: "example": should be a domain with at least one dot"#)]
#[case(
    "/metadata/name", json!("boats"), r#"metadata.name: Invalid value: "boats": must be spec.names.plural+"."+spec.group"#
)]
#[case("/spec/scope", json!("World"), r#"spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced""#)]
#[case("/spec/names/kind", json!(""), "spec.names.kind: Required value")]
#[case(
    "/spec/names/listKind", json!("Boat"), r#"spec.names.listKind: Invalid value: "Boat": kind and listKind may not be the same"#
)]
#[case(
    "/spec/versions", json!([]), "spec.versions: Invalid value: []: must have exactly one version marked as storage version"
)]
#[case("/spec/versions/0/schema", json!({}), "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required")]
#[case(
    "/spec/conversion", json!({ "strategy": "Magic" }),
    r#"spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook""#
)]
#[case(
    "/spec/conversion",
    json!({ "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v1"] } }),
    "spec.conversion.webhook.clientConfig: Required value: required when strategy is set to Webhook"
)]
#[case(
    "/spec/conversion",
    json!({ "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v1"], "clientConfig": {} } }),
    "spec.conversion.webhook.clientConfig: Required value: exactly one of url or service is required"
)]
#[case(
    "/spec/conversion",
    json!({ "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v7"], "clientConfig": { "url": "https://a" } } }),
    r#"spec.conversion.webhook.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1"#
)]
#[case(
    "/spec/preserveUnknownFields", json!(true),
    "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true \
     in spec.versions[*].schema instead"
)]
#[case(
    "/spec/versions/0/additionalPrinterColumns", json!([{ "name": "A", "type": "text", "jsonPath": ".spec.a" }]),
    r#"spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string"#
)]
#[case(
    "/spec/versions/0/additionalPrinterColumns", json!([{ "name": "A", "type": "string", "jsonPath": "spec.a" }]),
    r#"spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: "spec.a": must be a simple json path starting with ."#
)]
#[case(
    "/spec/versions/0/subresources", json!({ "scale": { "specReplicasPath": ".status.a", "statusReplicasPath": ".status.a" } }),
    r#"spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec"#
)]
fn a_definition_is_refused_for(#[case] pointer: &str, #[case] value: Value, #[case] expected: &str) {
    let found = errors(with(simple(), pointer, value));
    assert!(found.iter().any(|error| error == expected), "{found:?}");
}

#[test]
fn what_is_right_is_accepted() {
    assert_eq!(errors(simple()), Vec::<String>::new());
}

#[rstest]
#[case(json!({}), ".type: Required value: must not be empty at the root")]
#[case(json!({ "type": "string" }), r#".type: Invalid value: "string": must be object at the root"#)]
#[case(
    json!({ "type": "object", "properties": { "spec": {} } }),
    ".properties[spec].type: Required value: must not be empty for specified object fields"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "array", "items": {} } } }),
    ".properties[a].items.type: Required value: must not be empty for specified array items"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "array" } } }),
    ".properties[a].items: Required value: must be specified"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "string" }, "uniqueItems": true } } }),
    ".properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "object", "properties": { "b": { "type": "string" } },
        "additionalProperties": { "type": "string" } } } }),
    ".properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "text" } } }),
    r#".properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string""#
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "object", "anyOf": [{ "type": "object" }] } } }),
    ".properties[a].anyOf[0].type: Forbidden: must be empty to be structural"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "object", "anyOf": [{ "properties": { "b": {} } }] } } }),
    ".properties[a].properties[b]: Required value: because it is defined in \
     spec.versions[0].schema.openAPIV3Schema.properties[a].anyOf[0].properties[b]"
)]
#[case(
    json!({ "type": "object", "properties": { "metadata": { "type": "object", "properties": { "labels": { "type": "object" } } } } }),
    ".properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly \
     specified"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "integer", "default": "x" } } }),
    ".properties[a].default: Invalid value: \"string\": spec.versions[0].schema.openAPIV3Schema.properties[a].default in body \
     must be of type integer: \"string\""
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "object", "default": { "b": 1 } } } }),
    r#".properties[a].default: Invalid value: {"b":1}: must not have unknown fields"#
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "object" }, "x-kubernetes-list-type": "map" } } }),
    ".properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
)]
#[case(
    json!({ "type": "object", "properties": { "a": { "type": "string", "x-kubernetes-preserve-unknown-fields": false } } }),
    ".properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"
)]
fn a_schema_is_refused_where_it_is_not_structural(#[case] schema: Value, #[case] expected: &str) {
    let expected = format!("spec.versions[0].schema.openAPIV3Schema{expected}");
    let found = errors(definition(schema));
    assert!(found.contains(&expected), "{found:#?}");
}

fn rule(rule: Value) -> Value {
    definition(json!({
        "type": "object",
        "properties": { "spec": {
            "type": "object",
            "properties": { "a": { "type": "integer" }, "inner": { "type": "object", "properties": {
                "b": { "type": "integer" } } }, "list": { "type": "array", "items": {
                "type": "object", "properties": { "b": { "type": "integer" } },
                "x-kubernetes-validations": [{ "rule": "self.b > 0" }],
            } } },
            "x-kubernetes-validations": [rule],
        } },
    }))
}

#[rstest]
#[case(json!({}), ".rule: Required value: rule is not specified")]
#[case(
    json!({ "rule": "object.a > 0" }),
    ".rule: Invalid value: \"object.a > 0\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'object' (in \
     container '')"
)]
#[case(
    json!({ "rule": "self.b > 0" }),
    ".rule: Invalid value: \"self.b > 0\": compilation failed: ERROR: <input>:1:5: undefined field 'b'"
)]
#[case(
    json!({ "rule": "self.list.sortBy(x, x.b).size() > 0" }),
    ".rule: Invalid value: \"self.list.sortBy(x, x.b).size() > 0\": compilation failed: ERROR: <input>:1:1: undeclared reference \
     to 'sortBy' (in container '')"
)]
#[case(
    json!({ "rule": "!has(self.inner.c) || self.inner.b > self.a" }),
    ".rule: Invalid value: \"!has(self.inner.c) || self.inner.b > self.a\": compilation failed: ERROR: <input>:1:5: undefined \
     field 'c'"
)]
#[case(
    json!({ "rule": "self.a > 0", "message": "a\nb" }),
    ".message: Invalid value: \"a\\nb\": message must not contain line breaks"
)]
#[case(
    json!({ "rule": "self.a > 0", "reason": "Because" }),
    ".reason: Unsupported value: \"Because\": supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \
     \"FieldValueInvalid\", \"FieldValueRequired\""
)]
#[case(
    json!({ "rule": "self.a > 0", "fieldPath": ".c" }),
    ".fieldPath: Invalid value: \".c\": fieldPath must be a valid path: does not refer to a valid field"
)]
#[case(
    json!({ "rule": "self.a > 0", "optionalOldSelf": true }),
    ".optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule"
)]
fn a_rule_is_refused_at_its_path(#[case] given: Value, #[case] expected: &str) {
    let at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]";
    assert_eq!(errors(rule(given)), [format!("{at}{expected}")]);
}

#[test]
fn a_rule_that_is_no_expression_is_refused() {
    let found = errors(rule(json!({ "rule": "self.a >" })));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains(".rule: Invalid value: \"self.a >\": compilation failed: ERROR: "),
        "{found:?}"
    );
}

#[test]
fn a_rule_about_the_past_needs_a_place_that_is_found_again() {
    let schema = json!({
        "type": "object",
        "properties": { "list": { "type": "array", "items": {
            "type": "string", "x-kubernetes-validations": [{ "rule": "self == oldSelf" }],
        } } },
    });
    let found = errors(definition(schema));
    let at = "spec.versions[0].schema.openAPIV3Schema.properties[list].items";
    assert_eq!(
        found,
        [format!(
            "{at}.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the \
             uncorrelatable portion of the schema within {at}"
        )]
    );
}

#[test]
fn an_established_definition_keeps_its_names() {
    let mut old = simple();
    custom::default_definition(&mut old);
    old["status"] = custom::status_of_definition(&old, &[], Timestamp::UNIX_EPOCH);
    let new = with(old.clone(), "/spec/names/kind", json!("Ship"));
    let new = with(new, "/spec/scope", json!("Cluster"));
    let found: Vec<String> =
        custom::validate_definition_update(&new, &old).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            r#"spec.scope: Invalid value: "Cluster": field is immutable"#,
            r#"spec.names.kind: Invalid value: "Ship": field is immutable"#,
        ]
    );
}

#[test]
fn names_are_accepted_once() {
    let mut first = simple();
    custom::default_definition(&mut first);
    let status = custom::status_of_definition(&first, &[], Timestamp::UNIX_EPOCH);
    assert_eq!(status["conditions"][0]["reason"], "NoConflicts");
    assert_eq!(
        status["conditions"][1],
        json!({
            "type": "Established", "status": "True", "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted", "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    );
    assert_eq!(status["acceptedNames"]["listKind"], "BoatList");
    assert_eq!(status["storedVersions"], json!(["v1"]));
    first["status"] = status.clone();

    let later = Timestamp::from_second(60).unwrap();
    assert_eq!(custom::status_of_definition(&first, &[], later), status, "times stay while nothing changes");

    let mut second = with(first.clone(), "/metadata/name", json!("ships.example.com"));
    second["spec"]["names"] =
        json!({ "plural": "ships", "singular": "ship", "kind": "Boat", "listKind": "ShipList" });
    second["status"] = custom::first_status(&second);
    let status = custom::status_of_definition(&second, &[&first], later);
    assert_eq!(status["conditions"][0]["reason"], "KindConflict");
    assert_eq!(status["conditions"][0]["message"], "\"Boat\" is already in use");
    assert_eq!(status["conditions"][1]["reason"], "NotAccepted");
}

#[test]
fn endless_schemas_are_refused_and_do_no_harm() {
    let mut schema = json!({ "type": "string" });
    for _ in 0..60 {
        schema = json!({ "type": "object", "properties": { "a": schema } });
    }
    assert_eq!(errors(definition(schema.clone())), Vec::<String>::new());
    for _ in 0..50 {
        schema = json!({ "type": "object", "properties": { "a": schema } });
    }
    let found = errors(definition(schema));
    assert!(found[0].ends_with("schemas may be nested 64 levels deep at most"), "{found:?}");
}
