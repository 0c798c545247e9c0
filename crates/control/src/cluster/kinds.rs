//! The kinds that say what a cluster is: whoever plans follows all of them.

use supercargo_reconcile::Kind;

/// How many of [`ALL`] belong to capacity buffers.
const OF_BUFFERS: usize = 5;

const ALL: &[Kind] = &[
    Kind::Namespace,
    Kind::Node,
    Kind::Pod,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::StorageClass,
    Kind::CSINode,
    Kind::DaemonSet,
    Kind::PodDisruptionBudget,
    Kind::PriorityClass,
    Kind::NodePool,
    Kind::NodeClaim,
    Kind::EC2NodeClass,
    Kind::NodeOverlay,
    Kind::CapacityBuffer,
    Kind::PodTemplate,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
];

/// The kinds that [`super::inputs`] reads; those of capacity buffers only where buffers are looked at.
pub fn kinds(buffers: bool) -> &'static [Kind] {
    if buffers { ALL } else { &ALL[..ALL.len() - OF_BUFFERS] }
}
