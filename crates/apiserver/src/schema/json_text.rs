//! Reads JSON and notes the fields that are there twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// More duplicates than these are not listed.
const MAX_NOTED: usize = 100;

/// A JSON document, read.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonText {
    /// What it says. Of a field that is there twice, the last value counts.
    pub value: Value,
    /// The paths of fields that are there more than once, each once: `spec.replicas`. At most a hundred.
    pub duplicates: Vec<String>,
}

/// The text is no JSON, or nests deeper than 128 levels.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonTextError(#[from] serde_json::Error);

/// Reads one JSON document.
pub fn parse_json(text: &[u8]) -> Result<JsonText, JsonTextError> {
    let mut noted = Noted { path: String::new(), duplicates: BTreeSet::new() };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Seed { noted: &mut noted }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(JsonText { value, duplicates: noted.duplicates.into_iter().collect() })
}

/// The words of a strict decoder for what it found; none if it found nothing:
/// `strict decoding error: duplicate field "spec.replicas", unknown field "spec.foo"`.
pub fn strict_error(duplicates: &[String], unknown: &[String]) -> Option<String> {
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let all: Vec<String> = duplicates.chain(unknown).collect();
    (!all.is_empty()).then(|| format!("strict decoding error: {}", all.join(", ")))
}

struct Noted {
    path: String,
    duplicates: BTreeSet<String>,
}

struct Seed<'a> {
    noted: &'a mut Noted,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        let length = self.noted.path.len();
        loop {
            self.noted.path.push_str(&format!("[{}]", elements.len()));
            let element = sequence.next_element_seed(Seed { noted: self.noted })?;
            self.noted.path.truncate(length);
            match element {
                Some(element) => elements.push(element),
                None => return Ok(Value::Array(elements)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        let length = self.noted.path.len();
        while let Some(name) = map.next_key::<String>()? {
            if length > 0 {
                self.noted.path.push('.');
            }
            self.noted.path.push_str(&name);
            if fields.contains_key(&name) && self.noted.duplicates.len() < MAX_NOTED {
                self.noted.duplicates.insert(self.noted.path.clone());
            }
            let value = map.next_value_seed(Seed { noted: self.noted })?;
            self.noted.path.truncate(length);
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn duplicates_are_named_and_the_last_value_counts() {
        let text = br#"{"a":{"b":1,"c":[{"d":1},{"d":1,"d":2,"d":3}],"b":2},"a2":null}"#;
        let read = parse_json(text).unwrap();
        assert_eq!(read.value, json!({ "a": { "b": 2, "c": [{ "d": 1 }, { "d": 3 }] }, "a2": null }));
        assert_eq!(read.duplicates, ["a.b", "a.c[1].d"]);
        let words = strict_error(&read.duplicates[..1], &["spec.foo".to_owned()]).unwrap();
        assert_eq!(words, r#"strict decoding error: duplicate field "a.b", unknown field "spec.foo""#);
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let text = "[".repeat(100_000);
        assert!(parse_json(text.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in "[\\[\\]{}\":,a0-9.eE\\- tfn]{0,40}") {
            let ours = parse_json(text.as_bytes()).ok().map(|read| read.value);
            proptest::prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).ok());
        }
    }
}
