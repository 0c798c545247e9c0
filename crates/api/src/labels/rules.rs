//! Which label keys mean the same, which the autoscaler knows by itself, and which nobody may set on a NodePool
//! (reference section 1.7, rows N2 and N4).

use super::keys;

/// Old keys and the key each stands for (reference section 1.7).
pub const LABEL_ALIASES: [(&str, &str); 6] = [
    (keys::BETA_ARCH, keys::ARCH),
    (keys::BETA_INSTANCE_TYPE, keys::INSTANCE_TYPE),
    (keys::BETA_OS, keys::OS),
    (keys::BETA_REGION, keys::REGION),
    (keys::BETA_ZONE, keys::ZONE),
    (keys::EBS_CSI_ZONE, keys::ZONE),
];

/// Every label whose values the autoscaler knows by itself, so that a NodePool need not define it. In order.
pub const WELL_KNOWN_LABELS: [&str; 37] = [
    keys::CAPACITY_RESERVATION_ID,
    keys::CAPACITY_RESERVATION_INTERRUPTIBLE,
    keys::CAPACITY_RESERVATION_TYPE,
    keys::INSTANCE_ACCELERATOR_COUNT,
    keys::INSTANCE_ACCELERATOR_MANUFACTURER,
    keys::INSTANCE_ACCELERATOR_NAME,
    keys::INSTANCE_CAPABILITY_FLEX,
    keys::INSTANCE_CATEGORY,
    keys::INSTANCE_CPU,
    keys::INSTANCE_CPU_MANUFACTURER,
    keys::INSTANCE_CPU_CLOCK_SPEED,
    keys::INSTANCE_EBS_BANDWIDTH,
    keys::INSTANCE_ENCRYPTION_IN_TRANSIT,
    keys::INSTANCE_FAMILY,
    keys::INSTANCE_GENERATION,
    keys::INSTANCE_GPU_COUNT,
    keys::INSTANCE_GPU_MANUFACTURER,
    keys::INSTANCE_GPU_MEMORY,
    keys::INSTANCE_GPU_NAME,
    keys::INSTANCE_HYPERVISOR,
    keys::INSTANCE_LOCAL_NVME,
    keys::INSTANCE_MEMORY,
    keys::INSTANCE_NETWORK_BANDWIDTH,
    keys::INSTANCE_SIZE,
    keys::INSTANCE_TENANCY,
    keys::NITRO_SANDBOX,
    keys::PLACEMENT_GROUP_ID,
    keys::PLACEMENT_GROUP_PARTITION,
    keys::CAPACITY_TYPE,
    keys::NODEPOOL,
    keys::ARCH,
    keys::OS,
    keys::INSTANCE_TYPE,
    keys::WINDOWS_BUILD,
    keys::ZONE_ID,
    keys::REGION,
    keys::ZONE,
];

/// The values of [`keys::CAPACITY_TYPE`].
const CAPACITY_TYPES: [&str; 3] =
    [keys::CAPACITY_TYPE_ON_DEMAND, keys::CAPACITY_TYPE_SPOT, keys::CAPACITY_TYPE_RESERVED];
/// The values of [`keys::INSTANCE_TENANCY`].
const TENANCIES: [&str; 2] = [keys::TENANCY_DEFAULT, keys::TENANCY_DEDICATED];

/// The key that an alias stands for; any other key unchanged (reference section 1.7).
pub fn normalize_label(key: &str) -> &str {
    LABEL_ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, meant)| meant)
}

/// Whether the autoscaler knows the values of this label by itself. Aliases are not well known; normalise them first.
pub fn is_well_known(key: &str) -> bool {
    WELL_KNOWN_LABELS.binary_search(&key).is_ok()
}

/// Whether a label tells where in a placement group a node is. Neither its type nor its offering decides that.
pub fn is_of_placement(key: &str) -> bool {
    matches!(key, keys::PLACEMENT_GROUP_ID | keys::PLACEMENT_GROUP_PARTITION)
}

/// The only values a label can have, if they are fixed (reference row N4).
pub fn known_values(key: &str) -> Option<&'static [&'static str]> {
    match key {
        keys::CAPACITY_TYPE => Some(&CAPACITY_TYPES),
        keys::INSTANCE_TENANCY => Some(&TENANCIES),
        _ => None,
    }
}

/// Why a label key may not be set or required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LabelRestriction {
    /// The NodePool label is set by the autoscaler.
    #[error("label karpenter.sh/nodepool is set by the autoscaler itself; leave it out")]
    NodePool,
    /// The hostname is different on every node.
    #[error("label kubernetes.io/hostname is different on every node; use a topology label instead")]
    Hostname,
    /// Reserved domain `karpenter.sh`.
    #[error(
        "label domain karpenter.sh is restricted; of its labels only karpenter.sh/capacity-type may be used here, \
         or take a label in a domain of your own"
    )]
    KarpenterDomain,
    /// Reserved domain `karpenter.k8s.aws`.
    #[error(
        "label domain karpenter.k8s.aws is restricted to its well-known labels, such as \
         karpenter.k8s.aws/instance-category; use one of those or a label in a domain of your own"
    )]
    KarpenterAwsDomain,
}

/// Why a NodePool may not set or require a label (reference rows N2 and N4); nothing if it may.
pub fn is_restricted_label(key: &str) -> Option<LabelRestriction> {
    if key == keys::NODEPOOL {
        return Some(LabelRestriction::NodePool);
    }
    if is_well_known(key) {
        return None;
    }
    if key == keys::HOSTNAME {
        return Some(LabelRestriction::Hostname);
    }
    let domain = domain(key);
    if domain.ends_with(keys::KARPENTER_GROUP) {
        return Some(LabelRestriction::KarpenterDomain);
    }
    if domain.ends_with(keys::KARPENTER_AWS_GROUP) {
        return Some(LabelRestriction::KarpenterAwsDomain);
    }
    None
}

/// Why a NodeClaim or a pod may not require a label (reference sections 1.2 and 2.2): as on a NodePool, but the
/// NodePool and NodeClass labels, which every node carries, are allowed.
pub fn is_restricted_for_node_claim(key: &str) -> Option<LabelRestriction> {
    match key {
        keys::NODEPOOL | keys::EC2_NODE_CLASS => None,
        _ => is_restricted_label(key),
    }
}

/// What stands before the slash; empty if there is none.
pub fn domain(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn well_known_labels_are_in_order_so_that_they_can_be_searched() {
        assert!(WELL_KNOWN_LABELS.is_sorted_by(|before, after| before < after));
        assert!(WELL_KNOWN_LABELS.iter().all(|key| is_well_known(key)));
        assert!(!is_well_known(keys::HOSTNAME));
        assert!(!is_well_known(keys::EC2_NODE_CLASS));
        assert!(!is_well_known("karpenter.k8s.aws/instance-pods"), "reference section 9.1");
    }

    #[rstest]
    #[case::a_well_known_instance_label(keys::INSTANCE_CATEGORY, None)]
    #[case::capacity_type(keys::CAPACITY_TYPE, None)]
    #[case::the_nodepool_label(keys::NODEPOOL, Some(LabelRestriction::NodePool))]
    #[case::the_hostname(keys::HOSTNAME, Some(LabelRestriction::Hostname))]
    #[case::a_lifecycle_label(keys::INITIALIZED, Some(LabelRestriction::KarpenterDomain))]
    #[case::an_invented_karpenter_label("karpenter.sh/team", Some(LabelRestriction::KarpenterDomain))]
    #[case::a_subdomain("x.karpenter.sh/team", Some(LabelRestriction::KarpenterDomain))]
    #[case::an_invented_aws_label("karpenter.k8s.aws/team", Some(LabelRestriction::KarpenterAwsDomain))]
    #[case::the_unusable_pods_label(
        "karpenter.k8s.aws/instance-pods",
        Some(LabelRestriction::KarpenterAwsDomain)
    )]
    #[case::a_label_without_a_domain("team", None)]
    #[case::a_label_of_ones_own("example.com/team", None)]
    #[case::a_kubernetes_label("node.kubernetes.io/role", None)]
    #[case::the_domain_as_a_bare_name("karpenter.sh", None)]
    fn nodepools_may_not_use_restricted_labels_n2_n4(
        #[case] key: &str,
        #[case] expected: Option<LabelRestriction>,
    ) {
        assert_eq!(is_restricted_label(key), expected);
    }

    #[test]
    fn nodeclaims_and_pods_may_name_the_nodepool_and_the_nodeclass() {
        assert_eq!(is_restricted_for_node_claim(keys::NODEPOOL), None);
        assert_eq!(is_restricted_for_node_claim(keys::EC2_NODE_CLASS), None);
        assert_eq!(is_restricted_for_node_claim(keys::HOSTNAME), Some(LabelRestriction::Hostname));
    }

    #[test]
    fn aliases_lead_to_well_known_labels_and_not_to_aliases() {
        for (alias, meant) in LABEL_ALIASES {
            assert_eq!(normalize_label(alias), meant);
            assert!(is_well_known(meant), "{meant}");
            assert!(!is_well_known(alias), "{alias}");
        }
        assert_eq!(normalize_label("example.com/zone"), "example.com/zone");
    }
}
