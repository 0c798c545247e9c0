//! Whether the quantities of a resource list are amounts something can have.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::labels::{check_label_key, excerpt};
use crate::resources::{CPU, EPHEMERAL_STORAGE, HUGEPAGES_PREFIX, MEMORY, base_units};

use super::path::At;
use super::problem::Problems;

/// Checks every quantity of a list.
pub(crate) fn check_list(at: &At<'_>, list: &BTreeMap<String, Quantity>, problems: &mut Problems) {
    for (name, quantity) in list {
        check_entry(&at.key(name), name, quantity, problems);
    }
}

/// Checks the name and the quantity of a resource; its base units if both are sensible.
fn check_entry(at: &At<'_>, name: &str, quantity: &Quantity, problems: &mut Problems) -> Option<i64> {
    if check_label_key(name).is_err() {
        problems
            .error(at, format!("{:?} is no name of a resource", excerpt(name)))
            .on_key()
            .right("write a name such as cpu or nvidia.com/gpu");
        return None;
    }
    check_quantity(at, name, quantity, problems)
}

/// Checks the quantity of a resource; its base units if it is sensible.
pub(crate) fn check_quantity(
    at: &At<'_>,
    name: &str,
    quantity: &Quantity,
    problems: &mut Problems,
) -> Option<i64> {
    let text = quantity.0.trim();
    let shown = excerpt(text);
    let amount = match base_units(name, text) {
        Ok(amount) => amount,
        Err(error) => {
            problems.error(at, error.to_string());
            return None;
        }
    };
    if text.starts_with('-') && amount != 0 {
        problems
            .error(at, format!("quantity {shown:?} is negative"))
            .right("leave the resource out, or give 0");
        return None;
    }
    if amount == i64::MAX {
        problems
            .error(at, format!("quantity {shown:?} is more than can be counted"))
            .right("give less than 2^63");
        return None;
    }
    let in_bytes =
        matches!(name, MEMORY | EPHEMERAL_STORAGE | "storage") || name.starts_with(HUGEPAGES_PREFIX);
    if in_bytes && text.ends_with('m') {
        problems
            .warning(at, format!("quantity {shown:?} means thousandths of a byte"))
            .right(format!("did you mean {:?}?", format!("{}Mi", shown.trim_end_matches('m'))));
    }
    Some(amount)
}

/// Checks the requests and limits of a container, or of a pod as a whole.
pub(crate) fn check_resources(at: &At<'_>, resources: &ResourceRequirements, problems: &mut Problems) {
    let limits = amounts(&at.key("limits"), resources.limits.as_ref(), problems);
    let requests = amounts(&at.key("requests"), resources.requests.as_ref(), problems);

    let at_requests = at.key("requests");
    for (name, (request, request_text)) in requests {
        let at = at_requests.key(name);
        match limits.get(name) {
            Some((limit, limit_text)) if request > *limit => {
                problems
                    .error(
                        &at,
                        format!("requests {request_text} of {name}, more than the limit of {limit_text}"),
                    )
                    .right(format!("request at most {limit_text}, or raise the limit"));
            }
            Some((limit, limit_text)) if request < *limit && !can_be_overcommitted(name) => {
                problems
                    .error(
                        &at,
                        format!("requests {request_text} of {name}, less than the limit of {limit_text}"),
                    )
                    .right("request and limit of this resource must be the same");
            }
            None if !can_be_overcommitted(name) => {
                problems
                    .error(&at, format!("requests {name} without a limit"))
                    .right("give the same amount as limit: this resource cannot be overcommitted");
            }
            _ => {}
        }
    }
}

/// The sensible amounts of a list, with their texts.
fn amounts<'l>(
    at: &At<'_>,
    list: Option<&'l BTreeMap<String, Quantity>>,
    problems: &mut Problems,
) -> BTreeMap<&'l str, (i64, &'l str)> {
    let entries = list.into_iter().flatten();
    entries
        .filter_map(|(name, quantity)| {
            let amount = check_entry(&at.key(name), name, quantity, problems)?;
            Some((name.as_str(), (amount, quantity.0.as_str())))
        })
        .collect()
}

/// Whether a limit may be above the request: extended resources and huge pages are given out whole.
fn can_be_overcommitted(name: &str) -> bool {
    match name {
        CPU | MEMORY | EPHEMERAL_STORAGE => true,
        _ => !name.starts_with(HUGEPAGES_PREFIX) && (!name.contains('/') || is_native(name)),
    }
}

fn is_native(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, _)| domain.ends_with("kubernetes.io"))
}
