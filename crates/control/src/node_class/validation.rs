//! Whether a class can be used once everything it names is found (reference section 5.6).

use std::collections::BTreeMap;

use supercargo_api::condition_reasons::node_class as reasons;
use supercargo_api::{AmiFamily, ConditionStatus, EC2NodeClass, RuntimeProblem};
use supercargo_cloud::Cluster;

use super::found::Rehearsal;
use crate::conditions::Finding;

/// Keys of tags that are set by the controllers (row E12).
const OWN_TAGS: [&str; 4] = [
    "eks:eks-cluster-name",
    "karpenter.sh/nodepool",
    "karpenter.sh/nodeclaim",
    "karpenter.k8s.aws/ec2nodeclass",
];

/// Whether the class is valid, given whether what it depends on was found.
pub(super) fn validate(
    node_class: &EC2NodeClass,
    dependencies: &[ConditionStatus],
    cluster: &Cluster,
    rehearsal: Option<&Rehearsal>,
) -> Finding {
    let waiting = "awaiting images, instance profile, security groups and subnets";
    if dependencies.contains(&ConditionStatus::False) {
        return Finding::fails(reasons::DEPENDENCIES_NOT_READY, waiting);
    }
    if dependencies.contains(&ConditionStatus::Unknown) {
        return Finding::unknown(reasons::DEPENDENCIES_NOT_READY, waiting);
    }
    if node_class.spec.resolved_ami_family() == AmiFamily::AL2023 && cluster.service_cidr.is_none() {
        let message =
            "the range of the cluster's service addresses is not known, and AL2023 nodes need it to join";
        return Finding::fails(reasons::CLUSTER_CIDR_RESOLUTION_FAILED, message);
    }
    if let Some(problem) = node_class.runtime_problems().first() {
        return Finding::fails(reason_of(problem), problem.to_string());
    }
    if let Some(finding) = node_class.spec.tags.as_ref().and_then(check_tags) {
        return finding;
    }
    match rehearsal {
        Some(Rehearsal::TemplateRefused(message)) => {
            Finding::fails(reasons::CREATE_LAUNCH_TEMPLATE_AUTH_CHECK_FAILED, message)
        }
        Some(Rehearsal::FleetRefused(message)) => {
            Finding::fails(reasons::CREATE_FLEET_AUTH_CHECK_FAILED, message)
        }
        Some(Rehearsal::Permitted | Rehearsal::Unclear) | None => Finding::holds(),
    }
}

fn reason_of(problem: &RuntimeProblem) -> &'static str {
    if problem.rule.as_deref() == Some("user-data-size") {
        return reasons::USER_DATA_SIZE_LIMIT_EXCEEDED;
    }
    if problem.text.starts_with("family ") || problem.text.starts_with("Bottlerocket ") {
        return reasons::UNSUPPORTED_KUBELET_CONFIGURATION;
    }
    reasons::INVALID_KUBELET_CONFIGURATION
}

fn check_tags(tags: &BTreeMap<String, String>) -> Option<Finding> {
    let is_forbidden = |key: &&String| {
        key.is_empty() || key.starts_with("kubernetes.io/cluster") || OWN_TAGS.contains(&key.as_str())
    };
    let key = tags.keys().find(is_forbidden)?;
    Some(Finding::fails(
        reasons::TAG_VALIDATION_FAILED,
        format!("spec.tags: {key:?} is set by the controllers and cannot be set here"),
    ))
}
