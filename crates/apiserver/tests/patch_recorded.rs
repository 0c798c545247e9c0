//! Patches and applies compared with what the Go libraries of Kubernetes make of them: recorded results of `strategicpatch` (Kubernetes 1.20) and of
//! its field manager over structured-merge-diff 4.1, for random objects.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_apiserver::patch::fields::FieldSet;
use supercargo_apiserver::patch::managed::{ApplyError, Writer, apply, on_update};
use supercargo_apiserver::patch::{merge, strategic};
use supercargo_apiserver::schema::builtin;

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/patch/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn strategic_patches_make_what_upstream_makes() {
    let mut compared = 0;
    for case in cases("strategic") {
        let group = if case["kind"] == "Pod" { "" } else { "apps" };
        let schema = builtin(group, "v1", case["kind"].as_str().unwrap()).unwrap();
        let ours = strategic::apply(&case["original"], &case["patch"], schema);
        if case["error"] == true {
            assert!(ours.is_err(), "{case}");
        } else {
            assert_eq!(ours.unwrap(), case["result"], "{case}");
        }
        compared += 1;
    }
    assert!(compared > 100);
}

/// Without times, and with lists in one order: the order of merged lists is newer than the recording.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !["time", "fieldsType"].contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(plain).collect();
            elements.sort_by_key(|element| {
                let sorted: std::collections::BTreeMap<String, Value> = element
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                if sorted.is_empty() { element.to_string() } else { json!(sorted).to_string() }
            });
            Value::Array(elements)
        }
        other => other.clone(),
    }
}

#[test]
fn applies_and_updates_make_what_upstream_makes_with_the_same_managers_and_conflicts() {
    let schema = builtin("apps", "v1", "Deployment").unwrap();
    let reset = FieldSet::new();
    let (mut compared, mut conflicts) = (0, 0);
    for steps in cases("apply") {
        let mut live: Option<Value> = None;
        for step in steps.as_array().unwrap() {
            let manager = step["manager"].as_str().unwrap();
            let writer = Writer {
                manager,
                subresource: "",
                api_version: "apps/v1",
                now: Timestamp::UNIX_EPOCH,
                reset: &reset,
            };
            let result = if step["op"] == "apply" {
                apply(live.as_ref(), &step["object"], &writer, step["force"] == true, schema)
            } else {
                let empty = json!({ "apiVersion": "apps/v1", "kind": "Deployment" });
                let mut new = merge::apply(live.clone().unwrap_or(empty), &step["object"]);
                on_update(live.as_ref(), &mut new, &writer, schema);
                Ok(new)
            };
            match result {
                Ok(object) => {
                    assert_eq!(plain(&object), plain(&step["live"]), "{step}");
                    live = Some(object);
                }
                Err(ApplyError::Conflict(found)) => {
                    assert_eq!(json!(found.conflicts.len()), step["conflicts"], "{step}");
                    conflicts += 1;
                }
                Err(error) => panic!("{error}: {step}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 150 && conflicts > 10, "{compared} steps, {conflicts} conflicts");
}
