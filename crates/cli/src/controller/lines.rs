//! Lines of the log: for people, and for programs in the form that Karpenter's have (reference section 6.3).

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::Level;

/// What an event says, in the order it says it.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The sentence.
    pub(super) message: String,
    /// Everything else.
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Said {
    fn take(&mut self, field: &tracing::field::Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            ("message", other) => self.message = other.to_string(),
            // what the crate log hands over about itself
            (name, _) if name.starts_with("log.") => {}
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl tracing::field::Visit for Said {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.take(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.take(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &tracing::field::Field, value: i64) {
        self.take(field, value.into());
    }

    fn record_bool(&mut self, field: &tracing::field::Field, value: bool) {
        self.take(field, value.into());
    }

    fn record_f64(&mut self, field: &tracing::field::Field, value: f64) {
        self.take(field, value.into());
    }
}

/// What wrote it: the module within the program.
fn logger(target: &str) -> String {
    target.strip_prefix("supercargo_").unwrap_or(target).replace("::", ".")
}

/// An object: level, time, logger, message, commit, then the fields.
pub(super) fn json(now: Timestamp, level: Level, target: &str, said: Said, commit: &str) -> String {
    let level = match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        _ => "DEBUG",
    };
    let mut object = Map::new();
    object.insert("level".to_owned(), level.into());
    object.insert("time".to_owned(), now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into());
    object.insert("logger".to_owned(), logger(target).into());
    object.insert("message".to_owned(), said.message.into());
    if !commit.is_empty() {
        object.insert("commit".to_owned(), commit.into());
    }
    for (name, value) in said.fields {
        object.insert(name.to_owned(), value);
    }
    let mut line = Value::Object(object).to_string();
    line.push('\n');
    line
}

/// A line: time, level, logger, message, fields.
pub(super) fn human(now: Timestamp, level: Level, target: &str, said: Said) -> String {
    let time = now.strftime("%H:%M:%S%.3f");
    let mut line = format!("{time} {:<5} {}  {}", level.as_str(), logger(target), printable(&said.message));
    for (name, value) in said.fields {
        let value = match value {
            Value::String(text) if !text.contains(' ') && !text.is_empty() => text,
            other => other.to_string(),
        };
        // a String takes everything
        let _ = write!(line, " {name}={}", printable(&value));
    }
    line.push('\n');
    line
}

/// A text without control characters: what others wrote must not steer a terminal.
fn printable(text: &str) -> String {
    crate::console::printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said {
            message: "disrupting\nnode(s)".to_owned(),
            fields: vec![("subject", "NodeClaim/a".into()), ("pods", 7.into()), ("why", "too dear".into())],
        }
    }

    fn now() -> Timestamp {
        "2026-03-02T09:00:00.25Z".parse().unwrap()
    }

    #[test]
    fn programs_read_karpenters_form() {
        insta::assert_snapshot!(
            json(now(), Level::INFO, "supercargo_control::journal::log", said(), "abc"),
            @r#"{"level":"INFO","time":"2026-03-02T09:00:00.250Z","logger":"control.journal.log","message":"disrupting\nnode(s)","commit":"abc","subject":"NodeClaim/a","pods":7,"why":"too dear"}"#
        );
    }

    #[test]
    fn people_read_a_line_each() {
        insta::assert_snapshot!(
            human(now(), Level::WARN, "supercargo_control::journal::log", said()),
            @r#"09:00:00.250 WARN  control.journal.log  disrupting\nnode(s) subject=NodeClaim/a pods=7 why="too dear""#
        );
    }
}
