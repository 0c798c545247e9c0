//! What of an instance is no longer as its class says (the provider's part of reference section 4.7).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use supercargo_api::labels::keys;
use supercargo_api::requirements::Requirements;
use supercargo_api::{EC2NodeClass, NodeClaim};
use supercargo_catalog::CapacityType;

use crate::{Instance, PlacementGroup};

/// What has drifted; the reason in the condition Drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftReason {
    /// The class says something else than when the claim was made.
    NodeClass,
    /// The machine image is none of those the class chooses now.
    Ami,
    /// The security groups are not exactly those of the class.
    SecurityGroup,
    /// The subnet is none of those of the class.
    Subnet,
    /// The capacity reservation is none of those of the class.
    CapacityReservation,
    /// The placement group is another.
    PlacementGroup,
}

impl DriftReason {
    /// The reason in the condition Drifted: `AMIDrift`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DriftReason::NodeClass => "NodeClassDrift",
            DriftReason::Ami => "AMIDrift",
            DriftReason::SecurityGroup => "SecurityGroupDrift",
            DriftReason::Subnet => "SubnetDrift",
            DriftReason::CapacityReservation => "CapacityReservationDrift",
            DriftReason::PlacementGroup => "PlacementGroupDrift",
        }
    }
}

impl fmt::Display for DriftReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The first thing that has drifted. `type_labels` are the labels of the instance's type; what the status of the class does
/// not tell cannot have drifted. The placement group is the one that the class selects, if it has been looked up.
pub fn drift(
    claim: &NodeClaim,
    node_class: &EC2NodeClass,
    instance: &Instance,
    type_labels: &BTreeMap<String, String>,
    placement_group: Option<&PlacementGroup>,
) -> Option<DriftReason> {
    let status = node_class.status.as_ref();
    let checks: [(bool, DriftReason); 6] = [
        (hash_differs(claim, node_class), DriftReason::NodeClass),
        (
            status.and_then(|status| status.amis.as_deref()).is_some_and(|amis| {
                // every image for the type will do, not only the newest (reference row 9.2-14)
                let mut wanted = amis.iter().filter(|ami| {
                    let requirements = Requirements::from_node_selector_terms(&ami.requirements);
                    requirements.is_ok_and(|set| set.has_labels(type_labels))
                });
                !wanted.any(|ami| ami.id == instance.image_id)
            }),
            DriftReason::Ami,
        ),
        (
            status.and_then(|status| status.security_groups.as_deref()).is_some_and(|groups| {
                let wanted: BTreeSet<&str> = groups.iter().map(|group| group.id.as_str()).collect();
                let found: BTreeSet<&str> = instance.security_group_ids.iter().map(String::as_str).collect();
                wanted != found
            }),
            DriftReason::SecurityGroup,
        ),
        (
            status
                .and_then(|status| status.subnets.as_deref())
                .is_some_and(|subnets| !subnets.iter().any(|subnet| subnet.id == instance.subnet_id)),
            DriftReason::Subnet,
        ),
        (
            instance.capacity_type == CapacityType::Reserved
                && !status
                    .and_then(|status| status.capacity_reservations.as_deref())
                    .unwrap_or_default()
                    .iter()
                    .any(|reservation| Some(&reservation.id) == instance.reservation_id.as_ref()),
            DriftReason::CapacityReservation,
        ),
        (
            node_class
                .spec
                .placement_group_selector
                .as_ref()
                .and_then(|group| placement_group.map(|found| &found.id).or(group.id.as_ref()))
                .is_some_and(|id| Some(id) != instance.placement_group.as_ref()),
            DriftReason::PlacementGroup,
        ),
    ];
    checks.into_iter().find_map(|(has_drifted, reason)| has_drifted.then_some(reason))
}

/// Only hashes of the same version can be compared, and only if all four are there.
fn hash_differs(claim: &NodeClaim, node_class: &EC2NodeClass) -> bool {
    let of_claim = |key: &str| claim.metadata.annotations.as_ref().and_then(|all| all.get(key));
    let of_class = |key: &str| node_class.metadata.annotations.as_ref().and_then(|all| all.get(key));
    let versions = (of_claim(keys::EC2_NODE_CLASS_HASH_VERSION), of_class(keys::EC2_NODE_CLASS_HASH_VERSION));
    let hashes = (of_claim(keys::EC2_NODE_CLASS_HASH), of_class(keys::EC2_NODE_CLASS_HASH));
    match (versions, hashes) {
        ((Some(left), Some(right)), (Some(claimed), Some(current))) => left == right && claimed != current,
        _ => false,
    }
}
