//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.

use serde_json::{Value, json};

use crate::builtin::pod::defaults::template;
use crate::builtin::pod::spec::check_pod_template;
use crate::builtin::read::{
    Errors, ensure_object, has, has_content, int, items, items_mut, remove, same, set, set_default,
    set_default_text, text,
};
use crate::builtin::selectors::{check_selector, compiled, is_empty_selector, label_map};
use crate::builtin::storage::default_claim;
use crate::field_error::{FieldError, Path};

use super::rolling::{check_daemon_strategy, check_not_negative, check_strategy};

/// Fields of a StatefulSet's spec that may change.
const STATEFUL_MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Defaults of a Deployment.
pub(crate) fn default_deployment(deployment: &mut Value) {
    let Some(spec) = ensure_object(deployment, "spec") else { return };
    set_default(spec, "replicas", 1);
    template(spec);
    if let Some(strategy) = ensure_object(spec, "strategy") {
        set_default_text(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = ensure_object(strategy, "rollingUpdate")
        {
            set_default(update, "maxUnavailable", "25%");
            set_default(update, "maxSurge", "25%");
        }
    }
    set_default(spec, "revisionHistoryLimit", 10);
    set_default(spec, "progressDeadlineSeconds", 600);
}

/// Defaults of a ReplicaSet.
pub(crate) fn default_replica_set(set: &mut Value) {
    if let Some(spec) = ensure_object(set, "spec") {
        set_default(spec, "replicas", 1);
        template(spec);
    }
}

/// Defaults of a ReplicationController: selector and labels come from its template.
pub(crate) fn default_replication_controller(controller: &mut Value) {
    let labels = controller["spec"]["template"]["metadata"]["labels"].clone();
    if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        if let Some(metadata) = ensure_object(controller, "metadata")
            && !has_content(metadata, "labels")
        {
            set(metadata, "labels", labels.clone());
        }
        if let Some(spec) = ensure_object(controller, "spec")
            && !has_content(spec, "selector")
        {
            set(spec, "selector", labels);
        }
    }
    default_replica_set(controller);
}

/// Defaults of a StatefulSet.
pub(crate) fn default_stateful_set(stateful: &mut Value) {
    let Some(spec) = ensure_object(stateful, "spec") else { return };
    set_default_text(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = ensure_object(spec, "updateStrategy") {
        set_default_text(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = ensure_object(strategy, "rollingUpdate")
        {
            set_default(update, "partition", 0);
        }
    }
    if let Some(policy) = ensure_object(spec, "persistentVolumeClaimRetentionPolicy") {
        set_default_text(policy, "whenDeleted", "Retain");
        set_default_text(policy, "whenScaled", "Retain");
    }
    set_default(spec, "replicas", 1);
    set_default(spec, "revisionHistoryLimit", 10);
    template(spec);
    for claim in items_mut(spec, "volumeClaimTemplates") {
        set_default_text(claim, "apiVersion", "v1");
        set_default_text(claim, "kind", "PersistentVolumeClaim");
        default_claim(claim);
    }
}

/// Defaults of a DaemonSet.
pub(crate) fn default_daemon_set(daemons: &mut Value) {
    let Some(spec) = ensure_object(daemons, "spec") else { return };
    template(spec);
    if let Some(strategy) = ensure_object(spec, "updateStrategy") {
        set_default_text(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = ensure_object(strategy, "rollingUpdate")
        {
            set_default(update, "maxUnavailable", 1);
            set_default(update, "maxSurge", 0);
        }
    }
    set_default(spec, "revisionHistoryLimit", 10);
}

/// Checks a Deployment.
pub(crate) fn check_deployment(deployment: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &deployment["spec"];
    check_not_negative(spec, "replicas", &at, errors);
    check_selector_and_template(spec, &at, "deployment", "ReplicaSet", errors);
    check_strategy(spec, &at, errors);
    check_not_negative(spec, "minReadySeconds", &at, errors);
    check_not_negative(spec, "revisionHistoryLimit", &at, errors);
    if has(spec, "progressDeadlineSeconds") {
        check_not_negative(spec, "progressDeadlineSeconds", &at, errors);
        let deadline = int(spec, "progressDeadlineSeconds").unwrap_or_default();
        if deadline <= int(spec, "minReadySeconds").unwrap_or_default() {
            let detail = "must be greater than minReadySeconds";
            errors.push(FieldError::invalid(at.field("progressDeadlineSeconds"), deadline, detail));
        }
    }
}

/// Checks a ReplicaSet.
pub(crate) fn check_replica_set(set: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &set["spec"];
    check_not_negative(spec, "replicas", &at, errors);
    check_not_negative(spec, "minReadySeconds", &at, errors);
    check_selector_and_template(spec, &at, "deployment", "ReplicaSet", errors);
}

/// Checks a DaemonSet.
pub(crate) fn check_daemon_set(daemons: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &daemons["spec"];
    check_selector_and_template(spec, &at, "daemonset", "DaemonSet", errors);
    check_not_negative(spec, "minReadySeconds", &at, errors);
    check_not_negative(spec, "revisionHistoryLimit", &at, errors);
    check_daemon_strategy(spec, &at, errors);
}

/// Checks a StatefulSet.
pub(crate) fn check_stateful_set(stateful: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &stateful["spec"];
    let policy = text(spec, "podManagementPolicy");
    match policy {
        "" => errors.push(FieldError::required(at.field("podManagementPolicy"), "")),
        "OrderedReady" | "Parallel" => {}
        _ => {
            let detail = "must be 'OrderedReady' or 'Parallel'";
            errors.push(FieldError::invalid(at.field("podManagementPolicy"), policy, detail));
        }
    }
    check_stateful_strategy(spec, &at, errors);
    let at_policy = at.field("persistentVolumeClaimRetentionPolicy");
    for field in ["whenDeleted", "whenScaled"] {
        let policy = text(&spec["persistentVolumeClaimRetentionPolicy"], field);
        if !matches!(policy, "" | "Retain" | "Delete") {
            errors.push(FieldError::not_supported(at_policy.field(field), policy, &["Delete", "Retain"]));
        }
    }
    check_not_negative(spec, "replicas", &at, errors);
    check_not_negative(spec, "minReadySeconds", &at, errors);
    check_not_negative(spec, "revisionHistoryLimit", &at, errors);
    if has(spec, "ordinals") {
        let at_ordinals = at.field("ordinals");
        check_not_negative(&spec["ordinals"], "start", &at_ordinals, errors);
    }
    check_selector_and_template(&with_claimed_volumes(spec), &at, "statefulset", "StatefulSet", errors);
    let at_claims = at.field("volumeClaimTemplates");
    for (index, claim) in items(spec, "volumeClaimTemplates").iter().enumerate() {
        let at = at_claims.index(index);
        crate::builtin::storage::check_claim_spec(&claim["spec"], &at.field("spec"), errors);
    }
}

/// The spec as its pods will have it: with a volume for every claim, which containers may mount.
fn with_claimed_volumes(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let names = items(&spec, "volumeClaimTemplates").iter().map(|claim| text(&claim["metadata"], "name"));
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let Some(pod) = spec.pointer_mut("/template/spec").filter(|pod| pod.is_object()) else { return spec };
    let mut volumes = items(pod, "volumes").to_vec();
    for name in names {
        if !volumes.iter().any(|volume| text(volume, "name") == name) {
            volumes.push(json!({ "name": name, "persistentVolumeClaim": { "claimName": name } }));
        }
    }
    if !volumes.is_empty() {
        pod["volumes"] = Value::Array(volumes);
    }
    spec
}

fn check_stateful_strategy(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("updateStrategy");
    let strategy = &spec["updateStrategy"];
    match text(strategy, "type") {
        "" => errors.push(FieldError::required(at.field("type"), "")),
        "OnDelete" => {
            if has(strategy, "rollingUpdate") {
                let detail = "only allowed for updateStrategy 'RollingUpdate'";
                errors.push(FieldError::invalid(
                    at.field("rollingUpdate"),
                    strategy["rollingUpdate"].clone(),
                    detail,
                ));
            }
        }
        "RollingUpdate" => {
            check_not_negative(&strategy["rollingUpdate"], "partition", &at.field("rollingUpdate"), errors)
        }
        other => {
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(FieldError::invalid(at, other, detail));
        }
    }
}

/// Checks a ReplicationController.
pub(crate) fn check_replication_controller(controller: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &controller["spec"];
    check_not_negative(spec, "replicas", &at, errors);
    check_not_negative(spec, "minReadySeconds", &at, errors);
    if !has_content(spec, "selector") {
        errors.push(FieldError::required(at.field("selector"), ""));
    }
    let at_template = at.field("template");
    if !has(spec, "template") {
        errors.push(FieldError::required(at_template, ""));
        return;
    }
    let labels = &spec["template"]["metadata"]["labels"];
    let wanted = label_map(&spec["selector"]);
    let found = label_map(labels);
    if !wanted.is_empty() && !wanted.iter().all(|(key, value)| found.get(key) == Some(value)) {
        let at = at_template.field("metadata");
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(at.field("labels"), shown_labels(labels), detail));
    }
    check_pod_template(&spec["template"], &at_template, Some("ReplicationController"), errors);
}

/// The selector must be there and select the template's pods; the template must be right.
fn check_selector_and_template(spec: &Value, at: &Path<'_>, noun: &str, owner: &str, errors: &mut Errors) {
    let selector = &spec["selector"];
    let at_selector = at.field("selector");
    if selector.is_null() {
        errors.push(FieldError::required(at_selector, ""));
    } else {
        check_selector(selector, &at_selector, errors);
        if is_empty_selector(selector) {
            let detail = format!("empty selector is invalid for {noun}");
            errors.push(FieldError::invalid(at_selector, selector.clone(), detail));
        }
    }
    let at_template = at.field("template");
    let template = &spec["template"];
    if let Some(selector) = (!selector.is_null()).then(|| compiled(selector)).flatten()
        && !selector.selects_everything()
    {
        let labels = &template["metadata"]["labels"];
        if !selector.matches(&label_map(labels)) {
            let at = at_template.field("metadata");
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid(at.field("labels"), shown_labels(labels), detail));
        }
    }
    check_pod_template(template, &at_template, Some(owner), errors);
}

fn shown_labels(labels: &Value) -> Value {
    if labels.is_null() { json!(null) } else { labels.clone() }
}

/// Checks that the selector stays as it was made.
pub(crate) fn check_selector_stays(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"]["selector"], &old["spec"]["selector"]);
    if !same(new, old) {
        errors.push(FieldError::invalid("spec.selector", new.clone(), "field is immutable"));
    }
}

/// Checks an update of a StatefulSet: few fields may change.
pub(crate) fn check_stateful_set_update(new: &Value, old: &Value, errors: &mut Errors) {
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        for field in STATEFUL_MUTABLE {
            remove(&mut spec, field);
        }
        for claim in items_mut(&mut spec, "volumeClaimTemplates") {
            remove(claim, "status");
        }
        spec
    };
    if !same(&fixed(new), &fixed(old)) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                      'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                      'minReadySeconds' are forbidden";
        errors.push(FieldError::forbidden("spec", detail));
    }
}
