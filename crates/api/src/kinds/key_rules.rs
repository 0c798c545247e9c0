//! Which label keys a NodePool, NodeClaim or NodeOverlay may set or require, as CEL rules (rows N2 and N4).
//!
//! Karpenter's own domains are closed but for the labels a user may mean: `karpenter.sh/capacity-type` and the
//! instance labels of `karpenter.k8s.aws`. The host name is never a choice.

use serde_json::Value;

use crate::labels::{
    CAPACITY_RESERVATION_ID, CAPACITY_RESERVATION_INTERRUPTIBLE, CAPACITY_RESERVATION_TYPE, CAPACITY_TYPE,
    EC2_NODE_CLASS, HOSTNAME, INSTANCE_TENANCY, KARPENTER_AWS_GROUP, KARPENTER_GROUP, NODEPOOL,
    PLACEMENT_GROUP_ID, PLACEMENT_GROUP_PARTITION, WELL_KNOWN_LABELS, domain,
};

use super::schema_words::rules;

/// The instance labels that an overlay cannot tell apart (reference section 1.3).
const NOT_FOR_OVERLAYS: [&str; 6] = [
    CAPACITY_RESERVATION_ID,
    CAPACITY_RESERVATION_INTERRUPTIBLE,
    CAPACITY_RESERVATION_TYPE,
    INSTANCE_TENANCY,
    PLACEMENT_GROUP_ID,
    PLACEMENT_GROUP_PARTITION,
];

/// Who names the key: each may say a little more or less.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// The labels of a NodePool's template, a map.
    TemplateLabels,
    /// A requirement of a NodePool.
    NodePoolRequirement,
    /// A requirement of a NodeClaim.
    NodeClaimRequirement,
    /// A requirement of a NodeOverlay.
    OverlayRequirement,
}

/// The rules for keys in this use; on a map they hold for every key of it.
pub(crate) fn key_rules(key_use: KeyUse) -> Value {
    let of_a_pool = matches!(key_use, KeyUse::TemplateLabels | KeyUse::NodePoolRequirement);
    let mut own = vec![CAPACITY_TYPE];
    if !of_a_pool {
        own.push(NODEPOOL);
    }
    let mut aws: Vec<&str> = WELL_KNOWN_LABELS
        .into_iter()
        .filter(|key| domain(key) == KARPENTER_AWS_GROUP)
        .filter(|key| key_use != KeyUse::OverlayRequirement || !NOT_FOR_OVERLAYS.contains(key))
        .collect();
    if !of_a_pool {
        aws.push(EC2_NODE_CLASS);
    }

    let (subject, prefix, suffix) = match key_use {
        KeyUse::TemplateLabels => ("x", "self.all(x, ", ")"),
        _ => ("self", "", ""),
    };
    let only = |group: &str, allowed: &[&str]| {
        format!(
            "{prefix}{subject} in ['{}'] || !{subject}.contains('{group}/'){suffix}",
            allowed.join("', '")
        )
    };
    rules(&[
        (
            only(KARPENTER_GROUP, &own),
            format!(
                "labels of the domain {KARPENTER_GROUP} are restricted; allowed here: {}",
                own.join(", ")
            ),
        ),
        (
            only(KARPENTER_AWS_GROUP, &aws),
            match key_use {
                KeyUse::OverlayRequirement => format!(
                    "labels of the domain {KARPENTER_AWS_GROUP} are restricted to the instance labels an overlay can \
                     choose by"
                ),
                _ => format!(
                    "labels of the domain {KARPENTER_AWS_GROUP} are restricted to the known instance labels"
                ),
            },
        ),
        (
            format!("{prefix}{subject} != '{HOSTNAME}'{suffix}"),
            format!("label {HOSTNAME} is restricted: it is different on every node"),
        ),
    ])
}
