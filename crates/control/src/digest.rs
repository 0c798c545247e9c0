//! Digests of specs, by which a change of what nodes are made from is noticed (reference section 4.7).
//!
//! Karpenter hashes its Go structs, so that the figures depend on the order and the names of fields in its source. Here
//! the JSON is hashed: what is absent, empty, zero or false counts as not said, and lists count as sets, as upstream's rules
//! are. The figures differ from Karpenter's, and so does their version; annotations of another version are taken over
//! rather than compared.

use serde_json::Value;

/// The version of all digests. It stands beside each of them, and only digests of one version are compared.
pub const VERSION: &str = "supercargo-v1";

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The digest of a document, in decimal.
pub fn digest(value: &Value) -> String {
    of(value).to_string()
}

fn of(value: &Value) -> u64 {
    match value {
        Value::Null => OFFSET,
        Value::Bool(truth) => bytes(bytes(OFFSET, b"b"), &[u8::from(*truth)]),
        Value::Number(number) => bytes(bytes(OFFSET, b"n"), number.to_string().as_bytes()),
        Value::String(text) => bytes(bytes(OFFSET, b"s"), text.as_bytes()),
        Value::Array(items) => {
            let mut digests: Vec<u64> = items.iter().map(of).collect();
            digests.sort_unstable();
            digests.into_iter().fold(bytes(OFFSET, b"l"), |sum, item| bytes(sum, &item.to_be_bytes()))
        }
        Value::Object(fields) => {
            let mut digests: Vec<(u64, u64)> = fields
                .iter()
                .filter(|(_, field)| !is_unsaid(field))
                .map(|(name, field)| (bytes(OFFSET, name.as_bytes()), of(field)))
                .collect();
            digests.sort_unstable();
            digests.into_iter().fold(bytes(OFFSET, b"o"), |sum, (name, field)| {
                bytes(bytes(sum, &name.to_be_bytes()), &field.to_be_bytes())
            })
        }
    }
}

fn is_unsaid(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_unsaid),
    }
}

/// FNV-1a.
fn bytes(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::fields_in_another_order(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}))]
    #[case::lists_in_another_order(json!({"a": [1, 2]}), json!({"a": [2, 1]}))]
    #[case::what_is_empty_is_not_said(json!({"a": 1}), json!({"a": 1, "b": "", "c": [], "d": {}, "e": 0, "f": false, "g": null}))]
    fn is_the_same_for(#[case] left: Value, #[case] right: Value) {
        assert_eq!(digest(&left), digest(&right));
    }

    #[rstest]
    #[case::another_value(json!({"a": 1}), json!({"a": 2}))]
    #[case::another_name(json!({"a": 1}), json!({"b": 1}))]
    #[case::a_number_as_text(json!({"a": 1}), json!({"a": "1"}))]
    #[case::one_item_more(json!({"a": [1]}), json!({"a": [1, 1]}))]
    #[case::values_that_change_places(json!({"a": 1, "b": 2}), json!({"a": 2, "b": 1}))]
    #[case::deeper_down(json!({"a": {"b": [{"c": 1}]}}), json!({"a": {"b": [{"c": 2}]}}))]
    fn differs_for(#[case] left: Value, #[case] right: Value) {
        assert_ne!(digest(&left), digest(&right));
    }

    #[test]
    fn stays_the_same_between_releases() {
        let template = json!({"labels": {"team": "a"}, "taints": [{"key": "x", "effect": "NoSchedule"}]});
        assert_eq!(digest(&template), "10462711038879905579");
    }
}
