//! What the cloud answered about a class.

use supercargo_api::{Ami, CapacityReservation, SecurityGroup, Subnet};
use supercargo_cloud::resolve::ResolveError;
use supercargo_cloud::{CloudError, PlacementGroup};

/// An aspect: nothing if it was not asked for.
pub type Aspect<T, E> = Option<Result<T, E>>;

/// What the cloud answered about a class, aspect by aspect.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Machine images.
    pub images: Aspect<Vec<Ami>, ResolveError>,
    /// Subnets, as the status has them and as launches need them.
    pub subnets: Aspect<(Vec<Subnet>, Vec<supercargo_cloud::Subnet>), ResolveError>,
    /// Security groups.
    pub security_groups: Aspect<Vec<SecurityGroup>, ResolveError>,
    /// Capacity reservations, as the status has them and as EC2 does.
    pub reservations:
        Aspect<(Vec<CapacityReservation>, Vec<supercargo_cloud::CapacityReservation>), ResolveError>,
    /// The placement group; nothing in it if there is none.
    pub placement_group: Aspect<Option<PlacementGroup>, CloudError>,
    /// The name of the instance profile.
    pub profile: Aspect<String, CloudError>,
    /// Whether launches would be permitted.
    pub rehearsal: Option<Rehearsal>,
}

/// What dry runs of a launch say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// It would be permitted.
    Permitted,
    /// Launch templates may not be made.
    TemplateRefused(String),
    /// Fleets may not be made.
    FleetRefused(String),
    /// Nobody can tell at the moment.
    Unclear,
}

impl Found {
    /// Takes in what was answered since. Of an aspect that could not be asked for, what was known before stays.
    pub(super) fn take_in(&mut self, newer: Found) {
        let resolve_failed = |error: &ResolveError| error.reason().is_none();
        take(&mut self.images, newer.images, resolve_failed);
        take(&mut self.subnets, newer.subnets, resolve_failed);
        take(&mut self.security_groups, newer.security_groups, resolve_failed);
        take(&mut self.reservations, newer.reservations, resolve_failed);
        take(&mut self.placement_group, newer.placement_group, |_| true);
        take(&mut self.profile, newer.profile, |error| !error.is_not_found());
        if let Some(rehearsal) = newer.rehearsal
            && (rehearsal != Rehearsal::Unclear || self.rehearsal.is_none())
        {
            self.rehearsal = Some(rehearsal);
        }
    }

    /// The first call that could not be made.
    pub(super) fn failed_call(&self) -> Option<String> {
        let resolving = |error: Option<&ResolveError>| {
            error.filter(|error| error.reason().is_none()).map(ToString::to_string)
        };
        let profile = || failure(&self.profile).filter(|error| !error.is_not_found());
        resolving(failure(&self.images))
            .or_else(|| resolving(failure(&self.subnets)))
            .or_else(|| resolving(failure(&self.security_groups)))
            .or_else(|| resolving(failure(&self.reservations)))
            .or_else(|| failure(&self.placement_group).map(ToString::to_string))
            .or_else(|| profile().map(ToString::to_string))
            .or_else(|| {
                let unclear = self.rehearsal == Some(Rehearsal::Unclear);
                unclear.then(|| "dry runs were not answered".to_owned())
            })
    }
}

fn failure<T, E>(aspect: &Aspect<T, E>) -> Option<&E> {
    aspect.as_ref()?.as_ref().err()
}

fn take<T, E>(known: &mut Aspect<T, E>, newer: Aspect<T, E>, failed: impl Fn(&E) -> bool) {
    let Some(newer) = newer else { return };
    let is_worth_less = matches!(&newer, Err(error) if failed(error));
    if !is_worth_less || known.is_none() {
        *known = Some(newer);
    }
}
