//! What webhooks are asked, and how their answers are read (`AdmissionReview`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::matching::{Shown, shown_object};
use super::request::{Request, Warning};
use crate::builtin::read::{entries, items, text};
use crate::gvk::{Gvk, Gvr};

/// Longest warning that is passed on, in characters; all of an answer together may be as long as sixteen of them.
const LONGEST_WARNING: usize = 256;

/// Most warnings of one answer.
const MOST_WARNINGS: usize = 16;

/// The versions of reviews that are spoken.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// The version in which a webhook is asked: the first of its own that is spoken.
pub(super) fn version_for(webhook: &Value) -> Option<&'static str> {
    items(webhook, "admissionReviewVersions")
        .iter()
        .filter_map(Value::as_str)
        .find_map(|wanted| VERSIONS.into_iter().find(|known| *known == wanted))
}

/// The review that a webhook is sent.
pub(super) fn review(request: &Request, shown: &Shown, version: &str) -> Value {
    let kind = |gvk: &Gvk| json!({ "group": gvk.group, "version": gvk.version, "kind": gvk.kind });
    let resource =
        |gvr: &Gvr| json!({ "group": gvr.group, "version": gvr.version, "resource": gvr.resource });
    let object =
        |object: Option<&Value>| object.map_or(Value::Null, |object| shown_object(object, shown, request));
    let mut asked = json!({
        "uid": request.uid,
        "kind": kind(&shown.gvk),
        "resource": resource(&shown.gvr),
        "requestKind": kind(&request.gvk),
        "requestResource": resource(&request.gvr),
    });
    for (field, value) in
        [("subResource", &request.subresource), ("requestSubResource", &request.subresource)]
    {
        if !value.is_empty() {
            asked[field] = json!(value);
        }
    }
    for (field, value) in [("name", &request.name), ("namespace", &request.namespace)] {
        if !value.is_empty() {
            asked[field] = json!(value);
        }
    }
    asked["operation"] = json!(request.operation.as_str());
    asked["userInfo"] = request.user.to_value();
    asked["object"] = object(request.object.as_ref());
    asked["oldObject"] = object(request.old_object.as_deref());
    asked["dryRun"] = json!(request.dry_run);
    asked["options"] = request.options.clone();
    json!({ "kind": "AdmissionReview", "apiVersion": format!("admission.k8s.io/{version}"), "request": asked })
}

/// The answer of a webhook.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// The operations of a JSON patch.
    pub(super) patch: Option<Value>,
    /// Why not: the `status` of the answer.
    pub(super) status: Value,
    pub(super) warnings: Vec<Warning>,
    pub(super) audit_annotations: BTreeMap<String, String>,
}

/// Reads the answer of a webhook.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub(super) fn answer(body: &[u8], request: &Request, version: &str, name: &str) -> Result<Answer, String> {
    let review: Value = serde_json::from_slice(body)
        .map_err(|error| format!("received invalid webhook response: could not decode it: {error}"))?;
    let expected = format!("admission.k8s.io/{version}");
    if text(&review, "kind") != "AdmissionReview" || text(&review, "apiVersion") != expected {
        return Err(format!(
            "received invalid webhook response: expected webhook response of {expected}, Kind=AdmissionReview, got {}, \
             Kind={}",
            text(&review, "apiVersion"),
            text(&review, "kind")
        ));
    }
    let Some(response) = review.get("response").filter(|response| response.is_object()) else {
        return Err("received invalid webhook response: webhook response was absent".to_owned());
    };
    if version == "v1" && text(response, "uid") != request.uid {
        return Err(format!(
            "received invalid webhook response: expected response.uid={:?}, got {:?}",
            request.uid,
            text(response, "uid")
        ));
    }
    let patch = match response.get("patch").and_then(Value::as_str).filter(|patch| !patch.is_empty()) {
        None => None,
        Some(encoded) => {
            let kind = text(response, "patchType");
            if kind != "JSONPatch" && !(version == "v1beta1" && kind.is_empty()) {
                return Err(format!(
                    "received invalid webhook response: webhook returned invalid response.patchType of {kind:?}"
                ));
            }
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|error| format!("received invalid webhook response: patch is no base64: {error}"))?;
            let operations: Value = serde_json::from_slice(&bytes)
                .map_err(|error| format!("received invalid webhook response: patch is no JSON: {error}"))?;
            Some(operations)
        }
    };
    Ok(Answer {
        allowed: response["allowed"].as_bool() == Some(true),
        patch,
        status: response["status"].clone(),
        warnings: items(response, "warnings")
            .iter()
            .filter_map(Value::as_str)
            .take(MOST_WARNINGS)
            .map(|warning| warning.chars().take(LONGEST_WARNING).collect())
            .collect(),
        audit_annotations: entries(response, "auditAnnotations")
            .filter_map(|(key, value)| Some((format!("{name}/{key}"), value.as_str()?.to_owned())))
            .collect(),
    })
}
