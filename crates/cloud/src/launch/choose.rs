//! Which types and offerings go into the request (reference section 5.4, steps 2 to 5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use supercargo_api::Resources;
use supercargo_api::labels::keys;
use supercargo_api::requirements::Requirements;
use supercargo_catalog::{CapacityType, InstanceType, Offering, ReservationKind, Tenancy, Usd};

use super::LaunchError;
use super::fit::{is_offering_label, offering_fits, offering_label, type_fits};

/// Types at most in a request.
pub const MAX_TYPES: usize = 60;

/// What happens if the types that are left cannot keep `minValues`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinValuesPolicy {
    /// Nothing is launched.
    #[default]
    Strict,
    /// `minValues` is given up.
    BestEffort,
}

/// A type with the offerings that would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<'a> {
    /// The type.
    pub instance_type: &'a InstanceType,
    /// Its offerings, in order of zones; never empty.
    pub offerings: Vec<&'a Offering>,
}

/// What goes into the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen<'a> {
    /// How the instance is paid for.
    pub capacity_type: CapacityType,
    /// Whose hardware.
    pub tenancy: Tenancy,
    /// The types, cheapest first, at most [`MAX_TYPES`], with offerings of that capacity type and tenancy only.
    pub types: Vec<Choice<'a>>,
    /// Whether the claim would have taken spot capacity, too.
    pub is_flexible_to_spot: bool,
    /// What took the other types away.
    pub funnel: Funnel,
    /// `minValues` was given up.
    pub min_values_relaxed: bool,
}

/// How many types were lost at which step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Types at the beginning.
    pub types: usize,
    /// Their labels are not those required.
    pub incompatible: usize,
    /// They are too small for the requests.
    pub too_small: usize,
    /// None of their offerings is both what is required and to be had.
    pub unavailable: usize,
    /// Another kind of reservation was preferred.
    pub other_reservation: usize,
    /// Bare metal, GPUs or accelerators that nobody asked for.
    pub exotic: usize,
    /// Spot at a price above the cheapest on demand.
    pub dear_spot: usize,
    /// Not among the cheapest.
    pub truncated: usize,
    /// No offering of the capacity type and tenancy that was chosen.
    pub other_capacity: usize,
    /// No machine image for them.
    pub without_image: usize,
    /// No subnet in any zone they are sold in.
    pub without_subnet: usize,
}

impl fmt::Display for Funnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = [
            (self.incompatible, "do not have the labels required"),
            (self.too_small, "are too small"),
            (self.unavailable, "have no offering that is required and available"),
            (self.other_reservation, "have another kind of reservation"),
            (self.exotic, "are bare metal or have accelerators that nobody asked for"),
            (self.dear_spot, "cost more as spot than others on demand"),
            (self.truncated, "are not among the cheapest"),
            (self.other_capacity, "are not sold in the way chosen"),
            (self.without_image, "have no machine image"),
            (self.without_subnet, "have no subnet in their zones"),
        ];
        let mut first = true;
        for (count, why) in steps.into_iter().filter(|(count, _)| *count > 0) {
            write!(formatter, "{}{count} {why}", if first { "" } else { ", " })?;
            first = false;
        }
        if first { formatter.write_str("there were none") } else { Ok(()) }
    }
}

/// Chooses types and offerings for a claim.
pub fn choose<'a>(
    requirements: &Requirements,
    requests: &Resources,
    instance_types: &'a [InstanceType],
    policy: MinValuesPolicy,
) -> Result<Chosen<'a>, LaunchError> {
    let mut funnel = Funnel { types: instance_types.len(), ..Funnel::default() };
    let has_min_values = requirements.has_min_values();
    let mut choices = fitting(requirements, requests, instance_types, &mut funnel);
    lose(&mut choices, &mut funnel.other_reservation, one_reservation_kind);
    choices.iter_mut().for_each(one_reservation_a_zone);
    if !has_min_values {
        lose(&mut choices, &mut funnel.exotic, without_exotic);
        lose(&mut choices, &mut funnel.dear_spot, without_dear_spot);
    }
    choices.sort_by(|left, right| {
        cheapest(left)
            .cmp(&cheapest(right))
            .then_with(|| left.instance_type.name.cmp(&right.instance_type.name))
    });
    funnel.truncated = choices.len().saturating_sub(MAX_TYPES);
    choices.truncate(MAX_TYPES);
    let mut min_values_relaxed = false;
    if has_min_values && let Err(error) = check_min_values(requirements, &choices) {
        match policy {
            MinValuesPolicy::Strict if !choices.is_empty() => return Err(error),
            _ => min_values_relaxed = true,
        }
    }
    let capacity_type = CapacityType::ALL.into_iter().find(|wanted| {
        choices.iter().any(|choice| choice.offerings.iter().any(|offering| offering.capacity_type == *wanted))
    });
    let Some(capacity_type) = capacity_type else { return Err(LaunchError::NoOfferings { funnel }) };
    let is_of_type = |offering: &&Offering| offering.capacity_type == capacity_type;
    let of_type = || choices.iter().flat_map(|choice| choice.offerings.iter().copied()).filter(is_of_type);
    let tenancy = of_type().map(|offering| offering.tenancy).min().unwrap_or_default();
    lose(&mut choices, &mut funnel.other_capacity, |choices| {
        keep_offerings(choices, |offering| {
            offering.capacity_type == capacity_type && offering.tenancy == tenancy
        });
    });
    let takes_spot = |value: &str| requirements.get(keys::CAPACITY_TYPE).is_none_or(|asked| asked.has(value));
    Ok(Chosen {
        capacity_type,
        tenancy,
        types: choices,
        is_flexible_to_spot: takes_spot(CapacityType::Spot.as_str()),
        funnel,
        min_values_relaxed,
    })
}

fn fitting<'a>(
    requirements: &Requirements,
    requests: &Resources,
    instance_types: &'a [InstanceType],
    funnel: &mut Funnel,
) -> Vec<Choice<'a>> {
    let mut choices = Vec::new();
    for instance_type in instance_types {
        if !type_fits(requirements, instance_type) {
            funnel.incompatible += 1;
            continue;
        }
        if !requests.fits_in(&instance_type.allocatable) {
            funnel.too_small += 1;
            continue;
        }
        let offerings: Vec<&Offering> = instance_type
            .offerings
            .iter()
            .filter(|offering| offering.available && offering_fits(requirements, offering))
            .collect();
        if offerings.is_empty() {
            funnel.unavailable += 1;
            continue;
        }
        choices.push(Choice { instance_type, offerings });
    }
    choices
}

/// Does something to the choices and counts how many go.
fn lose<'a>(choices: &mut Vec<Choice<'a>>, lost: &mut usize, change: impl FnOnce(&mut Vec<Choice<'a>>)) {
    let before = choices.len();
    change(choices);
    *lost += before - choices.len();
}

fn keep_offerings(choices: &mut Vec<Choice<'_>>, keep: impl Fn(&Offering) -> bool) {
    for choice in choices.iter_mut() {
        choice.offerings.retain(|offering| keep(offering));
    }
    choices.retain(|choice| !choice.offerings.is_empty());
}

fn cheapest(choice: &Choice<'_>) -> Usd {
    choice.offerings.iter().map(|offering| offering.price).min().unwrap_or(Usd::MAX)
}

/// A launch goes into one kind of reservation: that of the cheapest offering. Of capacity blocks it takes one offering.
fn one_reservation_kind(choices: &mut Vec<Choice<'_>>) {
    let kind_of = |offering: &Offering| {
        offering.reservation.as_ref().map(|reservation| (reservation.kind, reservation.interruptible))
    };
    let reserved = choices.iter().flat_map(|choice| {
        let name = choice.instance_type.name.as_str();
        choice.offerings.iter().filter_map(move |offering| {
            Some((offering.price, name, offering.zone.as_str(), kind_of(offering)?))
        })
    });
    let Some((price, name, zone, kind)) = reserved.min() else { return };
    let (name, zone) = (name.to_owned(), zone.to_owned());
    if kind.0 == ReservationKind::CapacityBlock {
        choices.retain(|choice| choice.instance_type.name == name);
        keep_offerings(choices, |offering| {
            kind_of(offering) == Some(kind) && offering.zone == zone && offering.price == price
        });
    } else {
        keep_offerings(choices, |offering| kind_of(offering) == Some(kind));
    }
}

/// Of several reservations of a type in a zone the one with most free instances is used.
fn one_reservation_a_zone(choice: &mut Choice<'_>) {
    let mut best: BTreeMap<(&str, Tenancy), (u32, &str)> = BTreeMap::new();
    for offering in &choice.offerings {
        let Some(reservation) = &offering.reservation else { continue };
        let candidate = (reservation.count, reservation.id.as_str());
        best.entry((offering.zone.as_str(), offering.tenancy))
            .and_modify(|kept| {
                // the first of equal ones stays
                if candidate.0 > kept.0 {
                    *kept = candidate;
                }
            })
            .or_insert(candidate);
    }
    choice.offerings.retain(|offering| {
        let Some(reservation) = &offering.reservation else { return true };
        let kept = best.get(&(offering.zone.as_str(), offering.tenancy));
        kept.is_some_and(|(_, id)| *id == reservation.id)
    });
}

/// Bare metal, GPUs and accelerators go, unless nothing else is left.
fn without_exotic(choices: &mut Vec<Choice<'_>>) {
    let is_exotic = |choice: &Choice<'_>| {
        let labels = &choice.instance_type.labels;
        let is_metal = labels.get(keys::INSTANCE_SIZE).is_some_and(|size| size.contains("metal"));
        let capacity = &choice.instance_type.capacity;
        let accelerators = [
            supercargo_api::resources::NVIDIA_GPU,
            supercargo_api::resources::AMD_GPU,
            supercargo_api::resources::AWS_NEURON,
            supercargo_api::resources::AWS_NEURON_CORE,
            supercargo_api::resources::HABANA_GAUDI,
        ];
        is_metal || accelerators.iter().any(|resource| capacity.get(resource) > 0)
    };
    if choices.iter().any(|choice| !is_exotic(choice)) {
        choices.retain(|choice| !is_exotic(choice));
    }
}

/// If both can be had, spot at a price above the cheapest on demand goes, and with spot chosen what is on demand only.
fn without_dear_spot(choices: &mut Vec<Choice<'_>>) {
    let cheapest_of = |wanted: CapacityType| {
        let offerings = choices.iter().flat_map(|choice| &choice.offerings);
        offerings.filter(|offering| offering.capacity_type == wanted).map(|offering| offering.price).min()
    };
    let (spot, on_demand) = (cheapest_of(CapacityType::Spot), cheapest_of(CapacityType::OnDemand));
    if let (Some(_), Some(on_demand)) = (spot, on_demand) {
        keep_offerings(choices, |offering| {
            offering.capacity_type != CapacityType::Spot || offering.price <= on_demand
        });
        let has_spot = |choice: &Choice<'_>| {
            choice.offerings.iter().any(|offering| offering.capacity_type == CapacityType::Spot)
        };
        if choices.iter().any(has_spot) {
            choices.retain(has_spot);
        }
    }
}

/// Whether the types offer enough different values of every label with `minValues`.
fn check_min_values(requirements: &Requirements, choices: &[Choice<'_>]) -> Result<(), LaunchError> {
    for requirement in requirements.iter() {
        let Some(wanted) = requirement.min_values else { continue };
        let mut values: BTreeSet<&str> = BTreeSet::new();
        for choice in choices {
            if is_offering_label(&requirement.key) {
                let of_offering =
                    choice.offerings.iter().filter_map(|offering| offering_label(offering, &requirement.key));
                values.extend(of_offering);
            } else {
                values.extend(choice.instance_type.labels.get(&requirement.key).map(String::as_str));
            }
        }
        let found = u32::try_from(values.len()).unwrap_or(u32::MAX);
        if found < wanted {
            return Err(LaunchError::MinValues { key: requirement.key.clone(), wanted, found });
        }
    }
    Ok(())
}
