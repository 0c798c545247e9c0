//! From an instance back to its claim (reference row L3).

use std::collections::BTreeMap;

use supercargo_api::labels::{self, keys};
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::AWS_EFA;
use supercargo_api::{NodeClaim, ResourceList, Resources};
use supercargo_catalog::{CapacityType, InstanceType};

use crate::{CapacityReservation, Instance, ProviderId, tags};

/// What a launch adds to a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Labels; those the claim has already count more.
    pub labels: BTreeMap<String, String>,
    /// `aws:///us-east-1a/i-…`.
    pub provider_id: String,
    /// The machine image.
    pub image_id: String,
    /// What the node has.
    pub capacity: ResourceList,
    /// What the node has for pods.
    pub allocatable: ResourceList,
}

/// What an instance tells about its claim. The type is as its class sees it; none if it is not known any more, and then
/// labels and resources of the type are missing.
pub fn observe(
    instance: &Instance,
    instance_type: Option<&InstanceType>,
    reservation: Option<&CapacityReservation>,
    claim: Option<&NodeClaim>,
) -> Observed {
    let requests =
        claim.and_then(|claim| claim.spec.requests()).and_then(|requests| requests.resources().ok());
    let wants_efa = requests.is_some_and(|requests| requests.get(AWS_EFA) > 0);
    let advertised = |resources: &Resources| -> ResourceList {
        let shown = resources.iter().filter(|(name, amount)| *amount != 0 && (wants_efa || *name != AWS_EFA));
        let shown: Resources = shown.map(|(name, amount)| (name.to_owned(), amount)).collect();
        ResourceList::from(shown.to_quantities())
    };
    let (capacity, allocatable) = match instance_type {
        Some(known) => (advertised(&known.capacity), advertised(&known.allocatable)),
        None => (ResourceList::default(), ResourceList::default()),
    };
    Observed {
        labels: observed_labels(instance, instance_type, reservation, claim),
        provider_id: ProviderId { zone: instance.zone.clone(), instance_id: instance.id.clone() }.to_string(),
        image_id: instance.image_id.clone(),
        capacity,
        allocatable,
    }
}

fn observed_labels(
    instance: &Instance,
    instance_type: Option<&InstanceType>,
    reservation: Option<&CapacityReservation>,
    claim: Option<&NodeClaim>,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        instance_type.map(|known| known.labels.clone()).unwrap_or_default();
    let mut set = |key: &str, value: &str| {
        all.insert(key.to_owned(), value.to_owned());
    };
    set(keys::INSTANCE_TYPE, &instance.instance_type);
    set(keys::ARCH, instance.architecture.as_str());
    set(keys::ZONE, &instance.zone);
    set(keys::ZONE_ID, &instance.zone_id);
    set(keys::CAPACITY_TYPE, instance.capacity_type.as_str());
    set(keys::INSTANCE_TENANCY, instance.tenancy.as_str());
    if let Some(group_id) = &instance.placement_group {
        set(keys::PLACEMENT_GROUP_ID, group_id);
    }
    if let Some(partition) = instance.placement_partition {
        set(keys::PLACEMENT_GROUP_PARTITION, &partition.to_string());
    }
    if let Some(node_pool) = instance.tags.get(tags::NODEPOOL) {
        set(keys::NODEPOOL, node_pool);
    }
    if let (CapacityType::Reserved, Some(id)) = (instance.capacity_type, &instance.reservation_id) {
        set(keys::CAPACITY_RESERVATION_ID, id);
        if let Some(reservation) = reservation {
            set(keys::CAPACITY_RESERVATION_TYPE, reservation.kind.as_str());
            set(
                keys::CAPACITY_RESERVATION_INTERRUPTIBLE,
                if reservation.interruptible { "true" } else { "false" },
            );
        }
    }
    if let Some(claim) = claim {
        let terms = claim.spec.requirements.iter().filter_map(|term| term.requirement().ok());
        let requirements: Requirements = terms.collect();
        for (key, value) in requirements.single_values() {
            // what is not of the machine is as the claim says
            if !labels::is_well_known(key) {
                all.insert(key.to_owned(), value.to_owned());
            }
        }
        all.extend(claim.metadata.labels.clone().unwrap_or_default());
    }
    all
}
