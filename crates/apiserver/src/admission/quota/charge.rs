//! Charging writes, and reckoning what is used.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use supercargo_api::quantity::Quantity;

use super::scopes::counts;
use super::usage::{Usage, ended, listed, may_change, unsaid, usage_of};
use crate::admission::lookup::Lookup;
use crate::admission::request::{Operation, Rejection, Request};
use crate::builtin::amounts::quantity;
use crate::builtin::read::{entries, has_content, text};
use crate::gvk::Gvr;

/// The new status of a quota that a write counts against.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The namespace of the quota.
    pub namespace: String,
    /// The name of the quota.
    pub name: String,
    /// Its `status`, with `hard` and `used`.
    pub status: Value,
}

fn quotas() -> Gvr {
    Gvr::new("", "v1", "resourcequotas")
}

/// Charges a creation, or an update that takes more, to the quotas of its namespace. To be called once nothing else can
/// refuse the write, under the lock that it is made under; nothing is charged for dry runs.
///
/// # Errors
/// A quota is exceeded, or cannot tell because the object does not say what it takes.
pub fn charge(request: &Request, lookup: &dyn Lookup) -> Result<Vec<Charge>, Rejection> {
    let is_update = request.operation == Operation::Update;
    let may_count = request.operation == Operation::Create || (is_update && may_change(&request.gvr));
    let Some(object) = request.object.as_ref().filter(|_| may_count && request.subresource.is_empty()) else {
        return Ok(Vec::new());
    };
    if request.namespace.is_empty() {
        return Ok(Vec::new());
    }
    let is_pod = request.is_for("", "pods");
    let wanted = usage_of(&request.gvr, object);
    let mut charges = Vec::new();
    for quota in lookup.list(&quotas(), Some(&request.namespace)) {
        let hard: Usage = amounts(&quota["spec"]["hard"]);
        let names: Vec<&str> = hard.keys().map(String::as_str).collect();
        if !counts(&quota, object, is_pod) && has_scopes(&quota) {
            continue;
        }
        if !is_update && is_pod {
            check_said(request, &quota, &names, object)?;
        }
        let before = match &request.old_object {
            Some(old) if is_update => usage_of(&request.gvr, old),
            _ => Usage::new(),
        };
        let used = used_of(&quota, &hard, lookup);
        let mut exceeded = Vec::new();
        let mut after = used.clone();
        let mut changed = false;
        for (name, limit) in &hard {
            let Some(wanted) = wanted.get(name) else { continue };
            let more = match before.get(name) {
                Some(before) => wanted.checked_sub(before),
                None => Some(*wanted),
            };
            let Some(more) = more else { continue };
            let so_far = used.get(name).cloned();
            let sum = match &so_far {
                Some(used) => used.checked_add(&more),
                None => Some(more),
            };
            let Some(sum) = sum else { continue };
            let grows = so_far.as_ref().is_none_or(|used| sum > *used);
            if grows && sum > *limit {
                exceeded.push(Excess { name: name.clone(), more, used: so_far, limit: *limit });
            }
            changed |= so_far.as_ref() != Some(&sum);
            after.insert(name.clone(), sum);
        }
        if !exceeded.is_empty() {
            return Err(Rejection::forbidden(request, &exceeded_text(&quota, &exceeded)));
        }
        if changed && !request.dry_run {
            charges.push(Charge {
                namespace: request.namespace.clone(),
                name: text(&quota["metadata"], "name").to_owned(),
                status: status_value(&quota, &after),
            });
        }
    }
    Ok(charges)
}

fn has_scopes(quota: &Value) -> bool {
    has_content(&quota["spec"], "scopes") || has_content(&quota["spec"], "scopeSelector")
}

fn check_said(request: &Request, quota: &Value, names: &[&str], pod: &Value) -> Result<(), Rejection> {
    let missing = unsaid(names, &pod["spec"]);
    if missing.is_empty() {
        return Ok(());
    }
    let parts: Vec<String> =
        missing.iter().map(|(name, containers)| format!("{name} for: {}", containers.join(","))).collect();
    let because =
        format!("failed quota: {}: must specify {}", text(&quota["metadata"], "name"), parts.join("; "));
    Err(Rejection::forbidden(request, &because))
}

/// What is too much of a resource.
struct Excess {
    name: String,
    more: Quantity,
    used: Option<Quantity>,
    limit: Quantity,
}

fn exceeded_text(quota: &Value, exceeded: &[Excess]) -> String {
    let joined = |amount: &dyn Fn(&Excess) -> String| {
        exceeded.iter().map(|entry| format!("{}={}", entry.name, amount(entry))).collect::<Vec<_>>().join(",")
    };
    format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        text(&quota["metadata"], "name"),
        joined(&|entry| entry.more.to_string()),
        joined(&|entry| entry.used.as_ref().map_or_else(|| "0".to_owned(), Quantity::to_string)),
        joined(&|entry| entry.limit.to_string()),
    )
}

fn amounts(list: &Value) -> Usage {
    list.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), quantity(value)?)))
        .collect()
}

/// What is used so far: as the status says if it is about the same limits, else reckoned.
fn used_of(quota: &Value, hard: &Usage, lookup: &dyn Lookup) -> Usage {
    let status = &quota["status"];
    if amounts(&status["hard"]) == *hard && entries(status, "used").count() == hard.len() {
        return amounts(&status["used"]);
    }
    reckon(quota, hard, lookup)
}

fn reckon(quota: &Value, hard: &Usage, lookup: &dyn Lookup) -> Usage {
    let namespace = text(&quota["metadata"], "namespace");
    let mut by_resource: BTreeMap<Gvr, Vec<&String>> = BTreeMap::new();
    for name in hard.keys() {
        for resource in listed(name) {
            by_resource.entry(resource).or_default().push(name);
        }
    }
    let mut used: Usage =
        hard.keys().filter_map(|name| Some((name.clone(), "0".parse::<Quantity>().ok()?))).collect();
    for (resource, names) in by_resource {
        let is_pod = resource.group.is_empty() && resource.resource == "pods";
        for object in lookup.list(&resource, Some(namespace)) {
            if has_scopes(quota) && !counts(quota, &object, is_pod) {
                continue;
            }
            let usage = usage_of(&resource, &object);
            for name in &names {
                if let (Some(amount), Some(sum)) = (usage.get(*name), used.get_mut(*name))
                    && let Some(more) = sum.checked_add(amount)
                {
                    *sum = more;
                }
            }
        }
    }
    used
}

/// The status of a quota, reckoned from what is stored.
pub fn status(quota: &Value, lookup: &dyn Lookup) -> Value {
    let hard = amounts(&quota["spec"]["hard"]);
    status_value(quota, &reckon(quota, &hard, lookup))
}

fn status_value(quota: &Value, used: &Usage) -> Value {
    let used: Map<String, Value> =
        used.iter().map(|(name, amount)| (name.clone(), Value::from(amount.to_string()))).collect();
    let hard = quota["spec"].get("hard").cloned().unwrap_or_else(|| json!({}));
    json!({ "hard": hard, "used": used })
}

/// Whether the statuses of quotas have to be reckoned anew ([`status`]) after an object of this resource changed from
/// `old` to `new` (`None`: it went).
pub fn is_counted(resource: &Gvr, new: Option<&Value>, old: &Value) -> bool {
    match new {
        None => true,
        Some(new) => {
            may_change(resource) && (ended(new, old) || usage_of(resource, new) != usage_of(resource, old))
        }
    }
}
