//! Limits of the namespace for containers, pods and claims (`LimitRanger`).

use std::collections::BTreeMap;

use serde_json::Value;
use supercargo_api::quantity::Quantity;

use crate::admission::lookup::Lookup;
use crate::admission::request::{Operation, Rejection, Request};
use crate::builtin::amounts::quantity;
use crate::builtin::read::{ensure_object, entries, has, has_content, items, items_mut, set, text};
use crate::gvk::Gvr;

/// Annotation that tells what was set here.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

type Amounts = BTreeMap<String, Quantity>;

fn limits(request: &Request, lookup: &dyn Lookup) -> Vec<Value> {
    let ranges = lookup.list(&Gvr::new("", "v1", "limitranges"), Some(&request.namespace));
    ranges.iter().flat_map(|range| items(&range["spec"], "limits").to_vec()).collect()
}

/// Containers that ask for nothing get what the namespace gives them.
pub(super) fn set_defaults(request: &mut Request, lookup: &dyn Lookup) {
    if !request.creates("", "pods") {
        return;
    }
    let ranges = lookup.list(&Gvr::new("", "v1", "limitranges"), Some(&request.namespace));
    let Some(pod) = &mut request.object else { return };
    let mut told: Vec<String> = Vec::new();
    for range in &ranges {
        let mut requests: BTreeMap<String, Value> = BTreeMap::new();
        let mut limits: BTreeMap<String, Value> = BTreeMap::new();
        for item in items(&range["spec"], "limits").iter().filter(|item| text(item, "type") == "Container") {
            requests
                .extend(entries(item, "defaultRequest").map(|(name, value)| (name.clone(), value.clone())));
            limits.extend(entries(item, "default").map(|(name, value)| (name.clone(), value.clone())));
        }
        for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
            let Some(spec) = pod.get_mut("spec") else { return };
            for container in items_mut(spec, list) {
                let name = text(container, "name").to_owned();
                for (field, defaults, noun) in
                    [("requests", &requests, "request"), ("limits", &limits, "limit")]
                {
                    let set_names = set_missing(container, field, defaults);
                    if !set_names.is_empty() {
                        told.push(format!("{} {noun} for {word} {name}", set_names.join(", ")));
                    }
                }
            }
        }
    }
    if !told.is_empty()
        && let Some(annotations) =
            ensure_object(pod, "metadata").and_then(|metadata| ensure_object(metadata, "annotations"))
    {
        set(annotations, ANNOTATION, format!("LimitRanger plugin set: {}", told.join("; ")));
    }
}

fn set_missing(container: &mut Value, field: &str, defaults: &BTreeMap<String, Value>) -> Vec<String> {
    let missing: Vec<(&String, &Value)> =
        defaults.iter().filter(|(name, _)| !has(&container["resources"][field], name)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let target = ensure_object(container, "resources").and_then(|resources| ensure_object(resources, field));
    let Some(target) = target else { return Vec::new() };
    let mut names = Vec::new();
    for (name, value) in missing {
        set(target, name, value.clone());
        names.push(name.clone());
    }
    names
}

/// Checks what is asked for against the limits of the namespace.
pub(super) fn check(request: &Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    let is_pod = request.is_for("", "pods") && request.operation == Operation::Create;
    let is_claim = request.is_for("", "persistentvolumeclaims")
        && matches!(request.operation, Operation::Create | Operation::Update);
    let Some(object) = request.object.as_ref().filter(|_| is_pod || is_claim) else { return Ok(()) };
    let mut wrong: Vec<String> = Vec::new();
    for item in limits(request, lookup) {
        match text(&item, "type") {
            "Container" if is_pod => {
                for list in ["containers", "initContainers"] {
                    for container in items(&object["spec"], list) {
                        let (requests, limits) = amounts_of(&container["resources"]);
                        check_item(&item, "Container", &requests, &limits, &mut wrong);
                    }
                }
            }
            "Pod" if is_pod => {
                let (requests, limits) = pod_amounts(&object["spec"]);
                check_item(&item, "Pod", &requests, &limits, &mut wrong);
            }
            "PersistentVolumeClaim" if is_claim => {
                let (requests, _) = amounts_of(&object["spec"]["resources"]);
                check_item(&item, "PersistentVolumeClaim", &requests, &requests, &mut wrong);
            }
            _ => {}
        }
    }
    wrong.dedup();
    match wrong.as_slice() {
        [] => Ok(()),
        [only] => Err(Rejection::forbidden(request, only)),
        several => Err(Rejection::forbidden(request, &format!("[{}]", several.join(", ")))),
    }
}

fn amounts(list: &Value) -> Amounts {
    list.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), quantity(value)?)))
        .collect()
}

fn amounts_of(resources: &Value) -> (Amounts, Amounts) {
    (amounts(&resources["requests"]), amounts(&resources["limits"]))
}

/// What a whole pod asks for: its containers together, and at least as much as each of those that start first.
pub(in crate::admission) fn pod_amounts(spec: &Value) -> (Amounts, Amounts) {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for container in items(spec, "containers") {
        let (asked, limited) = amounts_of(&container["resources"]);
        add(&mut requests, &asked);
        add(&mut limits, &limited);
    }
    let (mut beside_requests, mut beside_limits) = (Amounts::new(), Amounts::new());
    let (mut first_requests, mut first_limits) = (Amounts::new(), Amounts::new());
    for container in items(spec, "initContainers") {
        let (asked, limited) = amounts_of(&container["resources"]);
        if text(container, "restartPolicy") == "Always" {
            // A sidecar runs beside all that come after it.
            add(&mut beside_requests, &asked);
            add(&mut beside_limits, &limited);
            widen(&mut first_requests, &beside_requests);
            widen(&mut first_limits, &beside_limits);
        } else {
            let (mut asked, mut limited) = (asked, limited);
            add(&mut asked, &beside_requests);
            add(&mut limited, &beside_limits);
            widen(&mut first_requests, &asked);
            widen(&mut first_limits, &limited);
        }
    }
    add(&mut requests, &beside_requests);
    add(&mut limits, &beside_limits);
    widen(&mut requests, &first_requests);
    widen(&mut limits, &first_limits);
    if has_content(spec, "resources") {
        // What is said of the pod as a whole goes before what is said of its parts.
        let (asked, limited) = amounts_of(&spec["resources"]);
        requests.extend(asked);
        limits.extend(limited);
    }
    let overhead = amounts(&spec["overhead"]);
    add(&mut requests, &overhead);
    for (name, amount) in &overhead {
        if let Some(limit) = limits.get_mut(name) {
            *limit = limit.checked_add(amount).unwrap_or(*limit);
        }
    }
    (requests, limits)
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        match sum.get_mut(name) {
            Some(sum) => *sum = sum.checked_add(amount).unwrap_or(*sum),
            None => {
                sum.insert(name.clone(), *amount);
            }
        }
    }
}

fn widen(most: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        match most.get_mut(name) {
            Some(most) => {
                if *most < *amount {
                    *most = *amount;
                }
            }
            None => {
                most.insert(name.clone(), *amount);
            }
        }
    }
}

fn check_item(item: &Value, kind: &str, requests: &Amounts, limits: &Amounts, wrong: &mut Vec<String>) {
    for (name, least) in amounts(&item["min"]) {
        match (requests.get(&name), limits.get(&name)) {
            (None, _) => {
                wrong.push(format!("minimum {name} usage per {kind} is {least}.  No request is specified"))
            }
            (Some(asked), _) if *asked < least => {
                wrong.push(format!("minimum {name} usage per {kind} is {least}, but request is {asked}"));
            }
            (_, Some(limit)) if *limit < least => {
                wrong.push(format!("minimum {name} usage per {kind} is {least}, but limit is {limit}"));
            }
            _ => {}
        }
    }
    for (name, most) in amounts(&item["max"]) {
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => {
                wrong.push(format!("maximum {name} usage per {kind} is {most}.  No limit is specified"))
            }
            (_, Some(limit)) if *limit > most => {
                wrong.push(format!("maximum {name} usage per {kind} is {most}, but limit is {limit}"));
            }
            (Some(asked), _) if *asked > most => {
                wrong.push(format!("maximum {name} usage per {kind} is {most}, but request is {asked}"));
            }
            _ => {}
        }
    }
    for (name, ratio) in amounts(&item["maxLimitRequestRatio"]) {
        match (requests.get(&name), limits.get(&name)) {
            (Some(asked), Some(limit)) if asked.milli_value() > 0 => {
                let found = i128::from(limit.milli_value()) * 1000;
                let allowed = i128::from(ratio.milli_value()) * i128::from(asked.milli_value());
                if found > allowed {
                    let shown = found as f64 / 1000.0 / asked.milli_value() as f64;
                    wrong.push(format!(
                        "{name} max limit to request ratio per {kind} is {ratio}, but provided ratio is {shown:.6}"
                    ));
                }
            }
            (_, None) => wrong.push(format!(
                "{name} max limit to request ratio per {kind} is {ratio}, but no limit is specified or limit is 0."
            )),
            _ => wrong.push(format!(
                "{name} max limit to request ratio per {kind} is {ratio}, but no request is specified or request is 0."
            )),
        }
    }
}
