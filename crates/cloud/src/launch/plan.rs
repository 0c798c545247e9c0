//! The request for a claim.

use std::collections::BTreeMap;

use supercargo_api::labels::keys;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::PODS;
use supercargo_api::{Ami, EC2NodeClass, NodeClaim, Resources, condition_types, find_condition, is_true};
use supercargo_catalog::{CapacityType, InstanceType, ReservationKind};

use super::choose::{Choice, Chosen};
use super::place::Place;
use super::template::{Common, Group};
use super::{AddressClaim, AddressesInFlight, LaunchError, MinValuesPolicy, choose};
use crate::{
    AllocationStrategy, Cluster, FleetConfig, FleetOverride, FleetRequest, LaunchTemplateRequest,
    PlacementGroup, PurchaseOption, Subnet, tags,
};

/// Types below which a launch on demand that could be spot is worth a warning (reference section 5.4, step 8).
const FEW_TYPES: usize = 5;

/// Everything a launch follows from.
#[derive(Clone, Copy, Debug)]
pub struct LaunchInput<'a> {
    /// What is wanted.
    pub claim: &'a NodeClaim,
    /// How machines are configured; its status must tell images, subnets and security groups.
    pub node_class: &'a EC2NodeClass,
    /// The cluster to join.
    pub cluster: &'a Cluster,
    /// The types as the class sees them; offerings that cannot be had are marked so.
    pub instance_types: &'a [InstanceType],
    /// The subnets of the class, with their free addresses.
    pub subnets: &'a [Subnet],
    /// The placement group that the class selects, if it has been looked up.
    pub placement_group: Option<&'a PlacementGroup>,
    /// Addresses that other launches may take.
    pub in_flight: &'a AddressesInFlight,
    /// What happens if `minValues` cannot be kept.
    pub min_values_policy: MinValuesPolicy,
    /// Whether reservations are aimed at (gate ReservedCapacity): then other launches stay out of open ones.
    pub uses_reservations: bool,
}

/// Something worth telling about a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchWarning {
    /// On demand although the claim would take spot, with so few types.
    FewTypesForSpot {
        /// How many.
        types: usize,
    },
    /// `minValues` was given up.
    MinValuesRelaxed,
}

/// What is to be called.
#[derive(Clone, Debug, PartialEq)]
pub struct LaunchPlan {
    /// How the instance is paid for.
    pub capacity_type: CapacityType,
    /// Names of the types, cheapest first.
    pub instance_types: Vec<String>,
    /// The launch templates that must exist.
    pub templates: Vec<LaunchTemplateRequest>,
    /// The request.
    pub request: FleetRequest,
    /// Subnets and addresses it may take.
    pub addresses: AddressClaim,
    /// Worth telling.
    pub warnings: Vec<LaunchWarning>,
}

/// Makes the request for a claim.
pub fn plan(input: LaunchInput<'_>) -> Result<LaunchPlan, LaunchError> {
    check_ready(input.node_class)?;
    let mut requirements = Requirements::new();
    for term in &input.claim.spec.requirements {
        requirements.add(term.requirement()?);
    }
    let requests = match input.claim.spec.requests() {
        Some(requests) => requests.resources()?,
        None => Resources::new(),
    };
    let place = Place::of(input.node_class, input.placement_group, &requirements)?;
    let chosen = choose(&requirements, &requests, input.instance_types, input.min_values_policy)?;
    let claim_labels = input.claim.metadata.labels.as_ref();
    let node_pool = claim_labels.and_then(|labels| labels.get(keys::NODEPOOL)).map(String::as_str);
    let class_name = input.node_class.metadata.name.as_deref().unwrap_or_default();
    let launch_tags =
        tags::of_launch(&input.cluster.name, class_name, node_pool, input.node_class.spec.tags.as_ref());
    let common = Common {
        claim: input.claim,
        requirements: &requirements,
        requests: &requests,
        node_class: input.node_class,
        cluster: input.cluster,
        capacity_type: chosen.capacity_type,
        tenancy: chosen.tenancy,
        uses_reservations: input.uses_reservations,
        place: place.as_ref(),
        tags: &launch_tags,
    };
    let least_pods = chosen.types.iter().map(|choice| choice.instance_type.capacity.get(PODS)).min();
    let least_pods = u32::try_from(least_pods.unwrap_or_default()).unwrap_or_default();
    let addresses = input.in_flight.best_subnets(input.subnets, least_pods);
    let (groups, chosen) = overrides(&common, chosen, &addresses)?;
    let mut templates = Vec::new();
    let mut configs = Vec::new();
    for (group, overrides) in groups {
        let template = common.request(&group);
        configs.push(FleetConfig { launch_template: template.name.clone(), overrides });
        templates.push(template);
    }
    let mut warnings = Vec::new();
    if chosen.capacity_type == CapacityType::OnDemand
        && chosen.is_flexible_to_spot
        && chosen.types.len() < FEW_TYPES
    {
        warnings.push(LaunchWarning::FewTypesForSpot { types: chosen.types.len() });
    }
    if chosen.min_values_relaxed {
        warnings.push(LaunchWarning::MinValuesRelaxed);
    }
    let annotations = input.claim.metadata.annotations.as_ref();
    let is_set = |key: &str| annotations.and_then(|all| all.get(key)).is_some_and(|value| value == "true");
    let relaxed = chosen.min_values_relaxed || is_set(keys::MIN_VALUES_RELAXED);
    let (purchase, strategy) = purchase(&chosen, is_set(keys::PRICE_OVERLAY_APPLIED));
    Ok(LaunchPlan {
        capacity_type: chosen.capacity_type,
        instance_types: chosen.types.iter().map(|choice| choice.instance_type.name.clone()).collect(),
        templates,
        request: FleetRequest {
            configs,
            target_capacity: 1,
            purchase,
            strategy,
            instance_tags: launch_tags.clone(),
            fleet_tags: launch_tags,
            // a context belongs to the choice as the user meant it (row E20)
            context: input.node_class.spec.context.clone().filter(|_| !relaxed),
            client_token: None,
            dry_run: false,
        },
        addresses,
        warnings,
    })
}

/// The class must be ready, and that must be known of its present generation (reference section 5.4, step 1).
fn check_ready(node_class: &EC2NodeClass) -> Result<(), LaunchError> {
    let conditions =
        node_class.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let not_ready = |reason: String| LaunchError::NodeClassNotReady {
        name: node_class.metadata.name.clone().unwrap_or_default(),
        reason,
    };
    if node_class.metadata.deletion_timestamp.is_some() {
        return Err(not_ready("it is being deleted".to_owned()));
    }
    let Some(ready) = find_condition(conditions, condition_types::READY) else {
        return Err(not_ready("its condition Ready is not known yet".to_owned()));
    };
    if !is_true(conditions, condition_types::READY) {
        let told = [&ready.message, &ready.reason].into_iter().flatten().find(|text| !text.is_empty());
        return Err(not_ready(told.cloned().unwrap_or_else(|| "it does not say why".to_owned())));
    }
    let (seen, current) = (ready.observed_generation, node_class.metadata.generation);
    if let (Some(seen), Some(current)) = (seen, current)
        && seen != current
    {
        return Err(not_ready(format!("generation {current} has not been looked at, only {seen}")));
    }
    Ok(())
}

type Overrides = BTreeMap<Group, Vec<FleetOverride>>;

/// The offerings by launch template, with the types that have an image and a subnet.
fn overrides<'a>(
    common: &Common<'_>,
    mut chosen: Chosen<'a>,
    addresses: &AddressClaim,
) -> Result<(Overrides, Chosen<'a>), LaunchError> {
    let status = common.node_class.status.as_ref();
    let amis = status.and_then(|status| status.amis.as_deref()).unwrap_or_default();
    let mut readable: Vec<(&Ami, Requirements)> = Vec::new();
    for ami in amis {
        let requirements = Requirements::from_node_selector_terms(&ami.requirements)
            .map_err(|source| LaunchError::Image { id: ami.id.clone(), source })?;
        readable.push((ami, requirements));
    }
    let mut groups: Overrides = BTreeMap::new();
    let mut kept: Vec<Choice<'a>> = Vec::new();
    for choice in std::mem::take(&mut chosen.types) {
        let mut has_image = false;
        let mut offerings = Vec::new();
        for offering in &choice.offerings {
            let reservation_id = offering.reservation.as_ref().map(|reservation| reservation.id.clone());
            let group = Group::of(choice.instance_type, &readable, common.requests, reservation_id);
            let Some(group) = group else { break };
            has_image = true;
            let Some(subnet_id) = addresses.subnets.get(&offering.zone) else { continue };
            groups.entry(group.clone()).or_default().push(FleetOverride {
                instance_type: choice.instance_type.name.clone(),
                subnet_id: subnet_id.clone(),
                zone: offering.zone.clone(),
                image_id: Some(group.image_id),
                priority: Some(offering.price.as_f64()),
            });
            offerings.push(*offering);
        }
        if !has_image {
            chosen.funnel.without_image += 1;
        } else if offerings.is_empty() {
            chosen.funnel.without_subnet += 1;
        } else {
            kept.push(Choice { instance_type: choice.instance_type, offerings });
        }
    }
    if kept.is_empty() {
        return Err(LaunchError::NoOfferings { funnel: chosen.funnel });
    }
    chosen.types = kept;
    Ok((groups, chosen))
}

/// What is bought, and how EC2 is to choose. With overlays on prices EC2's own prices do not count.
fn purchase(chosen: &Chosen<'_>, has_price_overlay: bool) -> (PurchaseOption, AllocationStrategy) {
    let on_demand =
        if has_price_overlay { AllocationStrategy::Prioritized } else { AllocationStrategy::LowestPrice };
    let reservation = chosen
        .types
        .iter()
        .flat_map(|choice| &choice.offerings)
        .find_map(|offering| offering.reservation.as_ref())
        .filter(|_| chosen.capacity_type == CapacityType::Reserved);
    match (chosen.capacity_type, reservation) {
        (CapacityType::Spot, _) if has_price_overlay => {
            (PurchaseOption::Spot, AllocationStrategy::CapacityOptimizedPrioritized)
        }
        (CapacityType::Spot, _) => (PurchaseOption::Spot, AllocationStrategy::PriceCapacityOptimized),
        (_, Some(reservation)) if reservation.kind == ReservationKind::CapacityBlock => {
            (PurchaseOption::CapacityBlock, on_demand)
        }
        (_, Some(reservation)) if reservation.interruptible => {
            (PurchaseOption::InterruptibleReservation, on_demand)
        }
        _ => (PurchaseOption::OnDemand, on_demand),
    }
}
