//! Webhook configurations and admission policies.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::custom::expression;
use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_label, dns1123_subdomain, port_number, qualified_name};

use super::pod::spec::{check_required_word, check_word};
use super::read::{
    Errors, ensure_object, has, has_content, int, items, items_mut, set, set_default, set_default_text, text,
};
use super::selectors::check_selector;

/// Most match conditions of a webhook or policy.
const MOST_CONDITIONS: usize = 64;

/// Variables that expressions of match conditions and policies can use.
pub(crate) static ADMISSION_VARIABLES: [&str; 6] =
    ["object", "oldObject", "request", "params", "namespaceObject", "variables"];

/// Defaults of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration.
pub(crate) fn default_webhooks(configuration: &mut Value, mutating: bool) {
    for webhook in items_mut(configuration, "webhooks") {
        set_default_text(webhook, "failurePolicy", "Fail");
        default_matching(webhook);
        set_default(webhook, "timeoutSeconds", 10);
        if mutating {
            set_default_text(webhook, "reinvocationPolicy", "Never");
        }
        default_rules(webhook, "rules");
        if let Some(service) = webhook.get_mut("clientConfig").and_then(|config| config.get_mut("service")) {
            set_default(service, "port", 443);
        }
    }
}

fn default_matching(object: &mut Value) {
    set_default_text(object, "matchPolicy", "Equivalent");
    set_default(object, "namespaceSelector", json!({}));
    set_default(object, "objectSelector", json!({}));
}

fn default_rules(object: &mut Value, field: &str) {
    for rule in items_mut(object, field) {
        set_default_text(rule, "scope", "*");
    }
}

/// Defaults of a ValidatingAdmissionPolicy.
pub(crate) fn default_policy(policy: &mut Value) {
    let Some(spec) = ensure_object(policy, "spec") else { return };
    set_default_text(spec, "failurePolicy", "Fail");
    if let Some(constraints) = spec.get_mut("matchConstraints").filter(|constraints| constraints.is_object())
    {
        default_matching(constraints);
        default_rules(constraints, "resourceRules");
        default_rules(constraints, "excludeResourceRules");
    }
}

/// Defaults of a ValidatingAdmissionPolicyBinding.
pub(crate) fn default_policy_binding(binding: &mut Value) {
    let Some(spec) = ensure_object(binding, "spec") else { return };
    if let Some(resources) = spec.get_mut("matchResources").filter(|resources| resources.is_object()) {
        default_matching(resources);
        default_rules(resources, "resourceRules");
        default_rules(resources, "excludeResourceRules");
    }
}

/// Checks a webhook configuration.
pub(crate) fn check_webhooks(configuration: &Value, mutating: bool, errors: &mut Errors) {
    let at_webhooks = Path::ROOT.field("webhooks");
    let mut names = BTreeSet::new();
    for (index, webhook) in items(configuration, "webhooks").iter().enumerate() {
        let at = at_webhooks.index(index);
        let name = text(webhook, "name");
        if !names.insert(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
        let wrong = dns1123_subdomain(name);
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else if !wrong.is_empty() {
            errors.invalid_text(at.field("name"), name, wrong);
        } else if name.split('.').count() < 3 {
            let detail = "should be a domain with at least three segments separated by dots";
            errors.push(FieldError::invalid(at.field("name"), name, detail));
        }
        let versions = items(webhook, "admissionReviewVersions");
        let at_versions = at.field("admissionReviewVersions");
        if versions.is_empty() {
            errors.push(FieldError::required(at_versions, "must specify one of v1, v1beta1"));
        } else if !versions.iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
            let detail = "must include at least one of v1, v1beta1";
            errors.push(FieldError::invalid(at_versions, webhook["admissionReviewVersions"].clone(), detail));
        }
        for (index, version) in versions.iter().enumerate() {
            let version = version.as_str().unwrap_or_default();
            errors.invalid_text(at_versions.index(index), version, crate::names::dns1035_label(version));
        }
        check_rules(items(webhook, "rules"), &at.field("rules"), errors);
        check_word(webhook, "failurePolicy", &["Fail", "Ignore"], &at, errors);
        check_word(webhook, "matchPolicy", &["Equivalent", "Exact"], &at, errors);
        if mutating {
            check_word(webhook, "reinvocationPolicy", &["IfNeeded", "Never"], &at, errors);
        }
        let effects = text(webhook, "sideEffects");
        if effects.is_empty() {
            errors.push(FieldError::required(
                at.field("sideEffects"),
                "must specify one of None, NoneOnDryRun",
            ));
        } else {
            check_word(webhook, "sideEffects", &["None", "NoneOnDryRun"], &at, errors);
        }
        if let Some(seconds) = int(webhook, "timeoutSeconds").filter(|seconds| !(1..=30).contains(seconds)) {
            let detail = "the timeout value must be between 1 and 30 seconds";
            errors.push(FieldError::invalid(at.field("timeoutSeconds"), seconds, detail));
        }
        check_selector(&webhook["namespaceSelector"], &at.field("namespaceSelector"), errors);
        check_selector(&webhook["objectSelector"], &at.field("objectSelector"), errors);
        check_client(&webhook["clientConfig"], &at.field("clientConfig"), errors);
        check_conditions(webhook, &at, errors);
    }
}

/// Checks how a webhook is reached: by URL or by service, over TLS.
pub(crate) fn check_client(config: &Value, at: &Path<'_>, errors: &mut Errors) {
    match (has(config, "url"), has(config, "service")) {
        (true, true) | (false, false) => {
            errors.push(FieldError::required(at, "exactly one of url or service is required"));
        }
        (true, false) => check_url(text(config, "url"), &at.field("url"), errors),
        (false, true) => {
            let service = &config["service"];
            let at = at.field("service");
            let name = text(service, "name");
            if name.is_empty() {
                errors.push(FieldError::required(at.field("name"), "service name is required"));
            }
            let namespace = text(service, "namespace");
            if namespace.is_empty() {
                errors.push(FieldError::required(at.field("namespace"), "service namespace is required"));
            } else {
                errors.invalid_text(at.field("namespace"), namespace, dns1123_label(namespace));
            }
            let port = int(service, "port").unwrap_or(443);
            if let Some(detail) = port_number(port) {
                errors.push(FieldError::invalid(
                    at.field("port"),
                    port,
                    format!("port is not valid: {detail}"),
                ));
            }
            let path = text(service, "path");
            if !path.is_empty() && !path.starts_with('/') {
                errors.push(FieldError::invalid(at.field("path"), path, "must start with a '/'"));
            }
        }
    }
    if let Some(bundle) = config.get("caBundle").and_then(Value::as_str).filter(|bundle| !bundle.is_empty()) {
        let is_pem = STANDARD
            .decode(bundle)
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----"));
        if !is_pem {
            let detail = "unable to load root certificates: unable to parse bytes as PEM block";
            errors.push(FieldError::invalid(at.field("caBundle"), bundle, detail));
        }
    }
}

fn check_url(url: &str, at: &Path<'_>, errors: &mut Errors) {
    let form = "desired format: https://host[/path]";
    let Ok(parsed) = url.parse::<http::Uri>() else {
        errors.push(FieldError::required(at, format!("url must be a valid URL: {form}")));
        return;
    };
    if parsed.scheme_str() != Some("https") {
        let shown = parsed.scheme_str().unwrap_or_default();
        let detail = format!("'https' is the only allowed URL scheme; {form}");
        errors.push(FieldError::invalid(at, shown, detail));
    }
    if parsed.host().is_none_or(str::is_empty) {
        errors.push(FieldError::invalid(at, "", format!("host must be specified; {form}")));
    }
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        errors.push(FieldError::invalid(at, url, "user information is not permitted in the URL"));
    }
    if parsed.query().is_some() {
        errors.push(FieldError::invalid(at, url, "query parameters are not permitted in the URL"));
    }
    if url.contains('#') {
        errors.push(FieldError::invalid(at, url, "fragments are not permitted in the URL"));
    }
}

fn check_rules(rules: &[Value], at: &Path<'_>, errors: &mut Errors) {
    for (index, rule) in rules.iter().enumerate() {
        let at = at.index(index);
        for (field, word) in [
            ("apiGroups", "group"),
            ("apiVersions", "version"),
            ("resources", "resource"),
            ("operations", "operation"),
        ] {
            let list = items(rule, field);
            if list.is_empty() {
                errors.push(FieldError::required(at.field(field), ""));
            }
            let star = list.iter().any(|item| item == "*");
            if list.len() > 1 && star && field != "resources" {
                let detail = format!("if '*' is present, must not specify other {word}s");
                errors.push(FieldError::invalid(at.field(field), rule[field].clone(), detail));
            }
            let at_list = at.field(field);
            for (index, item) in list.iter().enumerate() {
                let item = item.as_str().unwrap_or_default();
                if item.is_empty() && field != "apiGroups" {
                    errors.push(FieldError::required(at_list.index(index), ""));
                }
                let operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
                if field == "operations" && !item.is_empty() && !operations.contains(&item) {
                    errors.push(FieldError::not_supported(at_list.index(index), item, &operations));
                }
            }
        }
        check_word(rule, "scope", &["*", "Cluster", "Namespaced"], &at, errors);
    }
}

fn check_conditions(owner: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("matchConditions");
    let conditions = items(owner, "matchConditions");
    if conditions.len() > MOST_CONDITIONS {
        errors.push(FieldError::too_many(at, conditions.len(), MOST_CONDITIONS));
        return;
    }
    let mut names = BTreeSet::new();
    for (index, condition) in conditions.iter().enumerate() {
        let at = at.index(index);
        let name = text(condition, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else {
            errors.invalid_text(at.field("name"), name, qualified_name(name));
            if !names.insert(name) {
                errors.push(FieldError::duplicate(at.field("name"), name));
            }
        }
        check_expression(condition, "expression", &at, errors);
    }
}

/// Checks that an expression is there and compiles.
fn check_expression(owner: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    let source = text(owner, field);
    if source.trim().is_empty() {
        errors.push(FieldError::required(at.field(field), ""));
    } else if let Err(error) = expression::compile(source, &ADMISSION_VARIABLES) {
        errors.push(FieldError::invalid(at.field(field), source, format!("compilation failed: {error}")));
    }
}

/// Checks a ValidatingAdmissionPolicy.
pub(crate) fn check_policy(policy: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &policy["spec"];
    check_word(spec, "failurePolicy", &["Fail", "Ignore"], &at, errors);
    if has(spec, "paramKind") {
        let at = at.field("paramKind");
        for field in ["apiVersion", "kind"] {
            if text(&spec["paramKind"], field).is_empty() {
                errors.push(FieldError::required(at.field(field), ""));
            }
        }
    }
    let at_constraints = at.field("matchConstraints");
    if has(spec, "matchConstraints") {
        check_match(&spec["matchConstraints"], true, &at_constraints, errors);
    } else {
        errors.push(FieldError::required(at_constraints, ""));
    }
    check_conditions(spec, &at, errors);
    let at_variables = at.field("variables");
    let mut names = BTreeSet::new();
    for (index, variable) in items(spec, "variables").iter().enumerate() {
        let at = at_variables.index(index);
        let name = text(variable, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), "name is not specified"));
        } else if !is_identifier(name) {
            errors.push(FieldError::invalid(at.field("name"), name, "name is not a valid CEL identifier"));
        } else if !names.insert(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
        check_expression(variable, "expression", &at, errors);
    }
    let validations = items(spec, "validations");
    if validations.is_empty() && !has_content(spec, "auditAnnotations") {
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.push(FieldError::required(at.field("validations"), detail));
    }
    let at_validations = at.field("validations");
    for (index, validation) in validations.iter().enumerate() {
        let at = at_validations.index(index);
        check_expression(validation, "expression", &at, errors);
        if has_content(validation, "messageExpression") {
            check_expression(validation, "messageExpression", &at, errors);
        }
        let message = text(validation, "message");
        if message.contains('\n') {
            errors.push(FieldError::invalid(
                at.field("message"),
                message,
                "message must not contain line breaks",
            ));
        }
        check_word(
            validation,
            "reason",
            &["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"],
            &at,
            errors,
        );
    }
    let at_annotations = at.field("auditAnnotations");
    for (index, annotation) in items(spec, "auditAnnotations").iter().enumerate() {
        let at = at_annotations.index(index);
        let key = text(annotation, "key");
        errors.invalid_text(at.field("key"), key, qualified_name(key));
        check_expression(annotation, "valueExpression", &at, errors);
    }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_match(resources: &Value, rules_required: bool, at: &Path<'_>, errors: &mut Errors) {
    check_word(resources, "matchPolicy", &["Equivalent", "Exact"], at, errors);
    check_selector(&resources["namespaceSelector"], &at.field("namespaceSelector"), errors);
    check_selector(&resources["objectSelector"], &at.field("objectSelector"), errors);
    let rules = items(resources, "resourceRules");
    if rules_required && rules.is_empty() {
        errors.push(FieldError::required(at.field("resourceRules"), ""));
    }
    check_rules(rules, &at.field("resourceRules"), errors);
    check_rules(items(resources, "excludeResourceRules"), &at.field("excludeResourceRules"), errors);
}

/// Checks a ValidatingAdmissionPolicyBinding.
pub(crate) fn check_policy_binding(binding: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &binding["spec"];
    let name = text(spec, "policyName");
    if name.is_empty() {
        errors.push(FieldError::required(at.field("policyName"), ""));
    } else {
        errors.invalid_text(at.field("policyName"), name, dns1123_subdomain(name));
    }
    if has(spec, "paramRef") {
        let at = at.field("paramRef");
        let reference = &spec["paramRef"];
        match (has_content(reference, "name"), has(reference, "selector")) {
            (true, true) => {
                errors.push(FieldError::forbidden(
                    at.field("name"),
                    "name and selector are mutually exclusive",
                ));
            }
            (false, false) => {
                errors.push(FieldError::required(at, "one of name or selector must be specified"))
            }
            _ => {}
        }
        check_required_word(reference, "parameterNotFoundAction", &["Allow", "Deny"], &at, errors);
    }
    if has(spec, "matchResources") {
        check_match(&spec["matchResources"], false, &at.field("matchResources"), errors);
    }
    let actions = items(spec, "validationActions");
    let at_actions = at.field("validationActions");
    if actions.is_empty() {
        errors.push(FieldError::required(at_actions, "at least one validation action is required"));
    }
    let mut seen = BTreeSet::new();
    for (index, action) in actions.iter().enumerate() {
        let action = action.as_str().unwrap_or_default();
        if !matches!(action, "Audit" | "Deny" | "Warn") {
            errors.push(FieldError::not_supported(
                at_actions.index(index),
                action,
                &["Audit", "Deny", "Warn"],
            ));
        }
        if !seen.insert(action) {
            errors.push(FieldError::duplicate(at_actions.index(index), action));
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                      response and headers serves no purpose)";
        errors.push(FieldError::invalid(at_actions, spec["validationActions"].clone(), detail));
    }
}

/// Takes away what only the server writes in a policy.
pub(crate) fn reset_policy_status(policy: &mut Value) {
    set(policy, "status", json!({}));
}
