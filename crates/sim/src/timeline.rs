//! What happens in a scenario, in order of time.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::scenario::{FaultKind, ObjectName, Scenario};
use crate::world::name_of;

/// Ramps are cut into moments of this length: that of the HorizontalPodAutoscaler.
const TICK: Duration = Duration::from_secs(15);

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    /// When, after the start.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// An object is made, or changed to be like this.
    Apply(Value),
    /// Fields of an object change.
    Patch(ObjectName, Value),
    /// An object is deleted.
    Delete(ObjectName),
    /// A fault begins.
    Begins(FaultKind),
    /// A fault ends.
    Ends(FaultKind),
}

/// All that happens to objects and controllers, in order of time. The market's script is not in it: the region has it.
pub(crate) fn timeline(scenario: &Scenario) -> Vec<Happening> {
    let mut happenings = Vec::new();
    let zoned = scenario.start.to_zoned(TimeZone::UTC);
    let hour = f64::from(zoned.hour()) + f64::from(zoned.minute()) / 60.0;
    for workload in &scenario.workloads {
        let name = ObjectName {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some(workload.namespace.clone()),
            name: workload.name.clone(),
        };
        for (object, at, fields) in workload.changes(hour, scenario.duration.0, TICK) {
            happenings.push(Happening { at, what: What::Patch(object, fields) });
        }
        for step in &workload.steps {
            let Some(image) = &step.image else { continue };
            // a version alone is a tag of the first image
            let image = if image.contains([':', '/']) {
                image.clone()
            } else {
                format!("registry.example/app:{image}")
            };
            let mark = json!({"example.com/image": image});
            let body = json!({"spec": {"template": {"metadata": {"annotations": mark}}}});
            happenings.push(Happening { at: step.at.0, what: What::Patch(name.clone(), body) });
        }
    }
    for change in &scenario.changes {
        let what = match (&change.apply, &change.patch, &change.delete) {
            (Some(object), ..) => What::Apply(object.clone()),
            (None, Some(object), _) => What::Patch(name_of(object), object.clone()),
            (None, None, Some(name)) => What::Delete(name.clone()),
            (None, None, None) => continue,
        };
        happenings.push(Happening { at: change.at.0, what });
    }
    for fault in &scenario.faults {
        happenings.push(Happening { at: fault.at.0, what: What::Begins(fault.kind) });
        if fault.kind != FaultKind::DropWatches {
            let at = fault.at.0 + fault.lasts.0;
            happenings.push(Happening { at, what: What::Ends(fault.kind) });
        }
    }
    happenings.retain(|happening| happening.at <= scenario.duration.0);
    // equal moments keep the order in which they were told
    happenings.sort_by_key(|happening| happening.at);
    happenings
}
