//! Whether a value has the shape its schema asks for: types, fields, bounds, patterns. Every difference is a problem.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::duration::NillableDuration;
use crate::kinds::{DURATION_PATTERN, NILLABLE_DURATION_PATTERN};
use crate::labels::excerpt;

use super::meant::meant;
use super::path::{At, FieldPath};
use super::pattern_hints::hint;
use super::problem::{Problem, Problems};
use super::shape::{Shape, ShapeKind, Shapes};

/// A list or map that is too long and longer than this is not looked at any closer.
const LARGEST: usize = 10_000;

/// What an unknown field is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    /// A problem that stops the work.
    Refused,
    /// A problem that does not.
    Noted,
}

/// What was found, and with what each wrong value could be replaced so that the rest can still be checked.
#[derive(Debug, Default)]
pub(crate) struct Conformity {
    pub(crate) problems: Problems,
    pub(crate) repairs: Vec<(FieldPath, Value)>,
    /// Whether the object is too large, or has too much wrong with it, to be looked at any closer.
    pub(crate) hopeless: bool,
}

/// Compares a value with the schema of its kind.
pub(crate) fn conform(shapes: &Shapes, value: &Value, unknown: UnknownFields) -> Conformity {
    let mut check = Check { shapes, unknown, found: Conformity::default() };
    check.value(&At::ROOT, &shapes.root, value);
    check.found.hopeless |= check.found.problems.is_full();
    check.found
}

struct Check<'s> {
    shapes: &'s Shapes,
    unknown: UnknownFields,
    found: Conformity,
}

impl Check<'_> {
    fn value(&mut self, at: &At<'_>, shape: &Shape, value: &Value) {
        if self.found.problems.is_full() {
            return;
        }
        let shapes = self.shapes;
        let shape = shapes.resolve(shape);
        match (&shape.kind, value) {
            (ShapeKind::Any | ShapeKind::Named(_), _) | (ShapeKind::Boolean, Value::Bool(_)) => {}
            (ShapeKind::Integer, Value::Number(number)) if !number.is_f64() => self.integer(at, shape, value),
            (ShapeKind::Number | ShapeKind::Quantity, Value::Number(_)) => {}
            (ShapeKind::IntOrText, Value::Number(number)) if !number.is_f64() => {}
            (ShapeKind::Text | ShapeKind::IntOrText | ShapeKind::Quantity, Value::String(text)) => {
                self.text(at, shape, text);
            }
            (ShapeKind::List, Value::Array(items)) => self.list(at, shape, items),
            (ShapeKind::Object, Value::Object(fields)) => self.object(at, shape, fields),
            _ => {
                let expected = expected(shape);
                let problem =
                    self.wrong(at, shape, format!("found {}, expected {expected}", describe(value)));
                if !shape.one_of.is_empty() {
                    problem.right(format!("possible: {}", allowed(shape).join(", ")));
                } else if let Some(right) = type_hint(shape, value) {
                    problem.right(right);
                }
            }
        }
    }

    fn object(&mut self, at: &At<'_>, shape: &Shape, fields: &Map<String, Value>) {
        if let Some(values) = &shape.values {
            if let Some(longest) = shape.longest.filter(|longest| fields.len() > *longest) {
                self.wrong(at, shape, format!("{} entries are too many", fields.len()))
                    .right(format!("at most {longest}"));
                self.found.hopeless |= fields.len() > LARGEST;
            }
            for (name, value) in fields.iter().take(shape.longest.unwrap_or(usize::MAX)) {
                self.value(&at.key(name), values, value);
            }
            return;
        }
        if shape.properties.is_empty() {
            return;
        }
        for (name, value) in fields {
            match shape.properties.get(name) {
                // The API server takes null for absent.
                Some(_) if value.is_null() => {}
                Some(inner) => self.value(&at.key(name), inner, value),
                None => self.unknown_field(&at.key(name), shape, name),
            }
        }
        for name in &shape.required {
            let Some(inner) = shape.properties.get(name) else { continue };
            let absent = fields.get(name).is_none_or(Value::is_null);
            if absent && self.shapes.resolve(inner).default.is_none() {
                self.wrong(&at.key(name), inner, "the field is missing".to_owned());
            }
        }
    }

    fn unknown_field(&mut self, at: &At<'_>, shape: &Shape, name: &str) {
        let known = || shape.properties.keys().map(String::as_str);
        let right = match meant(name, known()) {
            Some(known) => format!("did you mean {known}?"),
            None => match self.elsewhere(name) {
                Some(path) => format!("it belongs to {path}"),
                None if shape.properties.len() <= 12 => {
                    format!("possible here: {}", known().collect::<Vec<_>>().join(", "))
                }
                None => "leave it out".to_owned(),
            },
        };
        let problems = &mut self.found.problems;
        let problem = match self.unknown {
            UnknownFields::Refused => problems.error(at, "unknown field"),
            UnknownFields::Noted => problems.warning(at, "unknown field, it has no effect"),
        };
        problem.on_key().right(right);
    }

    /// Where else in the spec there is a field of this name, if in one place only.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let mut found = Vec::new();
        let spec = self.shapes.field("spec")?;
        let mut waiting = vec![(".spec".to_owned(), spec)];
        while let Some((path, shape)) = waiting.pop() {
            for (inner_name, inner) in &shape.properties {
                if inner_name == name {
                    found.push(path.clone());
                }
                // References are not followed: they are what recursion comes from, and core kinds are too large.
                waiting.push((format!("{path}.{inner_name}"), inner));
            }
            waiting.extend(shape.items.iter().map(|inner| (format!("{path}[]"), &**inner)));
        }
        if found.len() == 1 { found.pop() } else { None }
    }

    fn list(&mut self, at: &At<'_>, shape: &Shape, items: &[Value]) {
        if items.len() < shape.shortest {
            self.wrong(at, shape, format!("{} items are too few", items.len()))
                .right(format!("at least {}", shape.shortest));
        }
        if let Some(longest) = shape.longest.filter(|longest| items.len() > *longest) {
            self.wrong(at, shape, format!("{} items are too many", items.len()))
                .right(format!("at most {longest}"));
            self.found.hopeless |= items.len() > LARGEST;
        }
        let Some(inner) = &shape.items else { return };
        for (index, item) in items.iter().take(shape.longest.unwrap_or(usize::MAX)).enumerate() {
            self.value(&at.index(index), inner, item);
        }
        if shape.is_set || !shape.map_keys.is_empty() {
            self.repeated_items(at, shape, items);
        }
    }

    fn repeated_items(&mut self, at: &At<'_>, shape: &Shape, items: &[Value]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = if shape.is_set {
                item.to_string()
            } else {
                shape.map_keys.iter().map(|key| item[key.as_str()].to_string()).collect::<Vec<_>>().join(" ")
            };
            if !seen.insert(identity) {
                let what = if shape.is_set {
                    String::new()
                } else {
                    format!(" with the same {}", shape.map_keys.join(", "))
                };
                let text = format!("the list has another item{what}");
                self.found.problems.error(&at.index(index), text).right("keep one of the two");
            }
        }
    }

    fn text(&mut self, at: &At<'_>, shape: &Shape, text: &str) {
        if !shape.one_of.is_empty() {
            if !shape.one_of.iter().any(|allowed| allowed == text) {
                let allowed = allowed(shape);
                let right = match meant(text, allowed.iter().copied()) {
                    Some(known) => format!("did you mean {known}? possible: {}", allowed.join(", ")),
                    None => format!("possible: {}", allowed.join(", ")),
                };
                self.wrong(at, shape, format!("{:?} is not possible", excerpt(text))).right(right);
            }
            return;
        }
        let length = text.chars().count();
        if length < shape.shortest {
            self.wrong(at, shape, format!("{:?} is too short", excerpt(text)))
                .right(format!("at least {} characters", shape.shortest));
            return;
        }
        if let Some(longest) = shape.longest.filter(|longest| length > *longest) {
            self.wrong(at, shape, format!("{length} characters are too many"))
                .right(format!("at most {longest}"));
            return;
        }
        if let Some(pattern) = &shape.pattern
            && !pattern.is_match(text)
        {
            let right = hint(pattern.as_str());
            let problem = self.wrong(at, shape, format!("{:?} has the wrong form", excerpt(text)));
            problem.rule(format!("pattern {}", pattern.as_str()));
            if let Some(right) = right {
                problem.right(right);
            }
        }
        let is_duration = shape.pattern.as_ref().is_some_and(|pattern| {
            matches!(pattern.as_str(), DURATION_PATTERN | NILLABLE_DURATION_PATTERN) && pattern.is_match(text)
        });
        if let Some(Err(error)) = is_duration.then(|| text.parse::<NillableDuration>()) {
            self.wrong(at, shape, error.to_string());
        }
        if shape.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
            self.wrong(at, shape, format!("{:?} is no point in time", excerpt(text)))
                .right("write one such as 2026-08-20T10:00:00Z");
        }
    }

    fn integer(&mut self, at: &At<'_>, shape: &Shape, value: &Value) {
        let (lowest, highest) = match shape.format.as_deref() {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let lowest = shape.minimum.unwrap_or(lowest);
        let highest = shape.maximum.unwrap_or(highest);
        let number = value.as_i64().unwrap_or(i64::MAX);
        if number < lowest {
            self.wrong(at, shape, format!("{value} is too low")).right(format!("at least {lowest}"));
        } else if number > highest || value.as_i64().is_none() {
            self.wrong(at, shape, format!("{value} is too high")).right(format!("at most {highest}"));
        }
    }

    fn wrong(&mut self, at: &At<'_>, shape: &Shape, text: String) -> &mut Problem {
        self.found.repairs.push((at.path(), self.shapes.sample(shape)));
        self.found.problems.error(at, text)
    }
}

/// A value in words.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", excerpt(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The texts that are possible.
fn allowed(shape: &Shape) -> Vec<&str> {
    shape.one_of.iter().filter_map(Value::as_str).collect()
}

fn expected(shape: &Shape) -> &'static str {
    match shape.kind {
        ShapeKind::Boolean => "true or false",
        ShapeKind::Integer => "an integer",
        ShapeKind::Number => "a number",
        ShapeKind::Text => "a text",
        ShapeKind::List => "a list",
        ShapeKind::Object => "an object",
        ShapeKind::IntOrText => "an integer or a text",
        ShapeKind::Quantity => "a number or a text",
        ShapeKind::Any | ShapeKind::Named(_) => "anything",
    }
}

fn type_hint(shape: &Shape, value: &Value) -> Option<&'static str> {
    match (&shape.kind, value) {
        (ShapeKind::Text | ShapeKind::IntOrText | ShapeKind::Quantity, Value::Bool(_) | Value::Number(_)) => {
            Some("put it in quotes")
        }
        (ShapeKind::Integer | ShapeKind::Number | ShapeKind::Boolean, Value::String(text))
            if serde_json::from_str::<Value>(text)
                .is_ok_and(|inner| inner.is_number() || inner.is_boolean()) =>
        {
            Some("take the quotes away")
        }
        (ShapeKind::List, Value::Object(_)) => Some("begin each item with a dash"),
        _ => None,
    }
}
