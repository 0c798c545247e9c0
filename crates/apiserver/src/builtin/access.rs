//! Roles and their bindings.

use serde_json::Value;

use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_subdomain, path_segment};

use super::read::{Errors, has_content, items, items_mut, same, set_default_text, text};
use super::selectors::check_selector;

/// The group of roles.
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// Defaults of a RoleBinding or ClusterRoleBinding.
pub(crate) fn default_binding(binding: &mut Value) {
    if let Some(role) = binding.get_mut("roleRef") {
        set_default_text(role, "apiGroup", RBAC);
    }
    for subject in items_mut(binding, "subjects") {
        if matches!(text(subject, "kind"), "User" | "Group") {
            set_default_text(subject, "apiGroup", RBAC);
        }
    }
}

/// Checks a Role or ClusterRole.
pub(crate) fn check_role(role: &Value, is_cluster: bool, errors: &mut Errors) {
    let at_rules = Path::ROOT.field("rules");
    for (index, rule) in items(role, "rules").iter().enumerate() {
        let at = at_rules.index(index);
        if items(rule, "verbs").is_empty() {
            errors.push(FieldError::required(at.field("verbs"), "verbs must contain at least one value"));
        }
        if has_content(rule, "nonResourceURLs") {
            if !is_cluster {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                let urls = rule["nonResourceURLs"].clone();
                errors.push(FieldError::invalid(at.field("nonResourceURLs"), urls, detail));
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|field| has_content(rule, field)) {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                let urls = rule["nonResourceURLs"].clone();
                errors.push(FieldError::invalid(at.field("nonResourceURLs"), urls, detail));
            }
            continue;
        }
        if items(rule, "apiGroups").is_empty() {
            let detail = "resource rules must supply at least one api group";
            errors.push(FieldError::required(at.field("apiGroups"), detail));
        }
        if items(rule, "resources").is_empty() {
            let detail = "resource rules must supply at least one resource";
            errors.push(FieldError::required(at.field("resources"), detail));
        }
    }
    let at_selectors = Path::ROOT.field("aggregationRule");
    let at_selectors = at_selectors.field("clusterRoleSelectors");
    for (index, selector) in items(&role["aggregationRule"], "clusterRoleSelectors").iter().enumerate() {
        check_selector(selector, &at_selectors.index(index), errors);
    }
}

/// Checks a RoleBinding or ClusterRoleBinding.
pub(crate) fn check_binding(binding: &Value, is_cluster: bool, errors: &mut Errors) {
    let role = &binding["roleRef"];
    if text(role, "apiGroup") != RBAC {
        errors.push(FieldError::not_supported("roleRef.apiGroup", text(role, "apiGroup"), &[RBAC]));
    }
    let kinds: &[&str] = if is_cluster { &["ClusterRole"] } else { &["Role", "ClusterRole"] };
    let kind = text(role, "kind");
    if !kinds.contains(&kind) {
        errors.push(FieldError::not_supported("roleRef.kind", kind, kinds));
    }
    let name = text(role, "name");
    if name.is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    } else {
        errors.invalid_text("roleRef.name", name, path_segment(name));
    }
    let at_subjects = Path::ROOT.field("subjects");
    for (index, subject) in items(binding, "subjects").iter().enumerate() {
        let at = at_subjects.index(index);
        let name = text(subject, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        }
        match text(subject, "kind") {
            "ServiceAccount" => {
                if !name.is_empty() {
                    errors.invalid_text(at.field("name"), name, dns1123_subdomain(name));
                }
                if !text(subject, "apiGroup").is_empty() {
                    errors.push(FieldError::not_supported(
                        at.field("apiGroup"),
                        text(subject, "apiGroup"),
                        &[""],
                    ));
                }
                if text(subject, "namespace").is_empty() {
                    errors.push(FieldError::required(at.field("namespace"), ""));
                }
            }
            "User" | "Group" => {
                if text(subject, "apiGroup") != RBAC {
                    errors.push(FieldError::not_supported(
                        at.field("apiGroup"),
                        text(subject, "apiGroup"),
                        &[RBAC],
                    ));
                }
            }
            other => {
                errors.push(FieldError::not_supported(
                    at.field("kind"),
                    other,
                    &["ServiceAccount", "User", "Group"],
                ));
            }
        }
    }
}

/// Checks that a binding keeps its role.
pub(crate) fn check_binding_update(new: &Value, old: &Value, errors: &mut Errors) {
    if !same(&new["roleRef"], &old["roleRef"]) {
        errors.push(FieldError::invalid("roleRef", new["roleRef"].clone(), "cannot change roleRef"));
    }
}
