//! Whether a CustomResourceDefinition is right.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::read::{Errors, has, has_content, items, same, text, truth};
use crate::field_error::{FieldError, Path};
use crate::names::{dns1035_label, dns1123_subdomain};

use super::json_path::JsonPath;
use super::structural::check_schema;

/// Types of columns.
const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];

/// Annotation that definitions in groups of the project itself must have.
const APPROVAL: &str = "api-approved.kubernetes.io";

/// What is wrong with a definition. It has its defaults.
pub fn validate_definition(definition: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let at = Path::ROOT.field("spec");
    let spec = &definition["spec"];
    check_identity(definition, &at, &mut errors);
    check_names(&spec["names"], &at.field("names"), &mut errors);
    check_versions(spec, &at, &mut errors);
    check_conversion(spec, &at.field("conversion"), &mut errors);
    if truth(spec, "preserveUnknownFields") {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                      instead";
        errors.push(FieldError::invalid(at.field("preserveUnknownFields"), true, detail));
    }
    errors.into_vec()
}

/// What is wrong with the change of a definition: once established it keeps group, names and scope; versions that
/// objects may still be stored in stay.
pub fn validate_definition_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let (new_spec, old_spec) = (&new["spec"], &old["spec"]);
    let established = items(&old["status"], "conditions")
        .iter()
        .any(|condition| text(condition, "type") == "Established" && text(condition, "status") == "True");
    let mut immutable = |path: &str, new: &Value, old: &Value| {
        if !same(new, old) {
            errors.push(FieldError::invalid(path, new.clone(), "field is immutable"));
        }
    };
    immutable("spec.group", &new_spec["group"], &old_spec["group"]);
    immutable("spec.names.plural", &new_spec["names"]["plural"], &old_spec["names"]["plural"]);
    if established {
        immutable("spec.scope", &new_spec["scope"], &old_spec["scope"]);
        immutable("spec.names.kind", &new_spec["names"]["kind"], &old_spec["names"]["kind"]);
    }
    let names: BTreeSet<&str> =
        items(new_spec, "versions").iter().map(|version| text(version, "name")).collect();
    for (index, stored) in items(&old["status"], "storedVersions").iter().enumerate() {
        let stored = stored.as_str().unwrap_or_default();
        if !names.contains(stored) {
            let detail = "missing from spec.versions; v1 was previously a storage version, and must remain in \
                          spec.versions until a storage migration ensures no data remains persisted in v1 and removes \
                          v1 from status.storedVersions"
                .replace("v1", stored);
            let path = format!("status.storedVersions[{index}]");
            errors.push(FieldError::invalid(path, stored, detail));
        }
    }
    errors.into_vec()
}

fn check_identity(definition: &Value, at: &Path<'_>, errors: &mut Errors) {
    let spec = &definition["spec"];
    let group = text(spec, "group");
    if group.is_empty() {
        errors.push(FieldError::required(at.field("group"), ""));
    } else {
        let wrong = dns1123_subdomain(group);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(at.field("group"), group, wrong.join(",")));
        } else if !group.contains('.') {
            errors.push(FieldError::invalid(
                at.field("group"),
                group,
                "should be a domain with at least one dot",
            ));
        }
    }
    let is_protected = group == "k8s.io"
        || group == "kubernetes.io"
        || group.ends_with(".k8s.io")
        || group.ends_with(".kubernetes.io");
    let is_free = group.ends_with(".x-k8s.io");
    if is_protected && !is_free && text(&definition["metadata"]["annotations"], APPROVAL).is_empty() {
        let detail = format!(
            "protected groups must have approval annotation {APPROVAL:?}, see \
             https://github.com/kubernetes/enhancements/pull/1111"
        );
        errors.push(FieldError::required(format!("metadata.annotations[{APPROVAL}]"), detail));
    }
    let name = text(&definition["metadata"], "name");
    if name != format!("{}.{group}", text(&spec["names"], "plural")) {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", name, detail));
    }
    let scope = text(spec, "scope");
    if scope.is_empty() {
        errors.push(FieldError::required(at.field("scope"), ""));
    } else if !matches!(scope, "Cluster" | "Namespaced") {
        errors.push(FieldError::not_supported(at.field("scope"), scope, &["Cluster", "Namespaced"]));
    }
}

fn check_names(names: &Value, at: &Path<'_>, errors: &mut Errors) {
    for (field, may_be_empty) in [("plural", false), ("singular", true), ("kind", false), ("listKind", false)]
    {
        let name = text(names, field);
        if name.is_empty() {
            if !may_be_empty {
                errors.push(FieldError::required(at.field(field), ""));
            }
            continue;
        }
        let wrong = dns1035_label(&name.to_lowercase());
        if !wrong.is_empty() {
            let detail = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            errors.push(FieldError::invalid(at.field(field), name, detail));
        } else if matches!(field, "plural" | "singular") && name.bytes().any(|b| b.is_ascii_uppercase()) {
            errors.push(FieldError::invalid(at.field(field), name, dns1035_label(name).join(",")));
        }
    }
    let (kind, list_kind) = (text(names, "kind"), text(names, "listKind"));
    if !kind.is_empty() && kind == list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(at.field("listKind"), list_kind, detail));
    }
    for field in ["shortNames", "categories"] {
        let at_list = at.field(field);
        for (index, word) in items(names, field).iter().enumerate() {
            let word = word.as_str().unwrap_or_default();
            let wrong = dns1035_label(word);
            if !wrong.is_empty() {
                errors.push(FieldError::invalid(at_list.index(index), word, wrong.join(",")));
            }
        }
    }
}

fn check_versions(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_versions = at.field("versions");
    let versions = items(spec, "versions");
    let mut names = BTreeSet::new();
    let mut unique = true;
    for version in versions {
        unique &= names.insert(text(version, "name"));
    }
    if !unique {
        let detail = "must contain unique version names";
        errors.push(FieldError::invalid(at_versions, shown_names(versions), detail));
    }
    if versions.iter().filter(|version| truth(version, "storage")).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(at_versions, shown_names(versions), detail));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = at_versions.index(index);
        let name = text(version, "name");
        let wrong = dns1035_label(name);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(at.field("name"), name, wrong.join(",")));
        }
        if has_content(version, "deprecationWarning") && !truth(version, "deprecated") {
            let detail = "can only be set for deprecated versions";
            errors.push(FieldError::invalid(
                at.field("deprecationWarning"),
                version["deprecationWarning"].clone(),
                detail,
            ));
        }
        let at_schema = at.field("schema");
        let at_schema = at_schema.field("openAPIV3Schema");
        let schema = &version["schema"]["openAPIV3Schema"];
        if schema.is_object() {
            check_schema(schema, &at_schema, errors);
        } else {
            errors.push(FieldError::required(at_schema, "schemas are required"));
        }
        check_columns(version, &at, errors);
        check_subresources(version, &at, errors);
    }
}

fn shown_names(versions: &[Value]) -> Value {
    versions.iter().map(|version| version["name"].clone()).collect()
}

fn check_columns(version: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_columns = at.field("additionalPrinterColumns");
    for (index, column) in items(version, "additionalPrinterColumns").iter().enumerate() {
        let at = at_columns.index(index);
        if text(column, "name").is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        }
        let kind = text(column, "type");
        if kind.is_empty() {
            errors.push(FieldError::required(
                at.field("type"),
                "must be one of boolean,date,integer,number,string",
            ));
        } else if !COLUMN_TYPES.contains(&kind) {
            let detail = "must be one of boolean,date,integer,number,string";
            errors.push(FieldError::invalid(at.field("type"), kind, detail));
        }
        let format = text(column, "format");
        let formats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
        if !format.is_empty() && !formats.contains(&format) {
            let detail = format!("must be one of {}", formats.join(","));
            errors.push(FieldError::invalid(at.field("format"), format, detail));
        }
        check_path(column, "jsonPath", &[], true, &at, errors);
    }
    let at_fields = at.field("selectableFields");
    let most = 8;
    let fields = items(version, "selectableFields");
    if fields.len() > most {
        errors.push(FieldError::too_many(at_fields, fields.len(), most));
    }
    for (index, field) in fields.iter().enumerate() {
        check_path(field, "jsonPath", &[], true, &at_fields.index(index), errors);
    }
}

fn check_path(
    owner: &Value,
    field: &str,
    under: &[&str],
    required: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let path = text(owner, field);
    let at = at.field(field);
    if path.is_empty() {
        if required {
            errors.push(FieldError::required(at, ""));
        }
        return;
    }
    match JsonPath::parse(path) {
        Err(error) => {
            errors.push(FieldError::invalid(at, path, format!("must be a simple json path: {error}")))
        }
        Ok(_) if !path.starts_with('.') => {
            errors.push(FieldError::invalid(at, path, "must be a simple json path starting with ."));
        }
        Ok(_) if !under.is_empty() && !under.iter().any(|parent| path.starts_with(&format!("{parent}."))) => {
            let detail = format!("should be a json path under {}", under.join(" or "));
            errors.push(FieldError::invalid(at, path, detail));
        }
        Ok(_) => {}
    }
}

fn check_subresources(version: &Value, at: &Path<'_>, errors: &mut Errors) {
    let scale = &version["subresources"]["scale"];
    if scale.is_null() {
        return;
    }
    let at = at.field("subresources");
    let at = at.field("scale");
    check_path(scale, "specReplicasPath", &[".spec"], true, &at, errors);
    check_path(scale, "statusReplicasPath", &[".status"], true, &at, errors);
    check_path(scale, "labelSelectorPath", &[".status", ".spec"], false, &at, errors);
}

/// How objects are brought from version to version: by their `apiVersion` alone, or by a webhook that can be called.
fn check_conversion(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let conversion = &spec["conversion"];
    let webhook = &conversion["webhook"];
    match text(conversion, "strategy") {
        "" | "None" => {
            if has(conversion, "webhook") {
                let detail = "should not be set when strategy is not set to Webhook";
                errors.push(FieldError::forbidden(at.field("webhook"), detail));
            }
        }
        "Webhook" => {
            let at_webhook = at.field("webhook");
            let at_config = at_webhook.field("clientConfig");
            let config = &webhook["clientConfig"];
            if !has(webhook, "clientConfig") {
                errors.push(FieldError::required(at_config, "required when strategy is set to Webhook"));
            } else if has(config, "url") == has(config, "service") {
                errors.push(FieldError::required(at_config, "exactly one of url or service is required"));
            } else if has(config, "url") && !text(config, "url").starts_with("https://") {
                let detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
                errors.push(FieldError::invalid(at_config.field("url"), text(config, "url"), detail));
            } else if has(config, "service") {
                for field in ["namespace", "name"] {
                    if text(&config["service"], field).is_empty() {
                        let at_service = at_config.field("service");
                        errors.push(FieldError::required(at_service.field(field), ""));
                    }
                }
            }
            let at_versions = at_webhook.field("conversionReviewVersions");
            if items(webhook, "conversionReviewVersions").is_empty() {
                errors.push(FieldError::required(at_versions, ""));
            } else if super::webhook::review_version(webhook).is_none() {
                let versions = webhook["conversionReviewVersions"].clone();
                let detail = "must include at least one of v1, v1beta1";
                errors.push(FieldError::invalid(at_versions, versions, detail));
            }
        }
        strategy => {
            errors.push(FieldError::not_supported(at.field("strategy"), strategy, &["None", "Webhook"]));
        }
    }
}
