//! Quantities in specs: read, compared, checked.

use serde_json::Value;
use supercargo_api::quantity::Quantity;

use crate::field_error::{FieldError, Path};
use crate::names::qualified_name;

use super::read::{Errors, entries};

/// What a text must look like to be a quantity.
pub(crate) const QUANTITY_FORM: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// The resources of containers that have no prefix.
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The quantity that a value (text or number) says.
pub(crate) fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Whether a quantity is below zero.
pub(crate) fn is_negative(quantity: &Quantity) -> bool {
    quantity.to_string().starts_with('-')
}

/// The quantity at the path, an error if it is none or negative.
pub(crate) fn checked_quantity(value: &Value, at: &Path<'_>, errors: &mut Errors) -> Option<Quantity> {
    let Some(quantity) = quantity(value) else {
        errors.push(FieldError::invalid(at, value.clone(), QUANTITY_FORM));
        return None;
    };
    if is_negative(&quantity) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(at, quantity.to_string(), detail));
    }
    Some(quantity)
}

/// Whether a resource is counted in whole units only: extended resources and others with a prefix of a vendor.
pub(crate) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// Whether a resource may be requested below its limit.
fn may_overcommit(name: &str) -> bool {
    !is_extended(name) && !name.starts_with("hugepages-")
}

/// Checks the `requests` and `limits` of a container or pod.
pub(crate) fn check_resources(resources: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_limits = at.field("limits");
    let at_requests = at.field("requests");
    let mut huge = false;
    let mut sized = false;
    for (name, value) in entries(resources, "limits") {
        check_container_resource(name, value, &at_limits, errors);
        huge |= name.starts_with("hugepages-");
        sized |= matches!(name.as_str(), "cpu" | "memory");
    }
    for (name, value) in entries(resources, "requests") {
        check_container_resource(name, value, &at_requests, errors);
        huge |= name.starts_with("hugepages-");
        sized |= matches!(name.as_str(), "cpu" | "memory");
        let Some(request) = quantity(value) else { continue };
        match resources["limits"].get(name).and_then(quantity) {
            Some(limit) if request != limit && !may_overcommit(name) => {
                let detail = format!("must be equal to {name} limit of {limit}");
                errors.push(FieldError::invalid(at_requests, request.to_string(), detail));
            }
            Some(limit) if request > limit => {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                errors.push(FieldError::invalid(at_requests, request.to_string(), detail));
            }
            None if !may_overcommit(name) => {
                let detail = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(at_limits, detail));
            }
            _ => {}
        }
    }
    if huge && !sized {
        errors.push(FieldError::forbidden(at, "HugePages require cpu or memory"));
    }
}

fn check_container_resource(name: &str, value: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.key(name);
    errors.invalid_text(at, name, qualified_name(name));
    let is_standard = CONTAINER_RESOURCES.contains(&name) || name.starts_with("hugepages-");
    if !name.contains('/') && !is_standard {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(at, name, detail));
        errors.push(FieldError::invalid(at, name, "must be a standard resource for containers"));
    }
    check_amount(name, value, &at, errors);
}

/// Checks one amount of a resource: a quantity, not negative, whole if the resource is.
pub(crate) fn check_amount(name: &str, value: &Value, at: &Path<'_>, errors: &mut Errors) {
    let Some(quantity) = checked_quantity(value, at, errors) else { return };
    if is_extended(name) && quantity.milli_value() % 1000 != 0 {
        errors.push(FieldError::invalid(at, quantity.to_string(), "must be an integer"));
    }
}
