//! What the controllers may do in the cluster: what they do, and nothing else.

use serde_json::{Value, json};

/// The rules of the ClusterRole.
pub fn cluster_role_rules() -> Value {
    let read = json!(["get", "list", "watch"]);
    json!([
        rule("karpenter.sh", &["nodepools", "nodeclaims", "nodeoverlays"], &read),
        rule("karpenter.sh", &["nodeclaims"], &json!(["create", "delete", "update", "patch"])),
        rule("karpenter.sh", &["nodepools"], &json!(["update", "patch"])),
        rule(
            "karpenter.sh",
            &["nodepools/status", "nodeclaims/status", "nodeoverlays/status"],
            &json!(["update", "patch"])
        ),
        rule("karpenter.k8s.aws", &["ec2nodeclasses"], &json!(["get", "list", "watch", "update", "patch"])),
        rule("karpenter.k8s.aws", &["ec2nodeclasses/status"], &json!(["update", "patch"])),
        rule("autoscaling.x-k8s.io", &["capacitybuffers"], &read),
        rule("autoscaling.x-k8s.io", &["capacitybuffers/status"], &json!(["update", "patch"])),
        rule(
            "",
            &[
                "pods",
                "nodes",
                "persistentvolumes",
                "persistentvolumeclaims",
                "replicationcontrollers",
                "namespaces",
                "podtemplates"
            ],
            &read
        ),
        rule("", &["nodes"], &json!(["create", "update", "patch", "delete"])),
        rule("", &["pods"], &json!(["delete"])),
        rule("", &["pods/eviction"], &json!(["create"])),
        rule("", &["events"], &json!(["create", "patch", "delete"])),
        rule("storage.k8s.io", &["storageclasses", "csinodes", "volumeattachments"], &read),
        rule(
            "apps",
            &["deployments", "daemonsets", "replicasets", "statefulsets", "controllerrevisions"],
            &read
        ),
        rule("batch", &["jobs", "cronjobs"], &read),
        rule("policy", &["poddisruptionbudgets"], &read),
        rule("scheduling.k8s.io", &["priorityclasses"], &read),
        // to see the leases of other autoscalers, and of nodes
        rule("coordination.k8s.io", &["leases"], &read),
        rule("apiextensions.k8s.io", &["customresourcedefinitions"], &read),
    ])
}

/// The rules of the ClusterRole of those who measure what a cluster costs, beside [`cluster_role_rules`]: only to read.
///
/// `nodes/proxy` is the way to the kubelets' summaries, and to all else that kubelets answer to a GET. Where it is taken away
/// the metrics API is asked, which knows neither traffic nor volumes.
pub fn cost_rules() -> Value {
    let read = json!(["get", "list", "watch"]);
    json!([
        rule("", &["nodes", "pods", "namespaces", "services", "persistentvolumes"], &read),
        rule("", &["nodes/proxy"], &json!(["get"])),
        rule("karpenter.sh", &["nodeclaims"], &read),
        rule("metrics.k8s.io", &["nodes", "pods"], &json!(["get", "list"])),
        rule("storage.k8s.io", &["storageclasses"], &read),
        rule("apps", &["deployments", "daemonsets", "replicasets", "statefulsets"], &read),
        rule("batch", &["jobs", "cronjobs"], &read),
    ])
}

/// The rules of the Role in the namespace of the controllers: the lease.
pub fn role_rules() -> Value {
    json!([rule(
        "coordination.k8s.io",
        &["leases"],
        &json!(["get", "list", "watch", "create", "update", "patch"])
    )])
}

fn rule(group: &str, resources: &[&str], verbs: &Value) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use supercargo_reconcile::Kind;

    use super::*;
    use crate::controllers::parts;
    use crate::election::Guard;
    use crate::metrics::Watcher;
    use crate::settings::Settings;
    use crate::stage::knowledge;

    #[test]
    fn whatever_is_watched_may_be_read() {
        let known = knowledge(Settings::default());
        let mut parts = parts(&known, 1);
        parts.push(Box::new(Guard::new(Arc::clone(&known))));
        parts.push(Box::new(Watcher::new(known)));
        let kinds: BTreeSet<Kind> = parts.iter().flat_map(|part| part.kinds()).copied().collect();
        assert!(kinds.len() > 10, "{kinds:?}");
        let rules = cluster_role_rules();
        for kind in kinds {
            let place = kind.place();
            let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|item| item == word);
            let allowed = rules.as_array().unwrap().iter().any(|rule| {
                has(&rule["apiGroups"], place.group)
                    && has(&rule["resources"], place.plural)
                    && has(&rule["verbs"], "list")
                    && has(&rule["verbs"], "watch")
            });
            assert!(allowed, "{} cannot be read, so the controllers would never start", kind.name());
        }
    }
}
