//! What an answer makes of a claim (row L3).

use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_api::{EC2NodeClass, NodeClaim, condition_types};
use supercargo_catalog::{Arch, InstanceType};
use supercargo_cloud::launch::{LaunchPlan, Launched, Observed, observe};
use supercargo_cloud::{CapacityReservation, Instance, InstanceState, Tags};

use crate::conditions::{Finding, set, sum_up};
use crate::digest::VERSION;
use crate::node_class;

/// The instance that was launched, put together from the request and its answer.
fn instance(
    launched: &Launched,
    plan: &LaunchPlan,
    instance_type: Option<&InstanceType>,
    now: Timestamp,
) -> Instance {
    let template = plan
        .templates
        .iter()
        .zip(&plan.request.configs)
        .find(|(_, config)| config.overrides.contains(&launched.chosen))
        .or_else(|| plan.templates.iter().zip(&plan.request.configs).next())
        .map(|(template, _)| &template.data);
    let offering = instance_type.and_then(|known| {
        let mut offerings = known.offerings.iter();
        offerings.find(|offering| offering.zone == launched.chosen.zone)
    });
    let is_arm = instance_type
        .and_then(|known| known.labels.get(keys::ARCH))
        .is_some_and(|arch| arch == Arch::Arm64.as_str());
    let reservation_id = template.and_then(|data| match &data.reservation {
        supercargo_cloud::ReservationPreference::Only { reservation_id } => Some(reservation_id.clone()),
        _ => None,
    });
    Instance {
        id: launched.instance_id.clone(),
        instance_type: launched.chosen.instance_type.clone(),
        zone: launched.chosen.zone.clone(),
        zone_id: offering.map(|offering| offering.zone_id.clone()).unwrap_or_default(),
        capacity_type: launched.capacity_type,
        reservation_id,
        tenancy: template.map(|data| data.tenancy).unwrap_or_default(),
        state: InstanceState::Pending,
        state_reason: None,
        launched_at: now,
        image_id: launched
            .chosen
            .image_id
            .clone()
            .or_else(|| template.map(|data| data.image_id.clone()))
            .unwrap_or_default(),
        architecture: if is_arm { Arch::Arm64 } else { Arch::Amd64 },
        subnet_id: launched.chosen.subnet_id.clone(),
        security_group_ids: template.map(|data| data.security_group_ids.clone()).unwrap_or_default(),
        private_ip: None,
        private_dns_name: String::new(),
        instance_profile: template.and_then(|data| data.instance_profile.clone()),
        placement_group: template.and_then(|data| data.placement_group_id.clone()),
        placement_partition: template.and_then(|data| data.placement_partition),
        launch_template: None,
        tags: Tags::clone(&plan.request.instance_tags),
    }
}

/// What a launch adds to its claim.
pub(super) fn observed(
    launched: &Launched,
    plan: &LaunchPlan,
    instance_type: Option<&InstanceType>,
    reservations: &[CapacityReservation],
    claim: Option<&NodeClaim>,
    now: Timestamp,
) -> Observed {
    let instance = instance(launched, plan, instance_type, now);
    let reservation = reservations.iter().find(|known| Some(&known.id) == instance.reservation_id.as_ref());
    observe(&instance, instance_type, reservation, claim)
}

/// The claim with the labels of its instance, and with what its class was when it was launched.
pub(super) fn with_labels(
    claim: &NodeClaim,
    observed: &Observed,
    class: Option<&EC2NodeClass>,
    ca_bundle: Option<&str>,
) -> NodeClaim {
    let mut claim = claim.clone();
    let labels = claim.metadata.labels.get_or_insert_default();
    for (key, value) in &observed.labels {
        // those that the claim has count more
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    if let Some(class) = class {
        let annotations = claim.metadata.annotations.get_or_insert_default();
        let hash = node_class::hash(class, ca_bundle);
        annotations.insert(keys::EC2_NODE_CLASS_HASH.to_owned(), hash);
        annotations.insert(keys::EC2_NODE_CLASS_HASH_VERSION.to_owned(), VERSION.to_owned());
    }
    claim
}

/// The claim with its instance in its status.
pub(super) fn with_instance(claim: &NodeClaim, observed: &Observed, now: Timestamp) -> NodeClaim {
    let mut claim = claim.clone();
    let generation = claim.metadata.generation;
    let status = claim.status.get_or_insert_default();
    status.provider_id = Some(observed.provider_id.clone());
    status.image_id = Some(observed.image_id.clone());
    status.capacity = Some(observed.capacity.clone());
    status.allocatable = Some(observed.allocatable.clone());
    set(&mut status.conditions, condition_types::LAUNCHED, &Finding::holds(), generation, now);
    sum_up(&mut status.conditions, &condition_types::NODE_CLAIM_ROOTS, generation, now);
    claim
}

/// The claim with the reason why it could not be launched so far.
pub(super) fn with_failure(claim: &NodeClaim, reason: &str, message: &str, now: Timestamp) -> NodeClaim {
    let mut claim = claim.clone();
    let generation = claim.metadata.generation;
    let status = claim.status.get_or_insert_default();
    let finding = Finding::unknown(reason, message);
    set(&mut status.conditions, condition_types::LAUNCHED, &finding, generation, now);
    sum_up(&mut status.conditions, &condition_types::NODE_CLAIM_ROOTS, generation, now);
    claim
}
