//! Rules in a schema: whether they compile, and are where they can be evaluated.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::read::{Errors, has, has_content, items, text};
use crate::field_error::{FieldError, Path};

use super::expression::{Expression, compile, escaped_name};
use super::rules::RULE_VARIABLES;
use super::structural::Place;

const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Longest message, in bytes.
const LONGEST_MESSAGE: usize = 2048;

/// Checks `x-kubernetes-validations` of a schema.
pub(super) fn check_rules(schema: &Value, place: Place, at: &Path<'_>, errors: &mut Errors) {
    let at_rules = at.field("x-kubernetes-validations");
    for (index, rule) in items(schema, "x-kubernetes-validations").iter().enumerate() {
        let at_rule = at_rules.index(index);
        let source = text(rule, "rule");
        if source.trim().is_empty() {
            errors.push(FieldError::required(at_rule.field("rule"), "rule is not specified"));
            continue;
        }
        match compile(source, &RULE_VARIABLES) {
            Err(error) => {
                let detail = format!("compilation failed: {error}");
                errors.push(FieldError::invalid(at_rule.field("rule"), source, detail));
            }
            Ok(expression) => {
                check_fields(&expression, schema, place.is_object, &at_rule, errors);
                check_transition(&expression, rule, place, at, &at_rule, errors);
            }
        }
        check_message(rule, &at_rule, errors);
        let reason = text(rule, "reason");
        if !reason.is_empty() && !REASONS.contains(&reason) {
            errors.push(FieldError::not_supported(at_rule.field("reason"), reason, &REASONS));
        }
        check_field_path(rule, schema, &at_rule, errors);
    }
}

/// The fields that are selected from `self` must be declared, as far down as the schema says what there is.
fn check_fields(
    expression: &Expression,
    schema: &Value,
    is_object: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let mut undefined = BTreeSet::new();
    for path in expression.paths_of("self") {
        let mut here = schema;
        let mut is_object = is_object;
        for field in path {
            let Some(properties) = here["properties"].as_object() else { break };
            is_object |= here["x-kubernetes-embedded-resource"].as_bool() == Some(true);
            match properties.iter().find(|(name, _)| escaped_name(name) == field) {
                Some((_, inner)) => here = inner,
                None if is_object && matches!(field, "apiVersion" | "kind" | "metadata") => break,
                None => {
                    undefined.insert(field);
                    break;
                }
            }
            is_object = false;
        }
    }
    for field in undefined {
        let detail = format!("compilation failed: ERROR: <input>:1:5: undefined field '{field}'");
        errors.push(FieldError::invalid(at.field("rule"), expression.source(), detail));
    }
}

fn check_transition(
    expression: &Expression,
    rule: &Value,
    place: Place,
    at: &Path<'_>,
    at_rule: &Path<'_>,
    errors: &mut Errors,
) {
    let is_transition = expression.uses("oldSelf");
    if is_transition && !place.correlatable {
        let detail =
            format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {at}");
        errors.push(FieldError::invalid(at_rule.field("rule"), expression.source(), detail));
    }
    if has(rule, "optionalOldSelf") && !is_transition {
        let detail = "may not be set if oldSelf is not used in rule";
        errors.push(FieldError::invalid(
            at_rule.field("optionalOldSelf"),
            rule["optionalOldSelf"].clone(),
            detail,
        ));
    }
}

fn check_message(rule: &Value, at: &Path<'_>, errors: &mut Errors) {
    let message = text(rule, "message");
    if has(rule, "message") && message.trim().is_empty() {
        let detail = "message must be non-empty if specified";
        errors.push(FieldError::invalid(at.field("message"), message, detail));
    } else if message.contains('\n') {
        let detail = "message must not contain line breaks";
        errors.push(FieldError::invalid(at.field("message"), message, detail));
    } else if text(rule, "rule").contains('\n') && message.is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        errors.push(FieldError::required(at.field("message"), detail));
    }
    if message.len() > LONGEST_MESSAGE {
        let detail = format!("message must have a maximum length of {LONGEST_MESSAGE} characters");
        errors.push(FieldError::invalid(at.field("message"), message, detail));
    }
    if has_content(rule, "messageExpression") {
        let source = text(rule, "messageExpression");
        if let Err(error) = compile(source, &RULE_VARIABLES) {
            let detail = format!("messageExpression compilation failed: {error}");
            errors.push(FieldError::invalid(at.field("messageExpression"), source, detail));
        }
    }
}

/// A field path names a field of the schema: `.name.inner` or `['name']`.
fn check_field_path(rule: &Value, schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let path = text(rule, "fieldPath");
    if path.is_empty() {
        return;
    }
    let mut here = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let (name, after) = if let Some(inner) = rest.strip_prefix("['") {
            inner.split_once("']").unwrap_or((inner, ""))
        } else if let Some(inner) = rest.strip_prefix('.') {
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            inner.split_at(end)
        } else {
            let detail = "fieldPath must be a valid path: expected [ or . but got something else";
            errors.push(FieldError::invalid(at.field("fieldPath"), path, detail));
            return;
        };
        let property = &here["properties"][name];
        here = if property.is_null() { &here["additionalProperties"] } else { property };
        if !here.is_object() {
            let detail = "fieldPath must be a valid path: does not refer to a valid field".to_owned();
            errors.push(FieldError::invalid(at.field("fieldPath"), path, detail));
            return;
        }
        rest = after;
    }
}
