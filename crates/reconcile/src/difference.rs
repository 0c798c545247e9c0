//! The merge patch that turns one JSON document into another.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What a merge patch (RFC 7396) must say so that `from` becomes `to`; nothing if they are equal. Lists are replaced whole. Only
/// what differs is taken apart: most of an object stays as it is.
pub(crate) fn patch_between<T: Serialize>(from: &T, to: &T) -> Result<Option<Value>, serde_json::Error> {
    text_patch(&serde_json::to_string(from)?, &serde_json::to_string(to)?)
}

/// The same of two documents as text, written in the same manner.
fn text_patch(from: &str, to: &str) -> Result<Option<Value>, serde_json::Error> {
    if from == to {
        return Ok(None);
    }
    if !(from.starts_with('{') && to.starts_with('{')) {
        return serde_json::from_str(to).map(Some);
    }
    let old: BTreeMap<String, &RawValue> = serde_json::from_str(from)?;
    let new: BTreeMap<String, &RawValue> = serde_json::from_str(to)?;
    let mut patch = Map::new();
    for (name, value) in &new {
        let difference = match old.get(name) {
            Some(before) => text_patch(before.get(), value.get())?,
            None => Some(serde_json::from_str(value.get())?),
        };
        if let Some(difference) = difference {
            patch.insert(name.clone(), difference);
        }
    }
    for name in old.into_keys().filter(|name| !new.contains_key(name)) {
        patch.insert(name, Value::Null);
    }
    Ok((!patch.is_empty()).then_some(Value::Object(patch)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::equal_documents_need_no_patch(json!({"a": 1}), json!({"a": 1}), None)]
    #[case::what_goes_is_null(json!({"a": 1, "b": 2}), json!({"a": 1}), Some(json!({"b": null})))]
    #[case::what_comes_is_whole(json!({}), json!({"a": {"b": 1}}), Some(json!({"a": {"b": 1}})))]
    #[case::objects_go_deeper(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(json!({"a": {"c": 3}})))]
    #[case::lists_are_replaced(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})))]
    #[case::a_shape_that_changes_is_replaced(json!({"a": [1]}), json!({"a": {"b": 1}}), Some(json!({"a": {"b": 1}})))]
    fn a_patch_says_the_least(#[case] from: Value, #[case] to: Value, #[case] expected: Option<Value>) {
        assert_eq!(merge_patch(&from, &to), expected);
        assert_eq!(patch_between(&from, &to).unwrap(), expected);
    }

    /// The same by whole documents.
    fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
        if from == to {
            return None;
        }
        let (Value::Object(old), Value::Object(new)) = (from, to) else { return Some(to.clone()) };
        let mut patch = Map::new();
        for (name, value) in new {
            match old.get(name) {
                Some(before) => {
                    if let Some(difference) = merge_patch(before, value) {
                        patch.insert(name.clone(), difference);
                    }
                }
                None => {
                    patch.insert(name.clone(), value.clone());
                }
            }
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            patch.insert(name.clone(), Value::Null);
        }
        (!patch.is_empty()).then_some(Value::Object(patch))
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            "[ab\"\\\\]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab\"é]{1,2}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_and_value_have_the_same_difference(from in document(), to in document()) {
            prop_assert_eq!(patch_between(&from, &to).unwrap(), merge_patch(&from, &to));
        }
    }
}
