//! What of a pod may change once it exists.

use serde_json::{Value, json};

use crate::builtin::read::{Errors, has, has_content, int, items, items_mut, remove, same, set, text};
use crate::field_error::{FieldError, Path};

const IMMUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
                         `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
                         additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to \
                         1 if it was previously negative)";

/// Checks an update of a Pod's spec.
pub(crate) fn check_pod_update(new: &Value, old: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let (new, old) = (&new["spec"], &old["spec"]);
    for list in ["containers", "initContainers"] {
        if items(new, list).len() != items(old, list).len() {
            errors
                .push(FieldError::forbidden(at.field(list), "pod updates may not add or remove containers"));
            return;
        }
    }
    check_deadline(new, old, &at, errors);
    check_tolerations(new, old, &at, errors);
    let was_gated = has_content(old, "schedulingGates");
    if was_gated || has_content(new, "schedulingGates") {
        check_gates(new, old, &at, errors);
    }

    let mut expected = new.clone();
    for list in ["containers", "initContainers"] {
        for (container, before) in items_mut(&mut expected, list).zip(items(old, list)) {
            set(container, "image", before["image"].clone());
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        restore(&mut expected, old, field);
    }
    if int(old, "terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        restore(&mut expected, old, "terminationGracePeriodSeconds");
    }
    if was_gated {
        // A gated pod may still be pinned down further.
        if narrows_node_selector(&new["nodeSelector"], &old["nodeSelector"]) {
            restore(&mut expected, old, "nodeSelector");
        }
        if narrows_affinity(new, old)
            && let Some(affinity) = expected.get_mut("affinity").filter(|affinity| affinity.is_object())
        {
            restore(affinity, &old["affinity"], "nodeAffinity");
        }
    }
    for field in ["enableServiceLinks", "serviceAccount"] {
        restore(&mut expected, old, field);
    }
    if !same(&expected, old) {
        let changed = changed_fields(&expected, old);
        errors.push(FieldError::forbidden(at, format!("{IMMUTABLE}\n{changed}")));
    }
}

fn restore(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => set(new, field, value.clone()),
        None => {
            remove(new, field);
        }
    }
}

/// The fields that differ, one a line, with what they were and what they would be.
fn changed_fields(new: &Value, old: &Value) -> String {
    let mut names: Vec<&String> =
        [new, old].into_iter().filter_map(Value::as_object).flat_map(|fields| fields.keys()).collect();
    names.sort();
    names.dedup();
    let lines: Vec<String> = names
        .into_iter()
        .filter(|name| !same(&new[name.as_str()], &old[name.as_str()]))
        .map(|name| {
            format!(
                "- {name}: {}\n+ {name}: {}\n",
                shortened(&old[name.as_str()]),
                shortened(&new[name.as_str()])
            )
        })
        .collect();
    lines.concat()
}

fn shortened(value: &Value) -> String {
    const LONGEST: usize = 1024;
    let mut text = value.to_string();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
    }
    text
}

fn check_deadline(new: &Value, old: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("activeDeadlineSeconds");
    match (int(new, "activeDeadlineSeconds"), int(old, "activeDeadlineSeconds")) {
        (None, Some(_)) => errors.push(FieldError::invalid(
            at,
            Value::Null,
            "must not update from a positive integer to nil value",
        )),
        (Some(new), Some(old)) if new > old => {
            let detail = "must be less than or equal to previous value";
            errors.push(FieldError::invalid(at, new, detail));
        }
        _ => {}
    }
}

fn check_tolerations(new: &Value, old: &Value, at: &Path<'_>, errors: &mut Errors) {
    let without_seconds = |toleration: &Value| {
        let mut copy = toleration.clone();
        remove(&mut copy, "tolerationSeconds");
        copy
    };
    let after: Vec<Value> = items(new, "tolerations").iter().map(without_seconds).collect();
    let kept = items(old, "tolerations").iter().map(without_seconds).all(|before| after.contains(&before));
    if !kept {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden(at.field("tolerations"), detail));
    }
}

fn check_gates(new: &Value, old: &Value, at: &Path<'_>, errors: &mut Errors) {
    let before = items(old, "schedulingGates");
    for gate in items(new, "schedulingGates").iter().filter(|gate| !before.contains(gate)) {
        let detail =
            format!("only deletion is allowed, but found new scheduling gate '{}'", text(gate, "name"));
        errors.push(FieldError::forbidden(at.field("schedulingGates"), detail));
    }
}

fn narrows_node_selector(new: &Value, old: &Value) -> bool {
    old.as_object().into_iter().flatten().all(|(key, value)| new.get(key) == Some(value))
}

/// Whether the required node affinity only got narrower: as many terms, none with less in it.
fn narrows_affinity(new: &Value, old: &Value) -> bool {
    let terms = |spec: &Value| -> Vec<Value> {
        let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        items(required, "nodeSelectorTerms").to_vec()
    };
    let (before, after) = (terms(old), terms(new));
    if before.is_empty() {
        return true;
    }
    before.len() == after.len()
        && before.iter().zip(&after).all(|(before, after)| {
            ["matchExpressions", "matchFields"].into_iter().all(|list| {
                items(before, list).iter().all(|requirement| items(after, list).contains(requirement))
            })
        })
}

/// Checks the binding of a pod: it has none yet, and a target.
pub(crate) fn check_binding(binding: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("target");
    let target = &binding["target"];
    let kind = text(target, "kind");
    if !matches!(kind, "" | "Node") {
        errors.push(FieldError::not_supported(at.field("kind"), kind, &["Node", "<empty>"]));
    }
    if text(target, "name").is_empty() {
        errors.push(FieldError::required(at.field("name"), ""));
    }
}

/// Checks a change of a Pod's status: container states do not go back from terminated when restarts are forbidden.
pub(crate) fn check_pod_status(new: &Value, old: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("status");
    if has(&new["spec"], "nodeName") && text(&new["spec"], "nodeName") != text(&old["spec"], "nodeName") {
        errors.push(FieldError::forbidden("spec.nodeName", "may not be changed directly"));
    }
    let nominated = text(&new["status"], "nominatedNodeName");
    if !nominated.is_empty() {
        let wrong = crate::names::dns1123_subdomain(nominated);
        errors.invalid_text(at.field("nominatedNodeName"), nominated, wrong);
    }
    let policy = text(&new["spec"], "restartPolicy");
    if policy == "Always" {
        return;
    }
    let at_statuses = at.field("containerStatuses");
    for before in items(&old["status"], "containerStatuses") {
        let terminated = &before["state"]["terminated"];
        let may_restart = policy == "OnFailure" && terminated["exitCode"] != json!(0);
        if terminated.is_null() || may_restart {
            continue;
        }
        for (index, after) in items(&new["status"], "containerStatuses").iter().enumerate() {
            if after["name"] == before["name"] && after["state"].get("terminated").is_none_or(Value::is_null)
            {
                let at_status = at_statuses.index(index);
                errors.push(FieldError::forbidden(
                    at_status.field("state"),
                    "may not be transitioned to non-terminated state",
                ));
            }
        }
    }
}
