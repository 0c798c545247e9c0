//! The custom resources, one file a kind, as Rust types and as CRD schemas at once.
//!
//! What is absent in a manifest stays absent in the type (`Option` and no serde defaults), so that reading and
//! writing changes nothing; the value that counts when a field is absent comes from an accessor
//! (`spec.weight()`, `spec.expire_after()`), and the same default stands in the CRD schema.

mod capacity_buffer;
mod condition;
pub mod condition_reasons;
mod key_rules;
mod node_claim;
mod node_class;
mod node_class_compute;
mod node_class_schema;
mod node_class_selectors;
mod node_class_status;
mod node_overlay;
mod node_pool;
mod node_pool_disruption;
mod requirement_term;
mod resource_list;
mod schema_words;

pub use capacity_buffer::{
    ACTIVE_CAPACITY, CapacityBuffer, CapacityBufferSpec, CapacityBufferStatus, PodTemplateReference,
    ScalableReference,
};
pub use condition::{Condition, ConditionStatus, condition_types, find_condition, is_true, set_condition};
pub use node_claim::{NodeClaim, NodeClaimSpec, NodeClaimStatus, NodeClassReference, ResourceRequirements};
pub use node_class::{AmiFamily, EC2NodeClass, EC2NodeClassSpec};
pub use node_class_compute::{
    BlockDevice, BlockDeviceMapping, ConnectionTracking, CpuOptions, InstanceStorePolicy, InterfaceType,
    MetadataOptions, NetworkInterface, Switch, TokenUse, VolumeType,
};
pub use node_class_selectors::{
    AmiSelectorTerm, CapacityReservationSelectorTerm, InstanceMatchCriteria, PlacementGroupSelector,
    SecurityGroupSelectorTerm, SubnetSelectorTerm,
};
pub use node_class_status::{
    Ami, CapacityReservation, CapacityReservationState, CapacityReservationType, EC2NodeClassStatus,
    SecurityGroup, Subnet,
};
pub use node_overlay::{NodeOverlay, NodeOverlaySpec, NodeOverlayStatus};
pub use node_pool::{
    NodeClaimTemplate, NodeClaimTemplateMetadata, NodeClaimTemplateSpec, NodePool, NodePoolSpec,
    NodePoolStatus,
};
pub use node_pool_disruption::{Budget, ConsolidationPolicy, Disruption, DisruptionReason};
pub use requirement_term::RequirementTerm;
pub use resource_list::ResourceList;
pub(crate) use schema_words::{DURATION_PATTERN, NILLABLE_DURATION_PATTERN};
