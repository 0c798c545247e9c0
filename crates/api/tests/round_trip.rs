//! A custom resource that is read and written again loses nothing and gains nothing.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use proptest::prelude::*;
use rstest::rstest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use supercargo_api::crd::definitions;
use supercargo_api::duration::NillableDuration;
use supercargo_api::{
    AmiFamily, CapacityBuffer, ConsolidationPolicy, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, Switch,
    TokenUse,
};

fn again<K: DeserializeOwned + Serialize>(value: &Value) -> Value {
    let object: K =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value:#}"));
    serde_json::to_value(object).unwrap()
}

fn again_as(kind: &str, value: &Value) -> Value {
    match kind {
        "NodePool" => again::<NodePool>(value),
        "NodeClaim" => again::<NodeClaim>(value),
        "NodeOverlay" => again::<NodeOverlay>(value),
        "EC2NodeClass" => again::<EC2NodeClass>(value),
        "CapacityBuffer" => again::<CapacityBuffer>(value),
        other => panic!("{other}"),
    }
}

fn pool(spec: Value) -> Value {
    let mut template = json!({"spec": {
        "requirements": [],
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
    }});
    for (key, value) in spec.get("templateSpec").and_then(Value::as_object).cloned().unwrap_or_default() {
        template["spec"][key] = value;
    }
    let mut spec = spec;
    spec.as_object_mut().unwrap().remove("templateSpec");
    spec["template"] = template;
    json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"}, "spec": spec})
}

#[rstest]
#[case::nothing_more_than_needed(json!({}))]
#[case::durations_keep_their_text(json!({"templateSpec": {"expireAfter": "1h60m", "terminationGracePeriod": "0h90m"}}))]
#[case::never(json!({"templateSpec": {"expireAfter": "Never"}, "disruption": {"consolidateAfter": "Never"}}))]
#[case::limits_keep_numbers_and_texts(json!({"limits": {"cpu": 200, "memory": "800Gi", "nodes": "5", "nvidia.com/gpu": "1000m"}}))]
#[case::empty_lists_stay_empty(json!({"templateSpec": {"taints": [], "startupTaints": []}, "disruption": {"consolidateAfter": "0s", "budgets": []}}))]
#[case::values_that_are_absent_or_empty(json!({"templateSpec": {"requirements": [
    {"key": "a", "operator": "Exists"}, {"key": "b", "operator": "NotIn", "values": []}
]}}))]
#[case::a_budget_without_nodes(json!({"disruption": {"consolidateAfter": "30s", "budgets": [{"reasons": ["Empty"]}]}}))]
#[case::defaults_that_are_written_out(json!({"weight": 1, "disruption": {"consolidateAfter": "0s",
    "consolidationPolicy": "WhenEmptyOrUnderutilized", "budgets": [{"nodes": "10%"}]}, "templateSpec": {"expireAfter": "720h"}}))]
fn a_node_pool_is_the_same_again(#[case] spec: Value) {
    let value = pool(spec);
    assert_eq!(again::<NodePool>(&value), value);
}

#[test]
fn the_kubelet_map_stays_open_and_in_order() {
    let kubelet =
        r#"{"zebra":1,"maxPods":110,"alpha":{"b":[1,2.5,null,"x"],"a":true},"clusterDNS":["10.0.0.10"]}"#;
    let mut value = json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {"amiSelectorTerms": [], "subnetSelectorTerms": [], "securityGroupSelectorTerms": []},
    });
    value["spec"]["kubelet"] = serde_json::from_str(kubelet).unwrap();
    let written = again::<EC2NodeClass>(&value);
    assert_eq!(written, value);
    assert_eq!(written["spec"]["kubelet"].to_string(), kubelet);
}

#[test]
fn what_counts_when_nothing_is_said() {
    let pool: NodePool = serde_json::from_value(pool(json!({}))).unwrap();
    let disruption = pool.spec.disruption();
    assert_eq!(pool.spec.weight(), 0, "row N13");
    assert!(!pool.spec.is_static(), "row N14");
    assert_eq!(pool.spec.template.spec.expire_after().as_str(), "720h", "row N7");
    assert_eq!(disruption.consolidation_policy(), ConsolidationPolicy::WhenEmptyOrUnderutilized, "row N9");
    assert_eq!(disruption.consolidate_after.as_nanos(), Some(0), "row N10");
    assert_eq!(
        disruption.budgets().iter().map(|budget| budget.nodes()).collect::<Vec<_>>(),
        ["10%"],
        "row N11"
    );

    let class: EC2NodeClass = serde_json::from_value(json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {},
        "spec": {"amiSelectorTerms": [{"alias": "bottlerocket@v1.20.0"}], "subnetSelectorTerms": [], "securityGroupSelectorTerms": []},
    }))
    .unwrap();
    let metadata = class.spec.metadata_options();
    assert_eq!(class.spec.resolved_ami_family(), AmiFamily::Bottlerocket, "row E8");
    assert_eq!(metadata.http_endpoint, Some(Switch::Enabled), "row E18");
    assert_eq!(metadata.http_protocol_ipv6, Some(Switch::Disabled), "row E18");
    assert_eq!(metadata.http_put_response_hop_limit, Some(1), "row E18");
    assert_eq!(metadata.http_tokens, Some(TokenUse::Required), "row E18");

    let buffer: CapacityBuffer = serde_json::from_value(json!({
        "apiVersion": "autoscaling.x-k8s.io/v1beta1", "kind": "CapacityBuffer", "metadata": {},
        "spec": {"scalableRef": {"kind": "Deployment", "name": "web"}},
    }))
    .unwrap();
    assert_eq!(buffer.spec.provisioning_strategy(), "buffer.x-k8s.io/active-capacity");
    assert_eq!(buffer.spec.scalable_ref.unwrap().api_group(), "apps");
}

#[test]
fn a_named_family_counts_more_than_an_alias() {
    let class: EC2NodeClass = serde_json::from_value(json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {},
        "spec": {"amiFamily": "Custom", "amiSelectorTerms": [{"alias": "al2023@latest"}], "subnetSelectorTerms": [], "securityGroupSelectorTerms": []},
    }))
    .unwrap();
    assert_eq!(class.spec.resolved_ami_family(), AmiFamily::Custom);
    assert_eq!("Never".parse::<NillableDuration>().unwrap().as_nanos(), None);
}

/// A source of choices that shrinks well: a list of numbers, zero when it is used up.
struct Choices(std::vec::IntoIter<u16>);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % count.max(1)
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

/// Texts that match a pattern of our schemas.
fn matching(pattern: &str) -> &'static [&'static str] {
    const TEXTS: [(&str, &[&str]); 17] = [
        ("|Never)$", &["720h", "1h30m", "90s", "0s", "Never"]),
        ("^([0-9]+(s|m|h))+$", &["48h", "1m1m", "007s"]),
        ("(0s)?)$", &["8h", "1h30m", "30m0s"]),
        ("^((100|[0-9]{1,2})%|[0-9]+)$", &["10%", "100%", "0", "5"]),
        ("(@(annually", &["@daily", "0 9 * * mon-fri"]),
        ("[A-Za-z]([A-Za-z0-9_,:]*", &["", "Ready", "A_b:c"]),
        ("(\\/))?([A-Za-z0-9]", &["team", "example.com/team", "karpenter.sh/capacity-type", "A"]),
        ("(\\/))?(([A-Za-z0-9]", &["Ready"]),
        ("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", &["", "a", "spot", "A.b-c_1"]),
        ("6[0-4])T)$", &["1Gi", "59000Gi", "64T"]),
        ("^\\d+(\\.\\d+)?$", &["0", "0.384"]),
        ("-100(", &["+0.5", "-15%", "-100%"]),
        ("^subnet-", &["subnet-1"]),
        ("^sg-", &["sg-1"]),
        ("^ami-", &["ami-1"]),
        ("^cr-", &["cr-1"]),
        ("^pg-", &["pg-1"]),
    ];
    match pattern {
        "^[0-9]{12}$" => &["123456789012"],
        "^[^/]*$" => &["karpenter.k8s.aws"],
        _ => {
            TEXTS
                .iter()
                .find(|(part, _)| pattern.contains(part))
                .unwrap_or_else(|| panic!("no text for {pattern}"))
                .1
        }
    }
}

/// A value that conforms to a schema.
fn conforming(schema: &Value, choices: &mut Choices) -> Value {
    if let Some(possible) = schema["enum"].as_array() {
        return possible[choices.below(possible.len())].clone();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return match choices.below(4) {
            0 => json!(choices.below(1000)),
            1 => json!("1000m"),
            2 => json!("1.5Gi"),
            _ => json!("7"),
        };
    }
    match schema["type"].as_str().unwrap() {
        "boolean" => json!(choices.below(2) == 1),
        "integer" => json!(schema["minimum"].as_i64().unwrap_or(0) + choices.below(3) as i64),
        "string" => match (schema["pattern"].as_str(), schema["format"].as_str()) {
            (Some(pattern), _) => json!(choices.of(matching(pattern))),
            (_, Some("date-time")) => json!("2026-08-20T10:00:00Z"),
            _ => json!(choices.of(&["", "x", "yes", "0123", "é \"quoted\"\n"])),
        },
        "array" => (0..choices.below(3)).map(|_| conforming(&schema["items"], choices)).collect(),
        "object" => {
            let mut fields = Map::new();
            if schema["additionalProperties"].is_object() {
                for _ in 0..choices.below(3) {
                    let key = choices.of(&["a", "team", "example.com/x", "cpu"]).to_owned();
                    fields.insert(key, conforming(&schema["additionalProperties"], choices));
                }
            }
            if schema["x-kubernetes-preserve-unknown-fields"] == true {
                fields.insert("anything".to_owned(), json!({"z": [choices.below(9), null, "x"], "a": false}));
            }
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&name.as_str()) || choices.below(2) == 1 {
                    fields.insert(name.clone(), conforming(inner, choices));
                }
            }
            Value::Object(fields)
        }
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_object_that_conforms_to_its_schema_is_the_same_again(
        kind in 0usize..5,
        choices in prop::collection::vec(any::<u16>(), 0..300),
    ) {
        let definition = &definitions()[kind];
        let mut value = conforming(definition.schema(), &mut Choices(choices.into_iter()));
        value["apiVersion"] = json!(definition.api_version());
        value["kind"] = json!(definition.kind);
        value["metadata"] = json!({"name": "x", "labels": {"a": "b"}, "creationTimestamp": "2026-08-20T10:00:00Z"});
        prop_assert_eq!(again_as(&definition.kind, &value), value);
    }
}

#[test]
fn every_field_of_every_schema_is_a_field_of_its_type() {
    for definition in definitions() {
        // All ones: every optional field is there, every list and map has entries.
        let mut value = conforming(definition.schema(), &mut Choices(vec![1; 5000].into_iter()));
        value["apiVersion"] = json!(definition.api_version());
        value["kind"] = json!(definition.kind);
        value["metadata"] = json!({});
        assert_eq!(again_as(&definition.kind, &value), value, "{}", definition.kind);
        assert!(value.to_string().len() > 300, "{}", definition.kind);
    }
}
