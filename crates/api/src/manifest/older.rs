//! Objects of API versions that are no longer served, or were never ours to read.

use serde_json::{Value, json};

/// What is done with an object of an older version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Older {
    /// It says the same as the current version and is read as that.
    ReadAs {
        /// The current version.
        api_version: &'static str,
        /// Since when the older one is gone.
        gone: &'static str,
    },
    /// It says something else; this is what to do.
    Refused(&'static str),
}

const MIGRATE_POOL: &str = "write a NodePool of karpenter.sh/v1: kubelet moves to the EC2NodeClass, expireAfter to \
                            spec.template.spec, and nodeClassRef takes group and kind";
const MIGRATE_CLASS: &str = "write an EC2NodeClass of karpenter.k8s.aws/v1 with amiSelectorTerms";
const MIGRATE_CLAIM: &str = "NodeClaims of karpenter.sh/v1 are read; the controller converts older ones";
const MIGRATE_PROVISIONER: &str = "write a NodePool of karpenter.sh/v1, and an EC2NodeClass of karpenter.k8s.aws/v1 for its provider settings";

/// What is done with objects of this version and kind, if it is an older one.
pub(super) fn older(api_version: &str, kind: &str) -> Option<Older> {
    let read_as = |api_version, gone| Some(Older::ReadAs { api_version, gone });
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    match (group, version, kind) {
        ("karpenter.sh", _, "Provisioner" | "Machine") => Some(Older::Refused(MIGRATE_PROVISIONER)),
        ("karpenter.sh", version, "NodePool") if version != "v1" => Some(Older::Refused(MIGRATE_POOL)),
        ("karpenter.sh", version, "NodeClaim") if version != "v1" => Some(Older::Refused(MIGRATE_CLAIM)),
        ("karpenter.sh", version, "NodeOverlay") if version != "v1alpha1" => {
            Some(Older::Refused("NodeOverlay is only known as karpenter.sh/v1alpha1"))
        }
        ("karpenter.k8s.aws", _, "AWSNodeTemplate") => Some(Older::Refused(MIGRATE_CLASS)),
        ("karpenter.k8s.aws", version, "EC2NodeClass") if version != "v1" => {
            Some(Older::Refused(MIGRATE_CLASS))
        }
        ("autoscaling.x-k8s.io", "v1alpha1", "CapacityBuffer") => {
            read_as("autoscaling.x-k8s.io/v1beta1", "is replaced by v1beta1")
        }
        ("autoscaling.x-k8s.io", version, "CapacityBuffer") if version != "v1beta1" => {
            Some(Older::Refused("CapacityBuffer is only known as autoscaling.x-k8s.io/v1beta1"))
        }
        ("policy", "v1beta1", "PodDisruptionBudget") => {
            read_as("policy/v1", "was removed in Kubernetes 1.25")
        }
        ("batch", "v1beta1" | "v2alpha1", "CronJob") => read_as("batch/v1", "was removed in Kubernetes 1.25"),
        ("extensions", "v1beta1", "Deployment" | "DaemonSet" | "ReplicaSet")
        | ("apps", "v1beta1" | "v1beta2", "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet") => {
            read_as("apps/v1", "was removed in Kubernetes 1.16")
        }
        ("storage.k8s.io", "v1beta1" | "v1alpha1", "StorageClass" | "CSINode") => {
            read_as("storage.k8s.io/v1", "was removed in Kubernetes 1.22")
        }
        ("scheduling.k8s.io", "v1beta1" | "v1alpha1", "PriorityClass") => {
            read_as("scheduling.k8s.io/v1", "was removed in Kubernetes 1.22")
        }
        _ => None,
    }
}

/// Makes the value of an older version mean the same in the current one.
pub(super) fn modernise(value: &mut Value, from: &str, kind: &str) {
    if from == "policy/v1beta1" && kind == "PodDisruptionBudget" && value["spec"]["selector"] == json!({}) {
        // An empty selector selected nothing then and selects everything now.
        if let Some(spec) = value["spec"].as_object_mut() {
            spec.remove("selector");
        }
    }
    let lacks_selector = value["spec"].get("selector").is_none();
    if kind != "PodDisruptionBudget"
        && (from.starts_with("extensions/") || from == "apps/v1beta1")
        && lacks_selector
    {
        // The selector was taken from the labels of the template.
        let labels = value["spec"]["template"]["metadata"]["labels"].clone();
        if labels.is_object() {
            value["spec"]["selector"] = json!({ "matchLabels": labels });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_selector_of_an_old_budget_selects_nothing() {
        let mut value = json!({"spec": {"minAvailable": 1, "selector": {}}});
        modernise(&mut value, "policy/v1beta1", "PodDisruptionBudget");
        assert_eq!(value, json!({"spec": {"minAvailable": 1}}));
    }

    #[test]
    fn an_old_deployment_selects_the_labels_of_its_template() {
        let mut value = json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}}}});
        modernise(&mut value, "extensions/v1beta1", "Deployment");
        assert_eq!(value["spec"]["selector"], json!({"matchLabels": {"app": "web"}}));
    }

    #[test]
    fn values_of_any_shape_are_left_alone() {
        for mut value in [json!(null), json!([1]), json!({"spec": 5}), json!({"spec": {"template": []}})] {
            modernise(&mut value, "policy/v1beta1", "PodDisruptionBudget");
            modernise(&mut value, "extensions/v1beta1", "Deployment");
        }
    }

    #[test]
    fn current_versions_are_not_older() {
        assert_eq!(older("karpenter.sh/v1", "NodePool"), None);
        assert_eq!(older("v1", "Pod"), None);
        assert_eq!(older("apps/v1", "Deployment"), None);
    }
}
