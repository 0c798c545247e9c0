//! One step of a path into an object.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

/// One step of a path. The order is that of `fieldsV1`: fields, then keyed elements, then values, then positions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A field of an object or a key of a map: `f:replicas`, `.replicas`.
    Field(String),
    /// An element of a list known by keys, sorted by name: `k:{"name":"web"}`, `[name="web"]`.
    Key(Vec<(String, Atom)>),
    /// An element of a set: `v:"a"`, `[="a"]`.
    Value(Atom),
    /// A position in a list: `i:0`, `[0]`.
    Index(i64),
}

/// A scalar with an order: numbers, then texts, then booleans, then null, then the rest as text.
#[derive(Clone, Debug)]
pub enum Atom {
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A boolean.
    Boolean(bool),
    /// Null.
    Null,
    /// A list or an object, as JSON; no list that merges has such keys, but a stored set may.
    Other(String),
}

impl Atom {
    /// The scalar of a JSON value.
    pub fn of(value: &Value) -> Atom {
        match value {
            Value::Null => Atom::Null,
            Value::Bool(value) => Atom::Boolean(*value),
            Value::String(text) => Atom::Text(text.clone()),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Atom::Integer(number),
                (None, Some(number)) => Atom::Float(number),
                (None, None) => Atom::Other(number.to_string()),
            },
            other => Atom::Other(other.to_string()),
        }
    }

    /// The scalar as a JSON value.
    pub fn to_value(&self) -> Value {
        match self {
            Atom::Integer(number) => Value::from(*number),
            Atom::Float(number) => Value::from(*number),
            Atom::Text(text) => Value::from(text.as_str()),
            Atom::Boolean(value) => Value::Bool(*value),
            Atom::Null => Value::Null,
            Atom::Other(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Atom::Integer(_) | Atom::Float(_) => 0,
            Atom::Text(_) => 1,
            Atom::Boolean(_) => 2,
            Atom::Null => 3,
            Atom::Other(_) => 4,
        }
    }
}

impl Ord for Atom {
    #[allow(clippy::cast_precision_loss)] // Integers meet floats only in lists that hold both.
    fn cmp(&self, other: &Atom) -> Ordering {
        match (self, other) {
            (Atom::Integer(one), Atom::Integer(other)) => one.cmp(other),
            (Atom::Float(one), Atom::Float(other)) => one.total_cmp(other),
            (Atom::Integer(one), Atom::Float(other)) => (*one as f64).total_cmp(other).then(Ordering::Less),
            (Atom::Float(one), Atom::Integer(other)) => {
                one.total_cmp(&(*other as f64)).then(Ordering::Greater)
            }
            (Atom::Text(one), Atom::Text(other)) | (Atom::Other(one), Atom::Other(other)) => one.cmp(other),
            (Atom::Boolean(one), Atom::Boolean(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Atom {
    fn partial_cmp(&self, other: &Atom) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Atom) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Atom {}

impl PathElement {
    /// How `fieldsV1` writes the step.
    pub fn to_text(&self) -> String {
        match self {
            PathElement::Field(name) => format!("f:{name}"),
            PathElement::Key(keys) => {
                let keys: Map<String, Value> =
                    keys.iter().map(|(name, atom)| (name.clone(), atom.to_value())).collect();
                format!("k:{}", Value::Object(keys))
            }
            PathElement::Value(atom) => format!("v:{}", atom.to_value()),
            PathElement::Index(position) => format!("i:{position}"),
        }
    }

    /// Reads a step of `fieldsV1`; none if it is no step.
    pub fn from_text(text: &str) -> Option<PathElement> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(PathElement::Field(rest.to_owned())),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<(String, Atom)> =
                    keys.iter().map(|(name, value)| (name.clone(), Atom::of(value))).collect();
                keys.sort();
                Some(PathElement::Key(keys))
            }
            "v" => Some(PathElement::Value(Atom::of(&serde_json::from_str(rest).ok()?))),
            "i" => rest.parse().ok().map(PathElement::Index),
            _ => None,
        }
    }
}

/// As in conflicts: `.replicas`, `[name="web"]`, `[="a"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(formatter, ".{name}"),
            PathElement::Key(keys) => {
                let keys: Vec<String> =
                    keys.iter().map(|(name, atom)| format!("{name}={}", atom.to_value())).collect();
                write!(formatter, "[{}]", keys.join(","))
            }
            PathElement::Value(atom) => write!(formatter, "[={}]", atom.to_value()),
            PathElement::Index(position) => write!(formatter, "[{position}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("f:app.kubernetes.io/name", ".app.kubernetes.io/name")]
    #[case(r#"k:{"containerPort":80,"protocol":"TCP"}"#, r#"[containerPort=80,protocol="TCP"]"#)]
    #[case(r#"v:"a:b""#, r#"[="a:b"]"#)]
    #[case("v:1.5", "[=1.5]")]
    #[case("i:3", "[3]")]
    fn steps_read_and_write(#[case] text: &str, #[case] shown: &str) {
        let element = PathElement::from_text(text).unwrap();
        assert_eq!(element.to_text(), text);
        assert_eq!(element.to_string(), shown);
    }

    #[rstest]
    #[case("")]
    #[case("f")]
    #[case("x:a")]
    #[case("k:[]")]
    #[case("k:{")]
    #[case("i:x")]
    #[case("v:")]
    fn no_steps_are_refused(#[case] text: &str) {
        assert_eq!(PathElement::from_text(text), None);
    }
}
