//! Whether a type, and an offering of it, is what a claim asks for.

use supercargo_api::labels::{self, keys};
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_catalog::{InstanceType, Offering};

/// Whether a label is of the offering and not of the type.
pub(super) fn is_offering_label(key: &str) -> bool {
    matches!(
        key,
        keys::ZONE
            | keys::ZONE_ID
            | keys::CAPACITY_TYPE
            | keys::INSTANCE_TENANCY
            | keys::CAPACITY_RESERVATION_ID
            | keys::CAPACITY_RESERVATION_TYPE
            | keys::CAPACITY_RESERVATION_INTERRUPTIBLE
    )
}

/// The value of an offering's label; none if it has none.
pub(super) fn offering_label<'o>(offering: &'o Offering, key: &str) -> Option<&'o str> {
    let reservation = offering.reservation.as_ref();
    match key {
        keys::ZONE => Some(&offering.zone),
        keys::ZONE_ID => Some(&offering.zone_id),
        keys::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
        keys::INSTANCE_TENANCY => Some(offering.tenancy.as_str()),
        keys::CAPACITY_RESERVATION_ID => reservation.map(|reservation| reservation.id.as_str()),
        keys::CAPACITY_RESERVATION_TYPE => reservation.map(|reservation| reservation.kind.as_str()),
        keys::CAPACITY_RESERVATION_INTERRUPTIBLE => {
            reservation.map(|reservation| if reservation.interruptible { "true" } else { "false" })
        }
        _ => None,
    }
}

/// Whether the labels of the offering are those required.
pub fn offering_fits(requirements: &Requirements, offering: &Offering) -> bool {
    let holds = |requirement: &Requirement| match offering_label(offering, &requirement.key) {
        Some(value) => requirement.has(value),
        None => requirement.allows_absent(),
    };
    requirements.iter().filter(|requirement| is_offering_label(&requirement.key)).all(holds)
}

/// Whether the labels of the type are those required. A label that only some types have counts as absent from the others;
/// labels that are not of types are none of its business.
pub(super) fn type_fits(requirements: &Requirements, instance_type: &InstanceType) -> bool {
    let of_types = |key: &str| {
        labels::is_well_known(key)
            && !is_offering_label(key)
            && key != keys::NODEPOOL
            && !labels::is_of_placement(key)
    };
    requirements.iter().all(|requirement| match instance_type.labels.get(&requirement.key) {
        Some(value) => requirement.has(value),
        None => !of_types(&requirement.key) || requirement.allows_absent(),
    })
}
