//! JSON as text: documents, and the values within, found without decoding what is around them.
//!
//! [`documents`] checks the whole text once; after that the other functions may take it to be JSON. They never panic
//! on anything else, they only find nothing.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use crate::validate::path::{FieldPath, Step};

/// A text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonError {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) problem: String,
}

/// The documents of a text, one after the other as some commands print them, and what ends them early.
pub(super) fn documents(text: &str) -> (Vec<Range<usize>>, Option<JsonError>) {
    let mut found = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut start = 0;
    loop {
        match stream.next() {
            None => return (found, None),
            Some(Ok(_)) => {
                let end = stream.byte_offset();
                found.push(skip_space(text.as_bytes(), start)..end);
                start = end;
            }
            Some(Err(error)) => return (found, Some(JsonError::from(&error))),
        }
    }
}

impl From<&serde_json::Error> for JsonError {
    fn from(error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let problem = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(problem, _)| problem);
        Self { line: error.line().max(1), column: error.column().max(1), problem: problem.to_owned() }
    }
}

/// A field of an object in the text: its name and where name and value are.
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) name_at: usize,
    pub(super) value: Range<usize>,
}

/// The fields of the object that starts at an offset.
pub(super) fn members(text: &str, start: usize) -> impl Iterator<Item = Member<'_>> {
    let bytes = text.as_bytes();
    let mut at = opened(bytes, start, b'{');
    std::iter::from_fn(move || {
        let name_at = next_item(bytes, at?)?;
        let name_end = skip_value(bytes, name_at);
        let colon = skip_space(bytes, name_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let value_at = skip_space(bytes, colon + 1);
        let value = value_at..skip_value(bytes, value_at);
        at = (value.end > value_at).then_some(value.end);
        let name = unquote(text.get(name_at..name_end)?)?;
        Some(Member { name, name_at, value })
    })
}

/// The items of the list that starts at an offset.
pub(super) fn elements(text: &str, start: usize) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = opened(bytes, start, b'[');
    std::iter::from_fn(move || {
        let item_at = next_item(bytes, at?)?;
        let item = item_at..skip_value(bytes, item_at);
        at = (item.end > item_at).then_some(item.end);
        at.map(|_| item)
    })
}

/// The text of a JSON string, if it is one.
pub(super) fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Where the value at a path is, or its name in the object around it; as far as the path leads.
pub(super) fn locate(text: &str, start: usize, path: &FieldPath, on_key: bool) -> usize {
    let mut here = start;
    for (depth, step) in path.0.iter().enumerate() {
        let next = match step {
            Step::Key(key) => members(text, here).find(|member| member.name == *key).map(|member| {
                let last = depth + 1 == path.0.len();
                if last && on_key { member.name_at } else { member.value.start }
            }),
            Step::Index(index) => elements(text, here).nth(*index).map(|element| element.start),
        };
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    here
}

/// The offset after an opening bracket, if there is one.
fn opened(bytes: &[u8], start: usize, bracket: u8) -> Option<usize> {
    let start = skip_space(bytes, start);
    (bytes.get(start) == Some(&bracket)).then_some(start + 1)
}

/// The start of the next item of a list or object, if it does not end here.
fn next_item(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = skip_space(bytes, at);
    if bytes.get(at) == Some(&b',') {
        at = skip_space(bytes, at + 1);
    }
    match bytes.get(at) {
        None | Some(b'}' | b']') => None,
        Some(_) => Some(at),
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The offset after the value that starts here.
fn skip_value(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => skip_string(bytes, start),
        Some(b'{' | b'[') => skip_nested(bytes, start),
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b':');
            bytes.iter().skip(start).position(is_end).map_or(bytes.len(), |length| start + length)
        }
    }
}

fn skip_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn skip_nested(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::Value;

    const TEXT: &str = r#" {"a": [1, "x]\"", {"b" : null}], "c\u0064": {"e": true} } "#;

    #[rstest]
    #[case::the_root("", false, "{")]
    #[case::a_list("a", false, "[1")]
    #[case::a_name("a", true, "\"a\"")]
    #[case::an_item("a[1]", false, "\"x]")]
    #[case::a_field_in_a_list("a[2].b", false, "null")]
    #[case::an_escaped_name("cd.e", false, "true")]
    #[case::as_far_as_there_is_something("cd.missing.more", false, "{\"e\"")]
    fn a_path_is_found(#[case] path: &str, #[case] on_key: bool, #[case] expected: &str) {
        let found = locate(TEXT, 1, &FieldPath::from_dotted(path), on_key);
        assert!(TEXT[found..].starts_with(expected), "{}", &TEXT[found..]);
    }

    #[test]
    fn several_documents_follow_each_other() {
        let (found, error) = documents("{} \n[1]\n");
        assert_eq!(found, [0..2, 4..7]);
        assert_eq!(error, None);
    }

    #[test]
    fn the_error_says_where_the_text_stops_being_json() {
        let (found, error) = documents("{\"a\": 1}\n{\"b\" 2}");
        let error = error.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((error.line, error.column), (2, 6));
        assert_eq!(error.problem, "expected `:`");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z{}\\[\\]\",:\\\\ é]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\{]{0,4}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// The value at an offset, read through this module only.
    fn reread(text: &str, at: Range<usize>) -> Value {
        match text.as_bytes()[at.start] {
            b'{' => members(text, at.start)
                .map(|member| (member.name.into_owned(), reread(text, member.value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            b'[' => elements(text, at.start).map(|element| reread(text, element)).collect(),
            _ => serde_json::from_str(&text[at]).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn walking_the_text_finds_what_decoding_finds(value in values(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let (found, error) = documents(&text);
            prop_assert_eq!(error, None);
            prop_assert_eq!(reread(&text, found[0].clone()), value);
        }

        #[test]
        fn nonsense_is_walked_without_a_panic(text in "[\\[\\]{}\",:\\\\a1é ]{0,40}", start in 0usize..40) {
            let _ = documents(&text);
            prop_assert!(members(&text, start).count() <= 40);
            prop_assert!(elements(&text, start).count() <= 40);
        }
    }
}
