//! The priority of a pod, from its class (`Priority`).

use serde_json::Value;

use crate::admission::lookup::Lookup;
use crate::admission::request::{Operation, Rejection, Request};
use crate::builtin::read::{ensure_object, has, int, set, set_default_text, text, truth};
use crate::gvk::Gvr;

const SYSTEM_CLASSES: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

pub(super) fn resolve(request: &mut Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    if request.is_for("scheduling.k8s.io", "priorityclasses") {
        return check_class(request, lookup);
    }
    if request.is_for("", "pods") && request.operation == Operation::Update {
        keep(request);
        return Ok(());
    }
    if !request.creates("", "pods") {
        return Ok(());
    }
    let Some(pod) = &request.object else { return Ok(()) };
    let asked = text(&pod["spec"], "priorityClassName").to_owned();
    let classes = Gvr::new("scheduling.k8s.io", "v1", "priorityclasses");
    let (name, value, preemption) = if asked.is_empty() {
        match default_class(lookup, &classes) {
            Some((name, value, preemption)) => (name, value, preemption),
            None => (String::new(), 0, "PreemptLowerPriority".to_owned()),
        }
    } else if let Some(class) = lookup.get(&classes, "", &asked) {
        (asked, int(&class, "value").unwrap_or_default(), preemption_of(&class))
    } else if let Some((_, value)) = SYSTEM_CLASSES.into_iter().find(|(name, _)| *name == asked) {
        (asked, value, "PreemptLowerPriority".to_owned())
    } else {
        let because = format!("no PriorityClass with name {asked} was found");
        return Err(Rejection::forbidden(request, &because));
    };
    if let Some(asked) = int(&pod["spec"], "priority").filter(|asked| *asked != value) {
        let because = format!(
            "the integer value of priority ({asked}) must not be provided in pod spec; priority admission controller \
             computed {value} from the given PriorityClass name"
        );
        return Err(Rejection::forbidden(request, &because));
    }
    let policy = text(&pod["spec"], "preemptionPolicy");
    if !policy.is_empty() && policy != preemption {
        let because = format!(
            "the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority admission \
             controller computed {preemption} from the given PriorityClass name"
        );
        return Err(Rejection::forbidden(request, &because));
    }
    if let Some(spec) = request.object.as_mut().and_then(|pod| ensure_object(pod, "spec")) {
        if !name.is_empty() {
            set_default_text(spec, "priorityClassName", &name);
        }
        set(spec, "priority", value);
        set_default_text(spec, "preemptionPolicy", &preemption);
    }
    Ok(())
}

/// What was resolved at creation is kept by updates that leave it out.
fn keep(request: &mut Request) {
    let (Some(pod), Some(old)) = (&mut request.object, &request.old_object) else { return };
    let old = old["spec"].clone();
    if let Some(spec) = ensure_object(pod, "spec") {
        for field in ["priority", "preemptionPolicy", "priorityClassName"] {
            if !has(spec, field) && has(&old, field) {
                set(spec, field, old[field].clone());
            }
        }
    }
}

/// The class for pods that name none: of several the one with the lowest value.
fn default_class(lookup: &dyn Lookup, classes: &Gvr) -> Option<(String, i64, String)> {
    let classes = lookup.list(classes, None);
    classes
        .iter()
        .filter(|class| truth(class, "globalDefault"))
        .min_by_key(|class| int(class, "value").unwrap_or_default())
        .map(|class| {
            let name = text(&class["metadata"], "name").to_owned();
            (name, int(class, "value").unwrap_or_default(), preemption_of(class))
        })
}

fn preemption_of(class: &Value) -> String {
    let policy = text(class, "preemptionPolicy");
    if policy.is_empty() { "PreemptLowerPriority".to_owned() } else { policy.to_owned() }
}

/// One class can be the default.
fn check_class(request: &Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    let Some(class) = &request.object else { return Ok(()) };
    if !truth(class, "globalDefault") {
        return Ok(());
    }
    let others = lookup.list(&Gvr::new("scheduling.k8s.io", "v1", "priorityclasses"), None);
    let taken = others
        .iter()
        .find(|other| truth(other, "globalDefault") && text(&other["metadata"], "name") != request.name);
    match taken {
        None => Ok(()),
        Some(other) => {
            let name = text(&other["metadata"], "name");
            let because =
                format!("PriorityClass {name} is already marked as default. Only one default can exist");
            Err(Rejection::forbidden(request, &because))
        }
    }
}
