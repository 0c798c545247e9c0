//! Objects in another version than the one they are kept in.

use serde_json::{Map, Value, json};

/// How a version comes from the storage version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Only `apiVersion` differs.
    ApiVersionOnly,
    /// A webhook knows how.
    Webhook,
    /// The object is kept as a core Event and served as one of events.k8s.io.
    Events,
    /// The object is kept as an autoscaling/v2 HorizontalPodAutoscaler and served as v1.
    AutoscalerV1,
}

/// Fields of events: (core, events.k8s.io).
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Converts an object: from the storage version if `is_to_storage` is false, else to it. Sets `apiVersion`.
pub(crate) fn convert(object: &mut Value, conversion: Conversion, is_to_storage: bool, api_version: &str) {
    let Some(members) = object.as_object_mut() else { return };
    match conversion {
        // What a webhook converts comes converted.
        Conversion::ApiVersionOnly | Conversion::Webhook => {}
        Conversion::Events => {
            for (core, events) in EVENT_FIELDS {
                let (from, to) = if is_to_storage { (events, core) } else { (core, events) };
                if let Some(value) = members.shift_remove(*from) {
                    members.insert((*to).to_owned(), value);
                }
            }
        }
        Conversion::AutoscalerV1 if is_to_storage => autoscaler_to_v2(members),
        Conversion::AutoscalerV1 => autoscaler_to_v1(members),
    }
    members.insert("apiVersion".to_owned(), json!(api_version));
}

/// The annotations in which v1 carries what it has no fields for.
const METRICS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/conditions";

fn is_cpu_utilization(metric: &Value) -> bool {
    metric["type"] == "Resource"
        && metric["resource"]["name"] == "cpu"
        && metric["resource"]["target"]["type"] == "Utilization"
}

fn annotation(members: &mut Map<String, Value>, key: &str, value: &Value) {
    if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(key.to_owned(), Value::String(value.to_string()));
        }
    }
}

fn take_annotation(members: &mut Map<String, Value>, key: &str) -> Option<Value> {
    let annotations = members.get_mut("metadata")?.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.shift_remove(key)?;
    serde_json::from_str(text.as_str()?).ok()
}

fn autoscaler_to_v1(members: &mut Map<String, Value>) {
    let mut others = Vec::new();
    let mut behavior = None;
    if let Some(spec) = members.get_mut("spec").and_then(Value::as_object_mut) {
        behavior = spec.shift_remove("behavior");
        let metrics = spec.shift_remove("metrics");
        let mut has_cpu = false;
        for metric in metrics.as_ref().and_then(Value::as_array).into_iter().flatten() {
            if is_cpu_utilization(metric) && !has_cpu {
                has_cpu = true;
                let target = metric["resource"]["target"]["averageUtilization"].clone();
                spec.insert("targetCPUUtilizationPercentage".to_owned(), target);
            } else {
                others.push(metric.clone());
            }
        }
    }
    let mut conditions = None;
    if let Some(status) = members.get_mut("status").and_then(Value::as_object_mut) {
        conditions = status.shift_remove("conditions");
        let metrics = status.shift_remove("currentMetrics");
        let cpu = metrics.as_ref().and_then(Value::as_array).into_iter().flatten().find_map(|metric| {
            (metric["resource"]["name"] == "cpu")
                .then(|| metric["resource"]["current"]["averageUtilization"].clone())
                .filter(|value| !value.is_null())
        });
        if let Some(cpu) = cpu {
            status.insert("currentCPUUtilizationPercentage".to_owned(), cpu);
        }
    }
    if !others.is_empty() {
        annotation(members, METRICS_ANNOTATION, &Value::Array(others));
    }
    if let Some(behavior) = behavior {
        annotation(members, BEHAVIOR_ANNOTATION, &behavior);
    }
    if let Some(conditions) = conditions {
        annotation(members, CONDITIONS_ANNOTATION, &conditions);
    }
}

fn autoscaler_to_v2(members: &mut Map<String, Value>) {
    let others = take_annotation(members, METRICS_ANNOTATION);
    let behavior = take_annotation(members, BEHAVIOR_ANNOTATION);
    let conditions = take_annotation(members, CONDITIONS_ANNOTATION);
    if let Some(spec) = members.get_mut("spec").and_then(Value::as_object_mut) {
        let mut metrics = others.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(percent) = spec.shift_remove("targetCPUUtilizationPercentage") {
            metrics.push(json!({
                "type": "Resource",
                "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": percent } },
            }));
        }
        if !metrics.is_empty() {
            spec.insert("metrics".to_owned(), Value::Array(metrics));
        }
        if let Some(behavior) = behavior {
            spec.insert("behavior".to_owned(), behavior);
        }
    }
    if let Some(status) = members.get_mut("status").and_then(Value::as_object_mut) {
        if let Some(percent) = status.shift_remove("currentCPUUtilizationPercentage") {
            let metric = json!({
                "type": "Resource",
                "resource": { "name": "cpu", "current": { "averageUtilization": percent } },
            });
            status.insert("currentMetrics".to_owned(), json!([metric]));
        }
        if let Some(conditions) = conditions {
            status.insert("conditions".to_owned(), conditions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_there_and_back() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "message": "m",
            "involvedObject": {"name": "p"}, "reportingComponent": "c", "count": 3});
        let mut object = core.clone();
        convert(&mut object, Conversion::Events, false, "events.k8s.io/v1");
        assert_eq!(object["note"], "m");
        assert_eq!(object["regarding"]["name"], "p");
        assert_eq!(object["deprecatedCount"], 3);
        convert(&mut object, Conversion::Events, true, "v1");
        assert_eq!(object, core);
    }

    #[test]
    fn an_autoscaler_keeps_what_v1_has_no_fields_for() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}});
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}});
        let mut object = json!({"apiVersion": "autoscaling/v2", "metadata": {"name": "h"},
            "spec": {"maxReplicas": 5, "metrics": [memory, cpu], "behavior": {"scaleUp": {}}}});
        let original = object.clone();
        convert(&mut object, Conversion::AutoscalerV1, false, "autoscaling/v1");
        assert_eq!(object["spec"]["targetCPUUtilizationPercentage"], 60);
        assert_eq!(object["spec"].get("metrics"), None);
        convert(&mut object, Conversion::AutoscalerV1, true, "autoscaling/v2");
        assert_eq!(object["spec"], original["spec"]);
    }
}
