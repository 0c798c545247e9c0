//! Whether a webhook or policy is about a request: rules, selectors of namespaces and objects, equivalent resources.

use serde_json::Value;

use super::lookup::Lookup;
use super::request::Request;
use crate::builtin::read::{has_content, items, text};
use crate::builtin::selectors::{compiled, is_empty_selector, labels_of};
use crate::gvk::{Gvk, Gvr};

/// As what a request is shown: its own resource and kind, or those of an equivalent version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) gvr: Gvr,
    pub(super) gvk: Gvk,
}

/// As what the request matches the rules, if it does; `None` too if a selector excludes it.
pub(super) fn matched(
    owner: &Value,
    rules: &str,
    excluded: &str,
    request: &Request,
    lookup: &dyn Lookup,
) -> Option<Shown> {
    let shown = by_rules(owner, rules, request, lookup)?;
    if !excluded.is_empty() && by_rules(owner, excluded, request, lookup).is_some() {
        return None;
    }
    (selects_namespace(owner, request, lookup) && selects_object(owner, request)).then_some(shown)
}

fn by_rules(owner: &Value, field: &str, request: &Request, lookup: &dyn Lookup) -> Option<Shown> {
    let rules = items(owner, field);
    if rules.iter().any(|rule| fits(rule, &request.gvr, request)) {
        return Some(Shown { gvr: request.gvr.clone(), gvk: request.gvk.clone() });
    }
    if text(owner, "matchPolicy") == "Exact" {
        return None;
    }
    lookup
        .equivalents(&request.gvr)
        .into_iter()
        .find(|(gvr, _)| rules.iter().any(|rule| fits(rule, gvr, request)))
        .map(|(gvr, gvk)| Shown { gvr, gvk })
}

fn fits(rule: &Value, gvr: &Gvr, request: &Request) -> bool {
    let lists = |field: &str, word: &str| items(rule, field).iter().any(|item| item == "*" || item == word);
    let scope = match text(rule, "scope") {
        "Namespaced" => !request.namespace.is_empty() && !is_namespace(request),
        "Cluster" => request.namespace.is_empty() || is_namespace(request),
        _ => true,
    };
    let names = items(rule, "resourceNames");
    scope
        && lists("apiGroups", &gvr.group)
        && lists("apiVersions", &gvr.version)
        && lists("operations", request.operation.as_str())
        && items(rule, "resources")
            .iter()
            .filter_map(Value::as_str)
            .any(|pattern| fits_resource(pattern, &gvr.resource, &request.subresource))
        && (names.is_empty() || names.iter().any(|name| name == request.name.as_str()))
}

fn is_namespace(request: &Request) -> bool {
    request.gvr.group.is_empty() && request.gvr.resource == "namespaces"
}

/// `pods`, `pods/status`, `*`, `*/*`, `pods/*`, `*/scale`.
fn fits_resource(pattern: &str, resource: &str, subresource: &str) -> bool {
    let (of_resource, of_subresource) = pattern.split_once('/').unwrap_or((pattern, ""));
    (of_resource == "*" || of_resource == resource)
        && (of_subresource == "*" || of_subresource == subresource)
}

fn selects_namespace(owner: &Value, request: &Request, lookup: &dyn Lookup) -> bool {
    let selector = &owner["namespaceSelector"];
    if is_empty_selector(selector) {
        return true;
    }
    // Objects of the cluster are in no namespace that could be excluded; a namespace is judged by its own labels.
    let labels = if is_namespace(request) {
        labels_of(request.subject())
    } else if request.namespace.is_empty() {
        return true;
    } else {
        match lookup.get(&Gvr::new("", "v1", "namespaces"), "", &request.namespace) {
            Some(namespace) => labels_of(&namespace),
            None => return true,
        }
    };
    compiled(selector).is_some_and(|selector| selector.matches(&labels))
}

fn selects_object(owner: &Value, request: &Request) -> bool {
    let selector = &owner["objectSelector"];
    if is_empty_selector(selector) {
        return true;
    }
    let Some(selector) = compiled(selector) else { return false };
    [request.object.as_ref(), request.old_object.as_deref()]
        .into_iter()
        .flatten()
        .filter(|object| has_content(object, "metadata"))
        .any(|object| selector.matches(&labels_of(object)))
}

/// The object as a version of it: its `apiVersion` is that of the version.
pub(super) fn shown_object(object: &Value, shown: &Shown, request: &Request) -> Value {
    let mut copy = object.clone();
    if shown.gvk != request.gvk && copy.is_object() {
        crate::builtin::read::set(&mut copy, "apiVersion", shown.gvk.api_version());
        crate::builtin::read::set(&mut copy, "kind", shown.gvk.kind.as_str());
    }
    copy
}

/// Whether a write is one that webhooks and policies never see: their own registrations, which could lock themselves in,
/// and questions.
pub(super) fn is_exempt(request: &Request) -> bool {
    request.gvr.group == "admissionregistration.k8s.io" && request.gvr.resource != "mutatingadmissionpolicies"
}
