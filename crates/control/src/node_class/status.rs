//! The status of a class from what was found for it.

use std::fmt::Display;

use jiff::Timestamp;
use supercargo_api::condition_reasons::node_class as reasons;
use supercargo_api::condition_types::{
    AMIS_READY, CAPACITY_RESERVATIONS_READY, INSTANCE_PROFILE_READY, NODE_CLASS_ROOTS, PLACEMENT_GROUP_READY,
    SECURITY_GROUPS_READY, SUBNETS_READY, VALIDATION_SUCCEEDED,
};
use supercargo_api::{Condition, ConditionStatus, EC2NodeClass, EC2NodeClassStatus, find_condition};
use supercargo_cloud::resolve::ResolveError;
use supercargo_cloud::{CloudError, Cluster};

use super::found::{Aspect, Found};
use super::validation::validate;
use crate::conditions::{self, Finding};

/// What the status follows from.
#[derive(Clone, Copy, Debug)]
pub struct StatusInput<'a> {
    /// The class.
    pub node_class: &'a EC2NodeClass,
    /// What the cloud answered about this generation of it.
    pub found: &'a Found,
    /// The cluster that nodes join.
    pub cluster: &'a Cluster,
    /// Whether reservations are used (gate ReservedCapacity).
    pub uses_reservations: bool,
    /// The time.
    pub now: Timestamp,
}

/// The conditions that Ready is made of.
pub fn roots(node_class: &EC2NodeClass, uses_reservations: bool) -> Vec<&'static str> {
    let mut roots = NODE_CLASS_ROOTS.to_vec();
    if node_class.spec.placement_group_selector.is_some() {
        roots.push(PLACEMENT_GROUP_READY);
    }
    if uses_reservations {
        roots.push(CAPACITY_RESERVATIONS_READY);
    }
    roots
}

/// The status of a class. What was not asked for, or could not be, stays as it is.
pub fn status(input: StatusInput<'_>) -> EC2NodeClassStatus {
    let StatusInput { node_class, found, cluster, uses_reservations, now } = input;
    let mut status = node_class.status.clone().unwrap_or_default();
    let generation = node_class.metadata.generation;
    let roots = roots(node_class, uses_reservations);
    let of_resolving = |error: &ResolveError| error.reason();
    let findings = [
        (AMIS_READY, finding(&found.images, of_resolving)),
        (CAPACITY_RESERVATIONS_READY, finding(&found.reservations, of_resolving)),
        (PLACEMENT_GROUP_READY, placement_group(&found.placement_group)),
        (SUBNETS_READY, finding(&found.subnets, of_resolving)),
        (SECURITY_GROUPS_READY, finding(&found.security_groups, of_resolving)),
        (
            INSTANCE_PROFILE_READY,
            finding(&found.profile, |error| {
                error.is_not_found().then_some(reasons::INSTANCE_PROFILE_NOT_FOUND)
            }),
        ),
    ];
    for (type_, finding) in findings {
        if !roots.contains(&type_) {
            conditions::clear(&mut status.conditions, type_);
            continue;
        }
        let Some(finding) = finding else { continue };
        let known = observed(status.conditions.as_deref().unwrap_or_default(), type_, generation);
        // a call that fails says nothing about what was found before
        if finding.status != ConditionStatus::Unknown || known == ConditionStatus::Unknown {
            conditions::set(&mut status.conditions, type_, &finding, generation, now);
        }
    }
    take_values(&mut status, found, uses_reservations);
    let dependencies: Vec<ConditionStatus> = roots
        .iter()
        .filter(|type_| **type_ != VALIDATION_SUCCEEDED && **type_ != CAPACITY_RESERVATIONS_READY)
        .map(|type_| observed(status.conditions.as_deref().unwrap_or_default(), type_, generation))
        .collect();
    let verdict = validate(node_class, &dependencies, cluster, found.rehearsal.as_ref());
    conditions::set(&mut status.conditions, VALIDATION_SUCCEEDED, &verdict, generation, now);
    conditions::sum_up(&mut status.conditions, &roots, generation, now);
    status
}

/// What is known of a condition of this generation.
fn observed(conditions: &[Condition], type_: &str, generation: Option<i64>) -> ConditionStatus {
    find_condition(conditions, type_)
        .filter(|known| known.observed_generation == generation)
        .map_or(ConditionStatus::Unknown, |known| known.status)
}

fn finding<T, E: Display>(
    aspect: &Aspect<T, E>,
    reason: impl Fn(&E) -> Option<&'static str>,
) -> Option<Finding> {
    Some(match aspect.as_ref()? {
        Ok(_) => Finding::holds(),
        Err(error) => match reason(error) {
            Some(reason) => Finding::fails(reason, error.to_string()),
            None => Finding { message: error.to_string(), ..Finding::awaited() },
        },
    })
}

fn placement_group<T>(aspect: &Aspect<Option<T>, CloudError>) -> Option<Finding> {
    Some(match aspect.as_ref()? {
        Ok(Some(_)) => Finding::holds(),
        Ok(None) => Finding::fails(
            reasons::PLACEMENT_GROUP_NOT_FOUND,
            "spec.placementGroupSelector: no such placement group",
        ),
        Err(error) if error.is_not_found() => {
            Finding::fails(reasons::PLACEMENT_GROUP_NOT_FOUND, error.to_string())
        }
        Err(error) if error.is_retryable() => Finding { message: error.to_string(), ..Finding::awaited() },
        Err(error) => Finding::fails(reasons::PLACEMENT_GROUP_RESOLUTION_FAILED, error.to_string()),
    })
}

fn take_values(status: &mut EC2NodeClassStatus, found: &Found, uses_reservations: bool) {
    take(&mut status.amis, &found.images, Clone::clone);
    take(&mut status.subnets, &found.subnets, |(listed, _)| {
        // the order by free addresses changes with every launch; it is no news
        let mut listed = listed.clone();
        listed.sort_by(|left, right| left.zone.cmp(&right.zone).then_with(|| left.id.cmp(&right.id)));
        listed
    });
    take(&mut status.security_groups, &found.security_groups, Clone::clone);
    if uses_reservations {
        take(&mut status.capacity_reservations, &found.reservations, |(listed, _)| listed.clone());
        if status.capacity_reservations.as_ref().is_some_and(Vec::is_empty) {
            status.capacity_reservations = None;
        }
    } else {
        status.capacity_reservations = None;
    }
    match &found.profile {
        Some(Ok(name)) => status.instance_profile = Some(name.clone()),
        Some(Err(error)) if error.is_not_found() => status.instance_profile = None,
        Some(Err(_)) | None => {}
    }
}

/// Takes over what was found, or that nothing was.
fn take<T, V>(field: &mut Option<V>, aspect: &Aspect<T, ResolveError>, value: impl FnOnce(&T) -> V) {
    match aspect {
        Some(Ok(found)) => *field = Some(value(found)),
        Some(Err(error)) if error.reason().is_some() => *field = None,
        Some(Err(_)) | None => {}
    }
}
