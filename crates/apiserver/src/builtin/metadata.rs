//! The metadata that all objects have: names, labels, annotations, owners, finalizers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field_error::{FieldError, Path};
use crate::names::{NameRule, dns1123_label, label_value, qualified_name};

use super::read::{Errors, entries, has, int, items, same, text, truth};

/// Most bytes that all annotations of an object take together.
const LARGEST_ANNOTATIONS: usize = 256 * 1024;

/// Finalizers without a prefix that builtin kinds may have.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// Checks the `metadata` of an object about to be created.
///
/// `is_builtin` forbids finalizers without a prefix, as upstream does for its own kinds only.
pub fn validate(object: &Value, namespaced: bool, name_rule: NameRule, is_builtin: bool) -> Vec<FieldError> {
    let mut errors = Errors::default();
    check(&object["metadata"], &Path::ROOT.field("metadata"), namespaced, name_rule, is_builtin, &mut errors);
    errors.into_vec()
}

/// Checks what an update changes in `metadata`: identity stays, generations grow, no finalizer comes to a dying object.
pub fn validate_update(new: &Value, old: &Value, is_builtin: bool) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let at = Path::ROOT.field("metadata");
    let (new, old) = (&new["metadata"], &old["metadata"]);
    for field in
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        // The server itself sets when an object goes.
        let may_be_set = field.starts_with("deletion") && !has(old, field);
        if has(new, field) && !may_be_set && !same(&new[field], &old[field]) {
            errors.push(FieldError::invalid(at.field(field), new[field].clone(), "field is immutable"));
        }
    }
    if let (Some(new), Some(old)) = (int(new, "generation"), int(old, "generation"))
        && new < old
    {
        errors.push(FieldError::invalid(at.field("generation"), new, "must not be decremented"));
    }
    if has(old, "deletionTimestamp") {
        let before: BTreeSet<&str> = items(old, "finalizers").iter().filter_map(Value::as_str).collect();
        let added: Vec<&str> = items(new, "finalizers")
            .iter()
            .filter_map(Value::as_str)
            .filter(|finalizer| !before.contains(finalizer))
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
            );
            errors.push(FieldError::forbidden(at.field("finalizers"), detail));
        }
    }
    check_contents(new, &at, is_builtin, &mut errors);
    errors.into_vec()
}

/// Checks the metadata of a template: labels and annotations.
pub(crate) fn check_template(metadata: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_labels(metadata, &at.field("labels"), errors);
    check_annotations(metadata, &at.field("annotations"), errors);
}

fn check(
    metadata: &Value,
    at: &Path<'_>,
    namespaced: bool,
    name_rule: NameRule,
    is_builtin: bool,
    errors: &mut Errors,
) {
    let prefix = text(metadata, "generateName");
    if !prefix.is_empty() {
        errors.invalid_text(at.field("generateName"), prefix, name_rule.check_prefix(prefix));
    }
    let name = text(metadata, "name");
    if !name.is_empty() {
        errors.invalid_text(at.field("name"), name, name_rule.check(name));
    } else {
        errors.push(FieldError::required(at.field("name"), "name or generateName is required"));
    }
    let namespace = text(metadata, "namespace");
    match (namespaced, namespace.is_empty()) {
        (true, true) => errors.push(FieldError::required(at.field("namespace"), "")),
        (true, false) => errors.invalid_text(at.field("namespace"), namespace, dns1123_label(namespace)),
        (false, true) => {}
        (false, false) => {
            errors.push(FieldError::forbidden(at.field("namespace"), "not allowed on this type"))
        }
    }
    if let Some(generation) = int(metadata, "generation").filter(|generation| *generation < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(at.field("generation"), generation, detail));
    }
    check_contents(metadata, at, is_builtin, errors);
}

fn check_contents(metadata: &Value, at: &Path<'_>, is_builtin: bool, errors: &mut Errors) {
    check_labels(metadata, &at.field("labels"), errors);
    check_annotations(metadata, &at.field("annotations"), errors);
    check_owners(metadata, &at.field("ownerReferences"), errors);
    check_finalizers(metadata, &at.field("finalizers"), is_builtin, errors);
}

/// Checks the keys and values of `labels` of an object.
pub(crate) fn check_labels(object: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_label_map(&object["labels"], at, errors);
}

/// Checks the keys and values of a map of labels.
pub(crate) fn check_label_map(labels: &Value, at: &Path<'_>, errors: &mut Errors) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        errors.invalid_text(at, key, qualified_name(key));
        let value = value.as_str().unwrap_or_default();
        errors.invalid_text(at, value, label_value(value));
    }
}

fn check_annotations(metadata: &Value, at: &Path<'_>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in entries(metadata, "annotations") {
        // Annotation keys may have capitals in their prefix.
        errors.invalid_text(at, key, qualified_name(&key.to_lowercase()));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > LARGEST_ANNOTATIONS {
        errors.push(FieldError::too_long(at, LARGEST_ANNOTATIONS));
    }
}

fn check_owners(metadata: &Value, at: &Path<'_>, errors: &mut Errors) {
    let mut controller: Option<&str> = None;
    for (index, owner) in items(metadata, "ownerReferences").iter().enumerate() {
        let at_owner = at.index(index);
        let api_version = text(owner, "apiVersion");
        if api_version.rsplit('/').next().is_none_or(str::is_empty) {
            errors.push(FieldError::invalid(
                at_owner.field("apiVersion"),
                api_version,
                "version must not be empty",
            ));
        }
        for field in ["kind", "name", "uid"] {
            let value = text(owner, field);
            if value.is_empty() {
                errors.push(FieldError::invalid(at_owner.field(field), value, "must not be empty"));
            }
        }
        if api_version == "v1" && text(owner, "kind") == "Event" {
            errors.push(FieldError::invalid(
                at,
                owner.clone(),
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if truth(owner, "controller") {
            match controller {
                None => controller = Some(text(owner, "name")),
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} \
                         and {}",
                        text(owner, "name")
                    );
                    errors.push(FieldError::invalid(at, metadata["ownerReferences"].clone(), detail));
                }
            }
        }
    }
}

fn check_finalizers(metadata: &Value, at: &Path<'_>, is_builtin: bool, errors: &mut Errors) {
    let mut orphan = false;
    let mut foreground = false;
    for (index, finalizer) in items(metadata, "finalizers").iter().enumerate() {
        let finalizer = finalizer.as_str().unwrap_or_default();
        errors.invalid_text(at, finalizer, qualified_name(finalizer));
        orphan |= finalizer == "orphan";
        foreground |= finalizer == "foregroundDeletion";
        if is_builtin && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(at.index(index), finalizer, detail));
        }
    }
    if orphan && foreground {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(at, metadata["finalizers"].clone(), detail));
    }
}
