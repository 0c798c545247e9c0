//! The digest by which a change of an EC2NodeClass makes its nodes drift (reference sections 1.4 and 4.7).

use serde_json::{Value, json};
use supercargo_api::EC2NodeClass;

use crate::digest::digest;

/// Fields whose change is noticed otherwise, by what they find; and those that do not concern running nodes.
const NOT_HASHED: [&str; 7] = [
    "amiFamily",
    "amiSelectorTerms",
    "capacityReservationSelectorTerms",
    "ipPrefixCount",
    "kubelet",
    "securityGroupSelectorTerms",
    "subnetSelectorTerms",
];

/// The digest of a class: its spec without what its selectors find, with the family that counts, the cluster's
/// certificate authority and the kubelet's configuration.
pub fn hash(node_class: &EC2NodeClass, ca_bundle: Option<&str>) -> String {
    // the types have string keys and no failing serializers
    let mut spec = serde_json::to_value(&node_class.spec).unwrap_or(Value::Null);
    if let Some(fields) = spec.as_object_mut() {
        for field in NOT_HASHED {
            fields.remove(field);
        }
        let options = node_class.spec.metadata_options();
        fields.insert("metadataOptions".to_owned(), serde_json::to_value(options).unwrap_or(Value::Null));
    }
    digest(&json!({
        "spec": spec,
        "family": node_class.spec.resolved_ami_family(),
        "caBundle": ca_bundle,
        "kubelet": node_class.spec.kubelet,
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn class(change: Value) -> EC2NodeClass {
        let mut value = json!({
            "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
            "spec": {
                "role": "node",
                "amiSelectorTerms": [{"alias": "al2023@latest"}],
                "subnetSelectorTerms": [{"tags": {"a": "b"}}],
                "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
            },
        });
        for (name, field) in change.as_object().unwrap() {
            value["spec"][name] = field.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    #[rstest]
    #[case::images(json!({"amiSelectorTerms": [{"alias": "al2023@v20260819"}]}))]
    #[case::subnets(json!({"subnetSelectorTerms": [{"id": "subnet-1"}]}))]
    #[case::security_groups(json!({"securityGroupSelectorTerms": [{"id": "sg-1"}]}))]
    #[case::reservations(json!({"capacityReservationSelectorTerms": [{"id": "cr-1"}]}))]
    #[case::prefixes(json!({"ipPrefixCount": 2}))]
    #[case::a_family_that_the_alias_means(json!({"amiFamily": "AL2023"}))]
    #[case::defaults_that_are_spelled_out(json!({"metadataOptions": {"httpEndpoint": "enabled",
        "httpProtocolIPv6": "disabled", "httpPutResponseHopLimit": 1, "httpTokens": "required"}}))]
    #[case::an_empty_map(json!({"tags": {}}))]
    fn nodes_stay_when_this_changes(#[case] change: Value) {
        assert_eq!(hash(&class(change), None), hash(&class(json!({})), None));
    }

    #[rstest]
    #[case::role(json!({"role": "other"}))]
    #[case::user_data(json!({"userData": "echo"}))]
    #[case::tags(json!({"tags": {"team": "a"}}))]
    #[case::family(json!({"amiFamily": "Custom"}))]
    #[case::kubelet(json!({"kubelet": {"maxPods": 20}}))]
    #[case::metadata(json!({"metadataOptions": {"httpPutResponseHopLimit": 2}}))]
    #[case::monitoring(json!({"detailedMonitoring": true}))]
    #[case::placement_group(json!({"placementGroupSelector": {"id": "pg-1"}}))]
    fn nodes_drift_when_this_changes(#[case] change: Value) {
        assert_ne!(hash(&class(change), None), hash(&class(json!({})), None));
    }

    #[test]
    fn nodes_drift_when_the_certificate_authority_changes() {
        assert_ne!(hash(&class(json!({})), Some("a")), hash(&class(json!({})), Some("b")));
    }
}
