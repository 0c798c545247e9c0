//! JSON merge patch, RFC 7386.

use serde_json::{Map, Value};

/// The target with the patch merged into it: objects merge, `null` removes, everything else replaces.
pub fn apply(target: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = match target {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    // At once, because each removal moves all fields that follow.
    if changes.values().any(Value::is_null) {
        fields.retain(|name, _| !changes.get(name).is_some_and(Value::is_null));
    }
    for (name, change) in changes.iter().filter(|(_, change)| !change.is_null()) {
        if change.is_object() {
            let old = fields.get_mut(name).map(Value::take).unwrap_or_default();
            fields.insert(name.clone(), apply(old, change));
        } else {
            fields.insert(name.clone(), change.clone());
        }
    }
    Value::Object(fields)
}

/// The smallest merge patch that makes `new` of `old`; none if there is no such patch, which is when `new` has a `null` that `old` has not.
pub fn diff(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return (!contains_null(new)).then(|| new.clone());
    };
    let mut changes = Map::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        changes.insert(name.clone(), Value::Null);
    }
    for (name, value) in after {
        match before.get(name) {
            Some(same) if same == value => {}
            Some(old) if old.is_object() && value.is_object() => {
                changes.insert(name.clone(), diff(old, value)?);
            }
            _ if contains_null(value) => return None,
            _ => {
                changes.insert(name.clone(), value.clone());
            }
        }
    }
    Some(Value::Object(changes))
}

/// Whether a merge patch could not carry the value.
fn contains_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().any(contains_null),
        // Lists are carried as they are.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// The table of RFC 7386, appendix A.
    #[rstest]
    #[case(json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"}))]
    #[case(json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"}))]
    #[case(json!({"a":"b"}), json!({"a":null}), json!({}))]
    #[case(json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"}))]
    #[case(json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"}))]
    #[case(json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]}))]
    #[case(json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}}))]
    #[case(json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]}))]
    #[case(json!(["a","b"]), json!(["c","d"]), json!(["c","d"]))]
    #[case(json!({"a":"b"}), json!(["c"]), json!(["c"]))]
    #[case(json!({"a":"foo"}), json!(null), json!(null))]
    #[case(json!({"a":"foo"}), json!("bar"), json!("bar"))]
    #[case(json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1}))]
    #[case(json!([1,2]), json!({"a":"b","c":null}), json!({"a":"b"}))]
    #[case(json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}}))]
    fn the_table_of_the_rfc(#[case] target: Value, #[case] patch: Value, #[case] result: Value) {
        assert_eq!(apply(target, &patch), result);
    }
}
