//! ValidatingAdmissionPolicies and their bindings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::conditions::{BUDGET, Facts, Outcome, conditions_hold};
use super::lookup::Lookup;
use super::matching::{is_exempt, matched};
use super::request::{Admitted, Operation, Rejection, Request};
use crate::builtin::ADMISSION_VARIABLES;
use crate::builtin::read::{has, has_content, items, text};
use crate::builtin::selectors::{compiled, labels_of};
use crate::custom::expression::{CelValue, Failure, compile_once, evaluate, from_json};
use crate::gvk::{Gvk, Gvr, split_api_version};

/// Key of the audit annotation of failures that are only noted.
const FAILURE_ANNOTATION: &str = "validation.policy.admission.k8s.io/validation_failure";

fn resource(name: &str) -> Gvr {
    Gvr::new("admissionregistration.k8s.io", "v1", name)
}

/// What a policy has against a request.
struct Complaint {
    message: String,
    reason: String,
    index: usize,
}

/// Asks all policies that are bound to something that the request is about.
pub(super) fn validate(request: &Request, lookup: &dyn Lookup) -> Result<Admitted, Rejection> {
    let mut admitted = Admitted::default();
    if is_exempt(request) || request.operation == Operation::Connect && request.object.is_none() {
        return Ok(admitted);
    }
    let mut denied = None;
    for binding in lookup.list(&resource("validatingadmissionpolicybindings"), None) {
        let spec = &binding["spec"];
        let Some(policy) = lookup.get(&resource("validatingadmissionpolicies"), "", text(spec, "policyName"))
        else {
            continue;
        };
        let names = Names {
            policy: text(&policy["metadata"], "name").to_owned(),
            binding: text(&binding["metadata"], "name").to_owned(),
        };
        let complaints = judge(&policy, &binding, request, lookup, &mut admitted);
        for complaint in complaints {
            act(&complaint, spec, &names, request, &mut admitted, &mut denied);
        }
    }
    match denied {
        Some(rejection) => Err(Rejection::after(rejection, &mut admitted)),
        None => Ok(admitted),
    }
}

struct Names {
    policy: String,
    binding: String,
}

fn act(
    complaint: &Complaint,
    binding: &Value,
    names: &Names,
    request: &Request,
    admitted: &mut Admitted,
    denied: &mut Option<Rejection>,
) {
    let Names { policy, binding: bound } = names;
    for action in items(binding, "validationActions") {
        match action.as_str().unwrap_or_default() {
            "Warn" => admitted.warnings.push(format!(
                "Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{bound}': {}",
                complaint.message
            )),
            "Audit" => {
                let note = json!({
                    "message": complaint.message,
                    "policy": policy,
                    "binding": bound,
                    "expressionIndex": complaint.index,
                    "validationActions": binding["validationActions"],
                });
                let noted = admitted.audit_annotations.entry(FAILURE_ANNOTATION.to_owned()).or_default();
                // All failures of a request are one list.
                let mut list: Vec<Value> = serde_json::from_str(noted).unwrap_or_default();
                list.push(note);
                *noted = Value::from(list).to_string();
            }
            "Deny" if denied.is_none() => {
                let because = format!(
                    "ValidatingAdmissionPolicy '{policy}' with binding '{bound}' denied request: {}",
                    complaint.message
                );
                let mut rejection = Rejection::forbidden(request, &because);
                let code = match complaint.reason.as_str() {
                    "Forbidden" => 403,
                    "Unauthorized" => 401,
                    "RequestEntityTooLarge" => 413,
                    _ => 422,
                };
                rejection.status["reason"] = json!(complaint.reason);
                rejection.status["code"] = json!(code);
                rejection.status["details"]["causes"] = json!([{ "message": because }]);
                *denied = Some(rejection);
            }
            _ => {}
        }
    }
}

/// What a policy, as it is bound, has against a request.
fn judge(
    policy: &Value,
    binding: &Value,
    request: &Request,
    lookup: &dyn Lookup,
    admitted: &mut Admitted,
) -> Vec<Complaint> {
    let spec = &policy["spec"];
    let constraints = &spec["matchConstraints"];
    let Some(shown) = matched(constraints, "resourceRules", "excludeResourceRules", request, lookup) else {
        return Vec::new();
    };
    if !is_bound_to(&binding["spec"]["matchResources"], request, lookup) {
        return Vec::new();
    }
    let fails = text(spec, "failurePolicy") != "Ignore";
    let failed = |message: String| {
        let complaint = Complaint { message, reason: "Invalid".to_owned(), index: 0 };
        if fails { vec![complaint] } else { Vec::new() }
    };
    let facts = Facts::new(request, &shown, lookup);
    let all_params = match params(policy, binding, request, lookup) {
        Ok(params) => params,
        Err(message) => return failed(format!("failed to configure binding: {message}")),
    };
    let mut complaints = Vec::new();
    for params in all_params {
        let params = params.map_or(CelValue::Null, |params| from_json(&params));
        match conditions_hold(spec, &facts, &params) {
            Outcome::Holds => complaints.extend(evaluate_policy(policy, &facts, &params, admitted)),
            Outcome::Excluded => {}
            Outcome::Failed(error) => complaints.extend(failed(error)),
        }
    }
    complaints
}

/// Whether the binding narrows its policy to something else.
fn is_bound_to(resources: &Value, request: &Request, lookup: &dyn Lookup) -> bool {
    if !resources.is_object() {
        return true;
    }
    if has_content(resources, "resourceRules") {
        return matched(resources, "resourceRules", "excludeResourceRules", request, lookup).is_some();
    }
    // Without rules of its own only the selectors narrow.
    let mut open = resources.clone();
    let any = json!([{ "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"], "scope": "*" }]);
    crate::builtin::read::set(&mut open, "resourceRules", any);
    matched(&open, "resourceRules", "excludeResourceRules", request, lookup).is_some()
}

/// The params that a policy is evaluated with, once each; one `None` if it has none.
fn params(
    policy: &Value,
    binding: &Value,
    request: &Request,
    lookup: &dyn Lookup,
) -> Result<Vec<Option<Arc<Value>>>, String> {
    let kind = &policy["spec"]["paramKind"];
    let reference = &binding["spec"]["paramRef"];
    if !kind.is_object() || !reference.is_object() {
        return Ok(vec![None]);
    }
    let (group, version) = split_api_version(text(kind, "apiVersion"));
    let gvk = Gvk::new(group, version, text(kind, "kind"));
    let Some((resource, namespaced)) = lookup.resource_of(&gvk) else {
        return Err(format!("failed to find resource referenced by paramKind: '{gvk}'"));
    };
    let own = text(reference, "namespace");
    let namespace = match (namespaced, own.is_empty()) {
        (false, true) => "",
        (false, false) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, false) => own,
        (true, true) if request.namespace.is_empty() => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                    .to_owned(),
            );
        }
        (true, true) => request.namespace.as_str(),
    };
    let found: Vec<Arc<Value>> = if has_content(reference, "name") {
        lookup.get(&resource, namespace, text(reference, "name")).into_iter().collect()
    } else {
        let selector =
            compiled(&reference["selector"]).ok_or_else(|| "invalid selector of params".to_owned())?;
        let all = lookup.list(&resource, namespaced.then_some(namespace));
        all.into_iter().filter(|object| selector.matches(&labels_of(object))).collect()
    };
    if !found.is_empty() {
        return Ok(found.into_iter().map(Some).collect());
    }
    if text(reference, "parameterNotFoundAction") == "Allow" {
        Ok(Vec::new())
    } else {
        Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned())
    }
}

fn evaluate_policy(
    policy: &Value,
    facts: &Facts,
    params: &CelValue,
    admitted: &mut Admitted,
) -> Vec<Complaint> {
    let spec = &policy["spec"];
    let fails = text(spec, "failurePolicy") != "Ignore";
    let mut run = Run::new(spec, facts, params);
    let mut complaints = Vec::new();
    for (index, validation) in items(spec, "validations").iter().enumerate() {
        let source = text(validation, "expression");
        let reason = match text(validation, "reason") {
            "" => "Invalid",
            reason => reason,
        };
        let complaint = |message: String| Complaint { message, reason: reason.to_owned(), index };
        match run.value(source) {
            Ok(CelValue::Bool(true)) => {}
            Ok(CelValue::Bool(false)) => complaints.push(complaint(run.message(validation, source))),
            Ok(_) if fails => complaints
                .push(complaint(format!("expression '{source}' resulted in error: must evaluate to a bool"))),
            Err(error) if fails => {
                complaints.push(complaint(format!("expression '{source}' resulted in error: {error}")));
            }
            _ => {}
        }
    }
    for annotation in items(spec, "auditAnnotations") {
        if let Ok(CelValue::String(value)) = run.value(text(annotation, "valueExpression")) {
            let key = format!("{}/{}", text(&policy["metadata"], "name"), text(annotation, "key"));
            admitted.audit_annotations.insert(key, value.to_string());
        }
    }
    complaints
}

/// The evaluation of one policy: variables are evaluated when they are first asked for.
struct Run<'f> {
    facts: &'f Facts,
    params: &'f CelValue,
    sources: Vec<(String, String)>,
    known: BTreeMap<String, Result<CelValue, String>>,
    budget: u64,
}

impl<'f> Run<'f> {
    fn new(spec: &Value, facts: &'f Facts, params: &'f CelValue) -> Self {
        let sources = items(spec, "variables")
            .iter()
            .map(|variable| (text(variable, "name").to_owned(), text(variable, "expression").to_owned()))
            .collect();
        Self { facts, params, sources, known: BTreeMap::new(), budget: BUDGET }
    }

    /// The value of an expression, or why it has none.
    fn value(&mut self, source: &str) -> Result<CelValue, String> {
        let most = self.sources.len();
        self.value_with(source, most)
    }

    /// Variables can only use those that are before them.
    fn value_with(&mut self, source: &str, most: usize) -> Result<CelValue, String> {
        let expression = compile_once(source, &ADMISSION_VARIABLES)
            .map_err(|error| format!("compilation error: {error}"))?;
        let mut values = BTreeMap::new();
        if expression.uses("variables") {
            for index in 0..most {
                let Some((name, source)) = self.sources.get(index).cloned() else { continue };
                if !expression.fields_of("variables").contains(name.as_str()) {
                    continue;
                }
                if !self.known.contains_key(&name) {
                    let value = self.value_with(&source, index);
                    self.known.insert(name.clone(), value);
                }
                match self.known.get(&name) {
                    Some(Ok(value)) => {
                        values.insert(name, value.clone());
                    }
                    Some(Err(error)) => {
                        return Err(format!("composited variable {name:?} fails to evaluate: {error}"));
                    }
                    None => {}
                }
            }
        }
        let composed = compose(values);
        let bound = [
            ("object", &self.facts.object),
            ("oldObject", &self.facts.old_object),
            ("request", &self.facts.request),
            ("params", self.params),
            ("namespaceObject", &self.facts.namespace),
            ("variables", &composed),
        ];
        evaluate(&expression, &bound, &mut self.budget).map_err(|failure| match failure {
            Failure::TooExpensive => {
                "validation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned()
            }
            Failure::Failed(error) => error,
        })
    }

    fn message(&mut self, validation: &Value, source: &str) -> String {
        if has(validation, "messageExpression")
            && let Ok(CelValue::String(message)) = self.value(text(validation, "messageExpression"))
            && !message.trim().is_empty()
            && !message.contains('\n')
        {
            return message.trim().to_owned();
        }
        match text(validation, "message").trim() {
            "" => format!("failed expression: {}", source.trim()),
            message => message.to_owned(),
        }
    }
}

fn compose(values: BTreeMap<String, CelValue>) -> CelValue {
    use kube_cel::cel::objects::{Key, Map};
    let map = values.into_iter().map(|(name, value)| (Key::String(Arc::new(name)), value)).collect();
    CelValue::Map(Map { map: Arc::new(map) })
}
