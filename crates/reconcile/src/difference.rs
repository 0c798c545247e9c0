//! The merge patch that turns one JSON document into another.

use serde_json::{Map, Value};

/// What a merge patch (RFC 7396) must say so that `from` becomes `to`; nothing if they are equal. Lists are replaced whole.
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
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

#[cfg(test)]
mod tests {
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
    }
}
