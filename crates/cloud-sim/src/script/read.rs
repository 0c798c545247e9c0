//! From text to events, with line and field of everything that is wrong.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use thiserror::Error;

use super::event::Script;
use super::fields::{Field, event};

/// What is wrong at one place of a script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {}{message}", .field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct ScriptProblem {
    /// The line, counted from 1.
    pub line: u32,
    /// The field.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Everything that is wrong with a script, in order of lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ScriptError {
    /// What is wrong.
    pub problems: Vec<ScriptProblem>,
}

/// An event as it is written.
type Entry = Spanned<Fields>;

/// Fields in their order; a name may come twice, which is told as a problem.
#[derive(Debug, Default)]
struct Fields(Vec<(Spanned<String>, Spanned<Texts>)>);

/// A scalar, or a list of them, as texts.
#[derive(Debug, Default)]
struct Texts(Vec<String>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    events: Vec<Entry>,
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Script, ScriptError> {
        let entries = entries(text).map_err(|problem| ScriptError { problems: vec![problem] })?;
        let mut problems = Vec::new();
        let mut events = Vec::new();
        for entry in entries {
            let line = line_of(entry.referenced.line());
            let fields: Vec<Field> = entry
                .value
                .0
                .into_iter()
                .map(|(name, values)| Field {
                    line: line_of(values.referenced.line()).max(line),
                    name: name.value,
                    values: values.value.0,
                })
                .collect();
            match event(line, &fields) {
                Ok(event) => events.push(event),
                Err(wrong) => problems.extend(wrong),
            }
        }
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() { Ok(Script { events }) } else { Err(ScriptError { problems }) }
    }
}

fn entries(text: &str) -> Result<Vec<Entry>, ScriptProblem> {
    let is_told = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let Some(first) = text.lines().find(is_told).map(str::trim_start) else { return Ok(Vec::new()) };
    if first.starts_with("events") || first.starts_with('{') {
        return serde_saphyr::from_str::<Document>(text)
            .map(|document| document.events)
            .map_err(|error| broken(&error));
    }
    if first.starts_with(['-', '[']) {
        return serde_saphyr::from_str(text).map_err(|error| broken(&error));
    }
    // one event a line: each line is a mapping without its braces
    let mut as_list = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        if is_told(&line) {
            as_list.push_str("- {");
            as_list.push_str(line.trim());
            as_list.push('}');
        }
        as_list.push('\n');
    }
    serde_saphyr::from_str(&as_list).map_err(|error| broken(&error))
}

fn broken(error: &serde_saphyr::Error) -> ScriptProblem {
    let line = error.location().map_or(1, |location| line_of(location.line()));
    let text = error.to_string();
    // the first line says what is wrong, after the place that is told anyway; the rest draws it
    let first = text.lines().next().unwrap_or_default();
    let is_place = |part: &&str| *part == "error" || part.starts_with("line ");
    let parts: Vec<&str> = first.split(": ").skip_while(is_place).collect();
    let expected = "expected an event such as at: 10:00, zone: us-east-1a, depth: 0, for: 30m";
    ScriptProblem { line, field: None, message: format!("{}; {expected}", parts.join(": ")) }
}

fn line_of(line: impl TryInto<u32>) -> u32 {
    line.try_into().unwrap_or(u32::MAX)
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event with fields such as at, zone and depth")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        macro_rules! scalars {
            ($($name:ident: $kind:ty),+) => {
                $(fn $name<E: serde::de::Error>(self, value: $kind) -> Result<Texts, E> {
                    Ok(Texts(vec![value.to_string()]))
                })+
            };
        }
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text, a number or a list of them")
            }

            scalars!(visit_str: &str, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_bool: bool);

            fn visit_unit<E: serde::de::Error>(self) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_none<E: serde::de::Error>(self) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Texts, D::Error> {
                Texts::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = sequence.next_element::<String>()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(TextsVisitor)
    }
}
