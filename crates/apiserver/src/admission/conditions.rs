//! Expressions about requests: match conditions, and the variables that they and policies can use.

use serde_json::{Value, json};

use super::lookup::Lookup;
use super::matching::{Shown, shown_object};
use super::request::Request;
use crate::builtin::read::{items, text};
use crate::custom::expression::{CelValue, Failure, compile_once, evaluate, from_json};
use crate::gvk::Gvr;

/// Variables of match conditions.
static CONDITION_VARIABLES: [&str; 5] = ["object", "oldObject", "request", "params", "namespaceObject"];

/// What all match conditions of a webhook or policy may cost together.
pub(super) const BUDGET: u64 = 50_000_000;

/// The variables that a request gives.
pub(super) struct Facts {
    pub(super) object: CelValue,
    pub(super) old_object: CelValue,
    pub(super) request: CelValue,
    pub(super) namespace: CelValue,
}

impl Facts {
    /// The facts of a request, shown as this version.
    pub(super) fn new(request: &Request, shown: &Shown, lookup: &dyn Lookup) -> Self {
        let object = |object: Option<&Value>| {
            object.map_or(CelValue::Null, |object| from_json(&shown_object(object, shown, request)))
        };
        let namespace = if request.namespace.is_empty() {
            None
        } else {
            lookup.get(&Gvr::new("", "v1", "namespaces"), "", &request.namespace)
        };
        Self {
            object: object(request.object.as_ref()),
            old_object: object(request.old_object.as_deref()),
            request: from_json(&request_value(request, shown)),
            namespace: namespace.map_or(CelValue::Null, |namespace| from_json(&namespace)),
        }
    }
}

fn request_value(request: &Request, shown: &Shown) -> Value {
    let kind =
        |gvk: &crate::gvk::Gvk| json!({ "group": gvk.group, "version": gvk.version, "kind": gvk.kind });
    let resource =
        |gvr: &Gvr| json!({ "group": gvr.group, "version": gvr.version, "resource": gvr.resource });
    json!({
        "kind": kind(&shown.gvk),
        "resource": resource(&shown.gvr),
        "subResource": request.subresource,
        "requestKind": kind(&request.gvk),
        "requestResource": resource(&request.gvr),
        "requestSubResource": request.subresource,
        "name": request.name,
        "namespace": request.namespace,
        "operation": request.operation.as_str(),
        "userInfo": request.user.to_value(),
        "dryRun": request.dry_run,
        "options": request.options,
        "uid": request.uid,
    })
}

/// How match conditions came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All are true.
    Holds,
    /// One is false: the webhook or policy is not about the request.
    Excluded,
    /// None is false, and one has no value: what went wrong.
    Failed(String),
}

/// Evaluates the match conditions of a webhook or policy.
pub(super) fn conditions_hold(owner: &Value, facts: &Facts, params: &CelValue) -> Outcome {
    let mut budget = BUDGET;
    let mut failed = None;
    for condition in items(owner, "matchConditions") {
        let name = text(condition, "name");
        let variables = [
            ("object", &facts.object),
            ("oldObject", &facts.old_object),
            ("request", &facts.request),
            ("params", params),
            ("namespaceObject", &facts.namespace),
        ];
        let value = match compile_once(text(condition, "expression"), &CONDITION_VARIABLES) {
            Err(error) => Err(format!("compilation error: {error}")),
            Ok(expression) => match evaluate(&expression, &variables, &mut budget) {
                Ok(CelValue::Bool(value)) => Ok(value),
                Ok(_) => Err("expression does not evaluate to a bool".to_owned()),
                Err(Failure::TooExpensive) => {
                    Err("validation failed due to running out of cost budget".to_owned())
                }
                Err(Failure::Failed(error)) => Err(error),
            },
        };
        match value {
            Ok(true) => {}
            // One that is false decides, whatever the others are.
            Ok(false) => return Outcome::Excluded,
            Err(error) => {
                failed.get_or_insert_with(|| format!("failed to evaluate match condition '{name}': {error}"));
            }
        }
    }
    failed.map_or(Outcome::Holds, Outcome::Failed)
}
