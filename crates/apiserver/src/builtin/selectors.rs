//! Label selectors in specs: whether they are well formed, and whether they match labels.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;
use supercargo_api::selector::Selector;

use crate::field_error::{FieldError, Path};
use crate::names::{label_value, qualified_name};

use super::metadata::check_label_map;
use super::read::{Errors, has_content, items, text};

/// Checks a label selector.
pub(crate) fn check_selector(selector: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_label_map(&selector["matchLabels"], &at.field("matchLabels"), errors);
    let at_expressions = at.field("matchExpressions");
    for (index, expression) in items(selector, "matchExpressions").iter().enumerate() {
        let at = at_expressions.index(index);
        let key = text(expression, "key");
        let operator = text(expression, "operator");
        match operator {
            "In" | "NotIn" if !has_content(expression, "values") => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(at.field("values"), detail));
            }
            "Exists" | "DoesNotExist" if has_content(expression, "values") => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(at.field("values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.push(FieldError::invalid(
                at.field("operator"),
                operator,
                "not a valid selector operator",
            )),
        }
        errors.invalid_text(at.field("key"), key, qualified_name(key));
        let at_values = at.field("values");
        for (index, value) in items(expression, "values").iter().enumerate() {
            let value = value.as_str().unwrap_or_default();
            errors.invalid_text(at_values.index(index), value, label_value(value));
        }
    }
}

/// Whether a selector has no term, so that it selects everything.
pub(crate) fn is_empty_selector(selector: &Value) -> bool {
    !has_content(selector, "matchLabels") && !has_content(selector, "matchExpressions")
}

/// The selector compiled; `None` if it is malformed.
pub(crate) fn compiled(selector: &Value) -> Option<Selector> {
    let selector: LabelSelector = serde_json::from_value(selector.clone()).ok()?;
    Selector::compile(&selector).ok()
}

/// The labels in an object's `metadata`.
pub(crate) fn labels_of(object: &Value) -> BTreeMap<String, String> {
    label_map(&object["metadata"]["labels"])
}

/// A map of labels; values that are no texts are left out.
pub(crate) fn label_map(labels: &Value) -> BTreeMap<String, String> {
    labels
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
