//! What the selectors of an EC2NodeClass find: images, subnets, security groups, reservations (reference sections 1.4,
//! 5.5, 5.6).

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NodeSelectorRequirement;
use supercargo_api::labels::keys;
use supercargo_api::requirements::Requirements;
use supercargo_api::{
    Ami, AmiSelectorTerm, CapacityReservation, CapacityReservationSelectorTerm, CapacityReservationState,
    CapacityReservationType, SecurityGroup, SecurityGroupSelectorTerm, Subnet, SubnetSelectorTerm,
};
use supercargo_catalog::ReservationKind;
use thiserror::Error;

use crate::image_alias::read_alias;
use crate::{AliasError, CloudError, CloudProvider, Image, ImageLine, ReservationState, Selector};

/// Why selectors found nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CloudError),
    /// An alias names no image.
    #[error("spec.amiSelectorTerms: {0}")]
    Alias(#[from] AliasError),
    /// Nothing matches.
    #[error("{path}: nothing matches the selectors")]
    Nothing {
        /// The field.
        path: &'static str,
    },
}

impl ResolveError {
    /// The reason in the class's condition (reference section 1.4); none if the call is to be made again.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            ResolveError::Call(_) => None,
            ResolveError::Alias(AliasError::Form { .. } | AliasError::WindowsVersion { .. }) => {
                Some("AMINotFound")
            }
            ResolveError::Alias(AliasError::Version { .. }) => Some("UnsupportedAlias"),
            ResolveError::Nothing { path } => Some(match *path {
                SUBNETS => "SubnetsNotFound",
                GROUPS => "SecurityGroupsNotFound",
                _ => "AMINotFound",
            }),
        }
    }
}

const IMAGES: &str = "spec.amiSelectorTerms";
const SUBNETS: &str = "spec.subnetSelectorTerms";
const GROUPS: &str = "spec.securityGroupSelectorTerms";

/// The machine images of a class, newest first: of each set of requirements the newest that is not deprecated, or the
/// newest of all if all are.
pub async fn images(
    provider: &dyn CloudProvider,
    terms: &[AmiSelectorTerm],
    kubernetes_version: &str,
    now: Timestamp,
) -> Result<Vec<Ami>, ResolveError> {
    let mut found: Vec<(Image, Vec<NodeSelectorRequirement>)> = Vec::new();
    let mut selectors: Vec<Selector> = Vec::new();
    for term in terms {
        if let Some(alias) = &term.alias {
            found.extend(images_of_alias(provider, alias, kubernetes_version).await?);
        } else if let Some(parameter) = &term.ssm_parameter {
            match provider.get_parameter(parameter_name(parameter)).await {
                Ok(id) => selectors.push(Selector::id(id)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        } else {
            selectors.push(Selector::from(term));
        }
    }
    // no selectors would mean all images
    if !selectors.is_empty() {
        let images = provider.describe_images(&selectors).await?;
        found.extend(images.into_iter().map(|image| {
            let requirement = NodeSelectorRequirement {
                key: keys::ARCH.to_owned(),
                operator: "In".to_owned(),
                values: Some(vec![image.architecture.as_str().to_owned()]),
            };
            (image, vec![requirement])
        }));
    }
    let amis = newest_of_each(found, now);
    if amis.is_empty() { Err(ResolveError::Nothing { path: IMAGES }) } else { Ok(amis) }
}

/// The images of a family's lines. Lines without an image are left out.
async fn images_of_alias(
    provider: &dyn CloudProvider,
    alias: &str,
    kubernetes_version: &str,
) -> Result<Vec<(Image, Vec<NodeSelectorRequirement>)>, ResolveError> {
    let (family, version) = read_alias(alias, kubernetes_version)?;
    let mut lines: BTreeMap<String, Vec<ImageLine>> = BTreeMap::new();
    for line in ImageLine::of_family(family) {
        match provider.get_parameter(&line.parameter(kubernetes_version, version)).await {
            Ok(id) => lines.entry(id).or_default().push(line),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let selectors: Vec<Selector> = lines.keys().map(Selector::id).collect();
    let images = provider.describe_images(&selectors).await?;
    let mut found = Vec::new();
    for image in images {
        for line in lines.get(&image.id).into_iter().flatten() {
            found.extend(line.requirements().into_iter().map(|requirements| (image.clone(), requirements)));
        }
    }
    Ok(found)
}

/// The name of a parameter, also of one given as ARN.
fn parameter_name(parameter: &str) -> &str {
    match parameter.split_once(":parameter/") {
        // the name keeps the slash it begins with
        Some((arn, _)) if arn.starts_with("arn:") => &parameter[arn.len() + ":parameter".len()..],
        _ => parameter,
    }
}

fn newest_of_each(found: Vec<(Image, Vec<NodeSelectorRequirement>)>, now: Timestamp) -> Vec<Ami> {
    let rank = |image: &Image| (!image.is_deprecated(now), image.created_at, image.name.clone());
    let mut best: Vec<(Option<Requirements>, Image, Vec<NodeSelectorRequirement>)> = Vec::new();
    for (image, requirements) in found {
        let set = Requirements::from_node_selector_terms(&requirements).ok();
        match best.iter_mut().find(|(other, _, _)| *other == set) {
            Some(kept) if rank(&image) > rank(&kept.1) => *kept = (set, image, requirements),
            Some(_) => {}
            None => best.push((set, image, requirements)),
        }
    }
    best.sort_by(|left, right| {
        right.1.created_at.cmp(&left.1.created_at).then_with(|| left.1.name.cmp(&right.1.name))
    });
    let ami = |image: Image, requirements| Ami {
        deprecated: image.is_deprecated(now).then_some(true),
        id: image.id,
        name: Some(image.name),
        requirements,
    };
    best.into_iter().map(|(_, image, requirements)| ami(image, requirements)).collect()
}

/// The subnets of a class, those with most free addresses first, as the status has them and as launches need them.
pub async fn subnets(
    provider: &dyn CloudProvider,
    terms: &[SubnetSelectorTerm],
) -> Result<(Vec<Subnet>, Vec<crate::Subnet>), ResolveError> {
    let selectors: Vec<Selector> = terms.iter().map(Selector::from).collect();
    let mut found =
        if selectors.is_empty() { Vec::new() } else { provider.describe_subnets(&selectors).await? };
    if found.is_empty() {
        return Err(ResolveError::Nothing { path: SUBNETS });
    }
    found.sort_by(|left, right| right.free_ips.cmp(&left.free_ips).then_with(|| left.id.cmp(&right.id)));
    let status = found.iter().map(|subnet| Subnet {
        id: subnet.id.clone(),
        zone: subnet.zone.clone(),
        zone_id: Some(subnet.zone_id.clone()),
    });
    Ok((status.collect(), found))
}

/// The security groups of a class, in order of ids.
pub async fn security_groups(
    provider: &dyn CloudProvider,
    terms: &[SecurityGroupSelectorTerm],
) -> Result<Vec<SecurityGroup>, ResolveError> {
    let selectors: Vec<Selector> = terms.iter().map(Selector::from).collect();
    let found =
        if selectors.is_empty() { Vec::new() } else { provider.describe_security_groups(&selectors).await? };
    if found.is_empty() {
        return Err(ResolveError::Nothing { path: GROUPS });
    }
    let mut groups: Vec<SecurityGroup> =
        found.into_iter().map(|group| SecurityGroup { id: group.id, name: Some(group.name) }).collect();
    groups.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(groups)
}

/// The capacity reservations of a class that hold now, in order of ids, as the status has them and as EC2 does. To find
/// none is no error.
pub async fn reservations(
    provider: &dyn CloudProvider,
    terms: &[CapacityReservationSelectorTerm],
    now: Timestamp,
) -> Result<(Vec<CapacityReservation>, Vec<crate::CapacityReservation>), ResolveError> {
    let mut found: BTreeMap<String, crate::CapacityReservation> = BTreeMap::new();
    for term in terms {
        let matching = provider.describe_capacity_reservations(&[Selector::from(term)]).await?;
        let wanted = matching.into_iter().filter(|reservation| {
            reservation.state == ReservationState::Active
                && term.instance_match_criteria.is_none_or(|criteria| criteria == reservation.match_criteria)
        });
        found.extend(wanted.map(|reservation| (reservation.id.clone(), reservation)));
    }
    let status = found.values().map(|reservation| CapacityReservation {
        availability_zone: reservation.zone.clone(),
        end_time: reservation.ends_at.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
        id: reservation.id.clone(),
        instance_match_criteria: reservation.match_criteria,
        instance_type: reservation.instance_type.clone(),
        interruptible: reservation.interruptible.then_some(true),
        owner_id: reservation.owner_id.clone(),
        reservation_type: Some(match reservation.kind {
            ReservationKind::Default => CapacityReservationType::Default,
            ReservationKind::CapacityBlock => CapacityReservationType::CapacityBlock,
        }),
        state: Some(if reservation.is_expiring(now) {
            CapacityReservationState::Expiring
        } else {
            CapacityReservationState::Active
        }),
    });
    Ok((status.collect(), found.into_values().collect()))
}
