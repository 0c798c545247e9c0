//! How many EBS volumes the CSI driver may attach to a new node.
//!
//! EC2 gives every type a limit (`EbsInfo.MaximumEbsAttachments` of `DescribeInstanceTypes`). On older Nitro types
//! the limit is shared: 28 slots less the GPUs and accelerators, the NVMe instance store disks and the network
//! interfaces; EC2's figure already counts the devices and one interface. Newer types have volume slots of their own.
//! The driver subtracts the node's own volumes and the interfaces it finds when it starts
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html>). At that moment a node has
//! its primary interface and the warm one that the VPC CNI attaches at once.

use crate::TypeFacts;
use crate::ami_family::FamilyTraits;
use crate::node_class::NodeClassModel;

/// Interfaces of a new Linux node: the primary one and the VPC CNI's warm one.
const INTERFACES_OF_A_NEW_NODE: u32 = 2;

/// Volumes left for pods on a new node; at least one, as the driver reports.
pub fn volume_attachments(facts: &TypeFacts, model: &NodeClassModel) -> u32 {
    let traits = FamilyTraits::of(model.ami_family);
    let own_volumes = match model.block_devices.len() {
        0 => traits.default_volumes,
        configured => u32::try_from(configured).unwrap_or(u32::MAX),
    };
    let further_interfaces = if facts.ebs_limit_shared && facts.is_nitro() {
        let warm = if traits.is_windows { 1 } else { INTERFACES_OF_A_NEW_NODE };
        let configured = u32::try_from(model.network_interfaces.len()).unwrap_or(u32::MAX);
        let possible = facts.primary_card().max_interfaces.max(configured);
        warm.max(configured).min(possible).saturating_sub(1)
    } else {
        0
    };
    facts.max_ebs_attachments.saturating_sub(own_volumes).saturating_sub(further_interfaces).max(1)
}
