//! Rules of a schema (`x-kubernetes-validations`): compiled, and evaluated for a value.

use serde_json::Value;

use crate::builtin::read::{Errors, text};
use crate::field_error::{FieldError, FieldErrorKind, Path};

use super::expression::{CelValue, Expression, Failure, compile, evaluate, from_json_with_schema};
use super::node::Node;
use super::validation::Correlated;

/// Variables of rules.
pub(super) const RULE_VARIABLES: [&str; 2] = ["self", "oldSelf"];

/// What all rules together may cost for one object.
const BUDGET: u64 = 100_000_000;

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    expression: Expression,
    message: String,
    message_expression: Option<Expression>,
    reason: FieldErrorKind,
    field_path: String,
    is_transition: bool,
    /// About the change of a value, and not known to hold without one.
    pub(super) asks_unchanged: bool,
    optional_old: bool,
}

impl Rule {
    /// Compiles a rule; `None` if it does not compile, which the check of the definition tells.
    pub(super) fn compile(rule: &Value) -> Option<Rule> {
        let expression = compile(text(rule, "rule"), &RULE_VARIABLES).ok()?;
        let source = text(rule, "messageExpression");
        let message_expression = if source.is_empty() { None } else { compile(source, &RULE_VARIABLES).ok() };
        let is_transition = expression.uses("oldSelf");
        let optional_old = rule["optionalOldSelf"].as_bool() == Some(true);
        let holds_unchanged = expression.source().trim() == "self == oldSelf" && !optional_old;
        Some(Rule {
            is_transition,
            asks_unchanged: is_transition && !holds_unchanged,
            optional_old,
            message: text(rule, "message").trim().to_owned(),
            message_expression,
            reason: match text(rule, "reason") {
                "FieldValueRequired" => FieldErrorKind::Required,
                "FieldValueForbidden" => FieldErrorKind::Forbidden,
                "FieldValueDuplicate" => FieldErrorKind::Duplicate,
                _ => FieldErrorKind::Invalid,
            },
            field_path: text(rule, "fieldPath").to_owned(),
            expression,
        })
    }

    /// Whether it, or its message, looks at `oldSelf`.
    fn asks_what_was(&self) -> bool {
        let message = self.message_expression.as_ref();
        self.is_transition || self.optional_old || message.is_some_and(|message| message.uses("oldSelf"))
    }
}

/// Evaluates the rules of a schema for a value; on updates also those that compare it with what it was.
pub(super) fn check(node: &Node, schema: &Value, value: &Value, old: Option<&Value>, errors: &mut Errors) {
    let mut run = Run { errors, budget: BUDGET, out_of_budget: false };
    run.node(node, schema, value, old, &Path::ROOT);
}

struct Run<'e> {
    errors: &'e mut Errors,
    budget: u64,
    out_of_budget: bool,
}

impl Run<'_> {
    fn node(&mut self, node: &Node, schema: &Value, value: &Value, old: Option<&Value>, at: &Path<'_>) {
        if self.out_of_budget || !node.has_rules {
            return;
        }
        // what did not change was let through before
        if !node.asks_unchanged && old == Some(value) {
            return;
        }
        let is_absent = value.is_null() && node.nullable;
        if !is_absent && !node.rules.is_empty() {
            self.rules(node, schema, value, old, at);
        }
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let before = old.and_then(|old| old.get(name));
                    if let Some(inner) = node.properties.get(name) {
                        self.node(
                            inner,
                            &schema["properties"][name.as_str()],
                            field,
                            before,
                            &at.field(name),
                        );
                    } else if let Some(inner) = &node.values {
                        self.node(inner, &schema["additionalProperties"], field, before, &at.key(name));
                    }
                }
            }
            Value::Array(items) => {
                if let Some(inner) = &node.items {
                    let before = Correlated::new(node, old);
                    for (index, item) in items.iter().enumerate() {
                        self.node(inner, &schema["items"], item, before.of(item), &at.index(index));
                    }
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, node: &Node, schema: &Value, value: &Value, old: Option<&Value>, at: &Path<'_>) {
        let is_object = at.is_root();
        let is_unchanged = old == Some(value);
        let is_passed = |rule: &Rule| is_unchanged && !rule.asks_unchanged;
        if node.rules.iter().all(is_passed) {
            return;
        }
        let current = from_json_with_schema(value, schema, is_object);
        let before = match old {
            Some(_) if is_unchanged => Some(current.clone()),
            Some(old) if node.rules.iter().any(Rule::asks_what_was) => {
                Some(from_json_with_schema(old, schema, is_object))
            }
            // no rule asks what it was
            Some(_) => Some(CelValue::Null),
            None => None,
        };
        for rule in &node.rules {
            let old_self = match (&before, rule.is_transition) {
                // What did not change was let through before: only rules about the change are asked.
                (Some(_), false) if is_unchanged => continue,
                (None, true) if !rule.optional_old => continue,
                (Some(before), _) if rule.optional_old => optional(Some(before)),
                (None, _) if rule.optional_old => optional(None),
                (Some(before), _) => before.clone(),
                (None, _) => CelValue::Null,
            };
            let variables = [("self", &current), ("oldSelf", &old_self)];
            match evaluate(&rule.expression, &variables, &mut self.budget) {
                Ok(CelValue::Bool(true)) => {}
                Ok(CelValue::Bool(false)) => self.broken(rule, value, &variables, at),
                Ok(_) => {
                    let detail = format!("rule did not evaluate to a bool: {}", rule.expression.source());
                    self.errors.push(FieldError::invalid(at, shown(value), detail));
                }
                Err(Failure::TooExpensive) => {
                    let detail = format!(
                        "call cost exceeds limit for rule: {}: no further validation rules will be run",
                        rule.expression.source()
                    );
                    self.errors.push(FieldError::invalid(at, shown(value), detail));
                    self.out_of_budget = true;
                    return;
                }
                Err(Failure::Failed(error)) => {
                    let named =
                        if rule.message.is_empty() { rule.expression.source() } else { &rule.message };
                    let detail = format!("{error} evaluating rule: {named}");
                    self.errors.push(FieldError::invalid(at, shown(value), detail));
                }
            }
        }
    }

    fn broken(&mut self, rule: &Rule, value: &Value, variables: &[(&str, &CelValue)], at: &Path<'_>) {
        let spoken = rule.message_expression.as_ref().and_then(|expression| {
            match evaluate(expression, variables, &mut self.budget) {
                // A message that is empty or has several lines is not taken.
                Ok(CelValue::String(text)) if !text.trim().is_empty() && !text.contains('\n') => {
                    Some(text.trim().to_owned())
                }
                _ => None,
            }
        });
        let detail = spoken.unwrap_or_else(|| {
            if rule.message.is_empty() {
                format!("failed rule: {}", rule.expression.source())
            } else {
                rule.message.clone()
            }
        });
        let path = format!("{at}{}", rule.field_path);
        let path = path.strip_prefix('.').unwrap_or(&path);
        let error = match rule.reason {
            FieldErrorKind::Required => FieldError::required(path, detail),
            FieldErrorKind::Forbidden => FieldError::forbidden(path, detail),
            FieldErrorKind::Duplicate => FieldError::duplicate(path, value.clone()),
            _ => {
                let mut error = FieldError::invalid(path, Value::Null, detail);
                error.bad_value = match value {
                    Value::Object(_) | Value::Array(_) => None,
                    scalar => Some(scalar.clone()),
                };
                error
            }
        };
        self.errors.push(error);
    }
}

/// `oldSelf` of a rule with `optionalOldSelf`: a value that may be absent.
fn optional(value: Option<&CelValue>) -> CelValue {
    use kube_cel::cel::objects::OptionalValue;
    let optional = match value {
        Some(value) => OptionalValue::of(value.clone()),
        None => OptionalValue::none(),
    };
    CelValue::Opaque(std::sync::Arc::new(optional))
}

fn shown(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::from("object"),
        Value::Array(_) => Value::from("array"),
        scalar => scalar.clone(),
    }
}
