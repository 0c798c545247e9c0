//! Which types a node class can run at all (reference section 5.3).

use std::collections::BTreeMap;

use supercargo_api::AmiFamily;
use supercargo_api::requirements::Requirements;
use thiserror::Error;

use crate::ami_family::FamilyTraits;
use crate::node_class::{NodeClassModel, PlacementStrategy};
use crate::{Arch, TypeFacts};

/// Why no node of a class can be of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Incompatibility {
    /// The family's images do not start on it.
    #[error("the AMI family does not run on the first Graviton generation")]
    AmiFamily,
    /// Windows on Arm.
    #[error("Windows runs on amd64 only")]
    WindowsOnArm,
    /// No image of the class is for it.
    #[error("no AMI of the node class is for this architecture or accelerator")]
    Image,
    /// The network interfaces of the class do not fit its cards.
    #[error("the type cannot hold the node class's network interfaces")]
    NetworkInterfaces,
    /// Connection tracking is set and it is not built on Nitro.
    #[error("connection tracking needs a type built on Nitro")]
    ConnectionTracking,
    /// It cannot run virtual machines.
    #[error("the type has no nested virtualization")]
    NestedVirtualization,
    /// It may not join the placement group.
    #[error("the type cannot join a cluster placement group")]
    Placement,
}

/// Whether nodes of the class can be of the type, whose node labels are given; the first reason against it otherwise.
pub fn compatibility(
    facts: &TypeFacts,
    labels: &BTreeMap<String, String>,
    model: &NodeClassModel,
) -> Result<(), Incompatibility> {
    if model.ami_family == AmiFamily::AL2023 && facts.family() == "a1" {
        return Err(Incompatibility::AmiFamily);
    }
    if FamilyTraits::of(model.ami_family).is_windows && facts.arch != Arch::Amd64 {
        return Err(Incompatibility::WindowsOnArm);
    }
    let has_image = |images: &Vec<_>| images.iter().any(|image: &Requirements| image.has_labels(labels));
    if !model.images.as_ref().is_none_or(has_image) {
        return Err(Incompatibility::Image);
    }
    if !interfaces_fit(facts, model) {
        return Err(Incompatibility::NetworkInterfaces);
    }
    if model.needs_nitro && !facts.is_nitro() {
        return Err(Incompatibility::ConnectionTracking);
    }
    if model.needs_nested_virtualization && !facts.nested_virtualization {
        return Err(Incompatibility::NestedVirtualization);
    }
    let is_clustered =
        model.placement.as_ref().is_some_and(|group| group.strategy == PlacementStrategy::Cluster);
    if is_clustered && !facts.cluster_placement {
        return Err(Incompatibility::Placement);
    }
    Ok(())
}

/// Every card the class names exists, has room for its interfaces, and takes EFA if that is asked of it.
fn interfaces_fit(facts: &TypeFacts, model: &NodeClassModel) -> bool {
    let mut per_card: BTreeMap<i32, u32> = BTreeMap::new();
    for interface in &model.network_interfaces {
        *per_card.entry(interface.network_card_index).or_default() += 1;
    }
    let card_of = |index: i32| usize::try_from(index).ok().and_then(|index| facts.cards.get(index));
    let has_room = per_card
        .iter()
        .all(|(index, wanted)| card_of(*index).is_some_and(|card| *wanted <= card.max_interfaces));
    let mut efa_only = model.efa_only_interfaces();
    let efa_count = model.efa_only_interfaces().count() as u64;
    let takes_efa =
        efa_only.all(|interface| card_of(interface.network_card_index).is_some_and(|card| card.efa));
    has_room && takes_efa && efa_count <= u64::from(facts.max_efa_interfaces)
}
