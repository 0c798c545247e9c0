//! The calls of a launch, and what their errors mean (reference section 5.4, steps 6 to 9).

use supercargo_catalog::CapacityType;

use super::LaunchPlan;
use crate::{
    CloudError, CloudProvider, ErrorKind, FleetAnswer, FleetError, FleetOverride, FleetRequest,
    LaunchTemplateRequest, Reply, Selector, is_unfulfillable, launch_reason,
};

/// What was launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launched {
    /// `i-…`.
    pub instance_id: String,
    /// The offering.
    pub chosen: FleetOverride,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// The offerings that were tried before and could not be had.
    pub errors: Vec<FleetError>,
}

/// Why nothing was launched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct LaunchFailure {
    /// All offerings are out of capacity: the claim is deleted and its pods are scheduled anew (reference row L2).
    pub is_insufficient_capacity: bool,
    /// The reason in the condition Launched.
    pub reason: String,
    /// What AWS said.
    pub message: String,
    /// The same may succeed later without anybody doing anything.
    pub is_retryable: bool,
    /// The offerings that were tried and could not be had.
    pub errors: Vec<FleetError>,
}

/// Who makes the calls of a launch. A cloud makes each as it comes; others may remember and put together.
pub trait Launcher: Send + Sync {
    /// Sees to it that a launch template is there.
    fn ensure<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()>;
    /// Makes a launch template that is missing after all.
    fn make<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()>;
    /// Calls CreateFleet.
    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer>;
}

/// A cloud that is called for every step.
pub struct Direct<'p>(pub &'p dyn CloudProvider);

impl Launcher for Direct<'_> {
    fn ensure<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(ensure(self.0, template))
    }

    fn make<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(create(self.0, template))
    }

    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
        self.0.create_fleet(request)
    }
}

/// Launches the instance of a plan. A launch template that is missing after all is made again, once.
pub async fn perform(launcher: &dyn Launcher, plan: &LaunchPlan) -> Result<Launched, LaunchFailure> {
    for template in &plan.templates {
        launcher.ensure(template).await.map_err(|error| LaunchFailure::of_call(&error))?;
    }
    let mut answer = launcher.create_fleet(&plan.request).await;
    if matches!(&answer, Err(error) if error.kind == ErrorKind::LaunchTemplateNotFound) {
        for template in &plan.templates {
            launcher.make(template).await.map_err(|error| LaunchFailure::of_call(&error))?;
        }
        answer = launcher.create_fleet(&plan.request).await;
    }
    match answer {
        Ok(answer) => read_answer(answer),
        Err(error) => Err(LaunchFailure::of_call(&error)),
    }
}

async fn ensure(provider: &dyn CloudProvider, template: &LaunchTemplateRequest) -> Result<(), CloudError> {
    let selector = [Selector { name: Some(template.name.clone()), ..Selector::default() }];
    match provider.describe_launch_templates(&selector).await {
        Ok(found) if !found.is_empty() => Ok(()),
        Err(error) if !error.is_not_found() => Err(error),
        _ => create(provider, template).await,
    }
}

async fn create(provider: &dyn CloudProvider, template: &LaunchTemplateRequest) -> Result<(), CloudError> {
    match provider.create_launch_template(template).await {
        // somebody else was faster, with the same: the name is made of what it says
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        answer => answer.map(|_| ()),
    }
}

fn read_answer(answer: FleetAnswer) -> Result<Launched, LaunchFailure> {
    let FleetAnswer { instances, errors, .. } = answer;
    let first = instances.into_iter().find_map(|group| {
        let instance_id = group.instance_ids.into_iter().next()?;
        Some((instance_id, group.chosen, group.capacity_type))
    });
    match first {
        Some((instance_id, chosen, capacity_type)) => {
            Ok(Launched { instance_id, chosen, capacity_type, errors })
        }
        None => Err(LaunchFailure::of_offerings(errors)),
    }
}

impl LaunchFailure {
    /// The call as a whole failed.
    pub fn of_call(error: &CloudError) -> LaunchFailure {
        LaunchFailure {
            is_insufficient_capacity: error.kind == ErrorKind::SpotRoleMissing,
            reason: error.launch_reason().to_owned(),
            message: error.to_string(),
            is_retryable: error.is_retryable(),
            errors: Vec::new(),
        }
    }

    /// No offering could be had. Only if all of them are out of capacity is it a lack of capacity; otherwise what counts
    /// is the first error that is something else.
    fn of_offerings(errors: Vec<FleetError>) -> LaunchFailure {
        let other = errors.iter().find(|error| !is_out_of_capacity(&error.code));
        let Some(told) = other.or_else(|| errors.first()) else {
            return LaunchFailure {
                is_insufficient_capacity: true,
                reason: "InsufficientCapacity".to_owned(),
                message: "the fleet has no instances and no errors".to_owned(),
                is_retryable: false,
                errors,
            };
        };
        let kind = ErrorKind::of_code(&told.code);
        LaunchFailure {
            is_insufficient_capacity: other.is_none(),
            reason: match other {
                None => "InsufficientCapacity".to_owned(),
                Some(error) => launch_reason(&error.code).to_owned(),
            },
            message: format!(
                "{} in {}: {}: {} ({} offerings failed)",
                told.refused.instance_type,
                told.refused.zone,
                told.code,
                told.message,
                errors.len()
            ),
            is_retryable: matches!(kind, ErrorKind::Throttled | ErrorKind::Internal),
            errors,
        }
    }
}

fn is_out_of_capacity(code: &str) -> bool {
    is_unfulfillable(code) || ErrorKind::of_code(code) == ErrorKind::SpotRoleMissing
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::PurchaseOption;

    #[rstest]
    #[case::all_out_of_capacity(
        &["InsufficientInstanceCapacity", "VcpuLimitExceeded", "ReservationCapacityExceeded"],
        true,
        "InsufficientCapacity"
    )]
    #[case::one_is_something_else(&["InsufficientInstanceCapacity", "InvalidAMIID.NotFound"], false, "AMINotFound")]
    #[case::only_something_else(&["UnauthorizedOperation"], false, "Unauthorized")]
    #[case::nothing_at_all(&[], true, "InsufficientCapacity")]
    fn it_is_a_lack_of_capacity_only_if_all_offerings_say_so(
        #[case] codes: &[&str],
        #[case] is_insufficient_capacity: bool,
        #[case] reason: &str,
    ) {
        let error = |code: &&str| FleetError {
            launch_template: String::new(),
            refused: FleetOverride::default(),
            purchase: PurchaseOption::Spot,
            code: (*code).to_owned(),
            message: String::new(),
        };
        let answer = FleetAnswer { errors: codes.iter().map(error).collect(), ..FleetAnswer::default() };
        let failure = read_answer(answer).unwrap_err();
        assert_eq!(
            (failure.is_insufficient_capacity, failure.reason.as_str()),
            (is_insufficient_capacity, reason)
        );
        assert_eq!(failure.errors.len(), codes.len());
    }
}
