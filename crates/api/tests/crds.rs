//! The custom resource definitions: golden files, names, printer columns, and the rules Kubernetes has for schemas.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what cannot go on fails the test; sums have no order"
)]

use std::path::Path;

use kube_cel::{CompiledSchema, compile_schema};
use rstest::rstest;
use serde_json::Value;
use supercargo_api::crd::{Definition, definition_of, definitions};

fn of(kind: &str) -> &'static Definition {
    definitions().iter().find(|definition| definition.kind == kind).unwrap()
}

#[test]
fn the_files_in_crds_are_what_the_types_say() {
    for definition in definitions() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds").join(definition.file_name());
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == definition.to_yaml().unwrap(),
            "{} differs: run cargo xtask crds",
            definition.file_name()
        );
    }
}

#[test]
fn the_yaml_text_reads_back_as_the_definition() {
    for definition in definitions() {
        let read: Value = serde_saphyr::from_str(&definition.to_yaml().unwrap()).unwrap();
        assert_eq!(read, definition.resource, "{}", definition.kind);
    }
}

#[rstest]
#[case("NodePool", "karpenter.sh", "v1", "nodepools", "Cluster", &["karpenter"], &[])]
#[case("NodeClaim", "karpenter.sh", "v1", "nodeclaims", "Cluster", &["karpenter"], &[])]
#[case("NodeOverlay", "karpenter.sh", "v1alpha1", "nodeoverlays", "Cluster", &["karpenter"], &["overlays"])]
#[case("EC2NodeClass", "karpenter.k8s.aws", "v1", "ec2nodeclasses", "Cluster", &["karpenter"], &["ec2nc", "ec2ncs"])]
#[case("CapacityBuffer", "autoscaling.x-k8s.io", "v1beta1", "capacitybuffers", "Namespaced", &["autoscaling"], &["cb"])]
fn names_are_those_of_reference_section_1(
    #[case] kind: &str,
    #[case] group: &str,
    #[case] version: &str,
    #[case] plural: &str,
    #[case] scope: &str,
    #[case] categories: &[&str],
    #[case] short_names: &[&str],
) {
    let definition = definition_of(group, kind).unwrap();
    let resource = &definition.resource;
    let names = &resource["spec"]["names"];
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(resource["metadata"]["name"], format!("{plural}.{group}"));
    assert_eq!(definition.api_version(), format!("{group}/{version}"));
    assert_eq!(definition.file_name(), format!("{group}_{plural}.yaml"));
    assert_eq!(resource["spec"]["scope"], scope);
    assert_eq!(definition.namespaced, scope == "Namespaced");
    assert_eq!(names["listKind"], format!("{kind}List"));
    assert_eq!(names["singular"], kind.to_lowercase());
    assert_eq!(texts(&names["categories"]), categories);
    assert_eq!(texts(&names["shortNames"]), short_names);
    assert_eq!(resource["spec"]["versions"][0]["subresources"]["status"], serde_json::json!({}));
}

#[test]
fn only_nodepool_scales_n14_n16() {
    for definition in definitions() {
        let scale = &definition.resource["spec"]["versions"][0]["subresources"]["scale"];
        if definition.kind == "NodePool" {
            assert_eq!(scale["specReplicasPath"], ".spec.replicas");
            assert_eq!(scale["statusReplicasPath"], ".status.nodes");
        } else {
            assert!(scale.is_null(), "{}", definition.kind);
        }
    }
}

#[rstest]
#[case("NodePool", "NodeClass Nodes Ready Age", "Weight CPU Memory")]
#[case("NodeClaim", "Type Capacity Zone Node Ready Age", "ImageID ID NodePool NodeClass Drifted")]
#[case("NodeOverlay", "Ready Age", "Weight")]
#[case("EC2NodeClass", "Ready Age", "Role")]
#[case(
    "CapacityBuffer",
    "Strategy PodTemplate Replicas ConditionsType ConditionsStatus ConditionsReason Age",
    ""
)]
fn printer_columns_are_those_of_reference_section_1(
    #[case] kind: &str,
    #[case] narrow: &str,
    #[case] wide: &str,
) {
    let columns = &of(kind).resource["spec"]["versions"][0]["additionalPrinterColumns"];
    let named = |wide: bool| {
        let of_width = |column: &&Value| (column["priority"] == 1) == wide;
        let names: Vec<&str> = columns
            .as_array()
            .unwrap()
            .iter()
            .filter(of_width)
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        names.join(" ")
    };
    assert_eq!(named(false), narrow);
    assert_eq!(named(true), wide);
}

/// The keys a structural schema node may have here.
const ALLOWED: [&str; 24] = [
    "additionalProperties",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

fn check_structural(path: &str, schema: &Value) {
    let fields = schema.as_object().unwrap_or_else(|| panic!("{path} is no schema: {schema}"));
    for key in fields.keys() {
        assert!(ALLOWED.contains(&key.as_str()), "{path} has {key}");
    }
    let int_or_string = fields.contains_key("x-kubernetes-int-or-string");
    assert_eq!(fields.contains_key("type"), !int_or_string, "{path}: a type, or int-or-string");
    assert_eq!(fields.contains_key("anyOf"), int_or_string, "{path}");
    assert!(
        !(fields.contains_key("properties") && fields.contains_key("additionalProperties")),
        "{path}: properties and additionalProperties exclude each other"
    );
    assert_eq!(
        fields.get("type") == Some(&"array".into()),
        fields.contains_key("items"),
        "{path}: arrays have items"
    );
    if let Some(pattern) = fields.get("pattern") {
        assert!(regex::Regex::new(pattern.as_str().unwrap()).is_ok(), "{path}: {pattern}");
    }
    if let Some(description) = fields.get("description") {
        let description = description.as_str().unwrap();
        assert!(
            !description.contains("(row") && !description.contains("(reference"),
            "{path}: {description}"
        );
        assert!(description.ends_with('.'), "{path}: {description}");
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    for name in fields.get("required").and_then(Value::as_array).into_iter().flatten() {
        assert!(
            properties.unwrap().contains_key(name.as_str().unwrap()),
            "{path}: {name} is required but unknown"
        );
    }
    for (name, inner) in properties.into_iter().flatten() {
        check_structural(&format!("{path}.{name}"), inner);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get(inner) {
            check_structural(&format!("{path}[]"), inner);
        }
    }
}

#[test]
fn schemas_are_structural() {
    for definition in definitions() {
        check_structural(&definition.kind, definition.schema());
    }
}

fn count_rules(path: &str, schema: &CompiledSchema) -> usize {
    let errors = schema.compilation_errors();
    assert!(errors.is_empty(), "{path}: {errors:?}");
    let inner = schema.properties.iter().map(|(name, inner)| (format!("{path}.{name}"), inner));
    let items = schema.items.iter().map(|inner| (format!("{path}[]"), &**inner));
    let values = schema.additional_properties.iter().map(|inner| (format!("{path}{{}}"), &**inner));
    schema.validations.len()
        + inner.chain(items).chain(values).map(|(path, inner)| count_rules(&path, inner)).sum::<usize>()
}

#[rstest]
#[case("NodePool", 19)]
#[case("NodeClaim", 10)]
#[case("NodeOverlay", 7)]
#[case("EC2NodeClass", 42)]
#[case("CapacityBuffer", 2)]
fn every_rule_compiles(#[case] kind: &str, #[case] expected: usize) {
    assert_eq!(count_rules(kind, &compile_schema(of(kind).schema())), expected);
}

#[rstest]
#[case("NodePool", ".spec.template.spec.expireAfter", "\"720h\"")]
#[case("NodePool", ".spec.disruption", r#"{"consolidateAfter":"0s"}"#)]
#[case("NodePool", ".spec.disruption.consolidationPolicy", "\"WhenEmptyOrUnderutilized\"")]
#[case("NodePool", ".spec.disruption.budgets", r#"[{"nodes":"10%"}]"#)]
#[case("NodePool", ".status.nodes", "0")]
#[case("NodeClaim", ".spec.expireAfter", "\"720h\"")]
#[case(
    "EC2NodeClass",
    ".spec.metadataOptions",
    r#"{"httpEndpoint":"enabled","httpProtocolIPv6":"disabled","httpPutResponseHopLimit":1,"httpTokens":"required"}"#
)]
#[case("EC2NodeClass", ".spec.metadataOptions.httpPutResponseHopLimit", "1")]
#[case("CapacityBuffer", ".spec.provisioningStrategy", "\"buffer.x-k8s.io/active-capacity\"")]
fn defaults_stand_in_the_schema(#[case] kind: &str, #[case] path: &str, #[case] default: &str) {
    let mut schema = of(kind).schema();
    for name in path.split('.').skip(1) {
        schema = &schema["properties"][name];
    }
    assert_eq!(schema["default"].to_string(), default);
}
