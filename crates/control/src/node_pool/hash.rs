//! The digest by which a change of a NodePool's template makes its nodes drift (reference section 4.7).

use serde_json::json;
use supercargo_api::NodePool;

use crate::digest::digest;

/// The digest of a NodePool: labels, annotations, taints, startup taints, class, expireAfter and terminationGracePeriod of
/// its template. Requirements, limits, weight and budgets are not in it.
pub fn hash(node_pool: &NodePool) -> String {
    let template = &node_pool.spec.template;
    let spec = &template.spec;
    // "Never" is no duration, and neither is it the 720h that count if nothing is said
    let expire_after =
        spec.expire_after().as_nanos().map_or_else(|| "Never".to_owned(), |nanos| nanos.to_string());
    let grace = spec.termination_grace_period.as_ref().map(|period| period.as_nanos().to_string());
    digest(&json!({
        "labels": template.labels(),
        "annotations": template.annotations(),
        "taints": spec.taints(),
        "startupTaints": spec.startup_taints(),
        "nodeClassRef": spec.node_class_ref,
        "expireAfter": expire_after,
        "terminationGracePeriod": grace,
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pool(path: &str, value: Value) -> NodePool {
        let mut manifest = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "default"},
            "spec": {"template": {"metadata": {"labels": {"team": "a"}}, "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": [],
            }}},
        });
        let mut place = &mut manifest;
        for step in path.split('.') {
            place = &mut place[step];
        }
        *place = value;
        serde_json::from_value(manifest).unwrap()
    }

    #[rstest]
    #[case::requirements("spec.template.spec.requirements", json!([{"key": "a", "operator": "Exists"}]))]
    #[case::limits("spec.limits", json!({"cpu": 1}))]
    #[case::weight("spec.weight", json!(3))]
    #[case::budgets("spec.disruption", json!({"consolidateAfter": "1m", "budgets": [{"nodes": "1"}]}))]
    #[case::the_default_spelled_out("spec.template.spec.expireAfter", json!("720h"))]
    #[case::the_default_in_other_words("spec.template.spec.expireAfter", json!("43200m"))]
    #[case::an_empty_list("spec.template.spec.taints", json!([]))]
    fn nodes_stay_when_this_changes(#[case] path: &str, #[case] value: Value) {
        assert_eq!(hash(&pool(path, value)), hash(&pool("spec.template.spec.requirements", json!([]))));
    }

    #[rstest]
    #[case::labels("spec.template.metadata.labels", json!({"team": "b"}))]
    #[case::annotations("spec.template.metadata.annotations", json!({"team": "a"}))]
    #[case::taints("spec.template.spec.taints", json!([{"key": "a", "effect": "NoSchedule"}]))]
    #[case::startup_taints("spec.template.spec.startupTaints", json!([{"key": "a", "effect": "NoSchedule"}]))]
    #[case::class("spec.template.spec.nodeClassRef", json!({"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "other"}))]
    #[case::expiry("spec.template.spec.expireAfter", json!("1h"))]
    #[case::no_expiry("spec.template.spec.expireAfter", json!("Never"))]
    #[case::grace("spec.template.spec.terminationGracePeriod", json!("1h"))]
    fn nodes_drift_when_this_changes(#[case] path: &str, #[case] value: Value) {
        assert_ne!(hash(&pool(path, value)), hash(&pool("spec.template.spec.requirements", json!([]))));
    }
}
