//! JSON patch (RFC 6902) with the errors of the Kubernetes API.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::patch::{PatchError, json, merge};

/// The examples of RFC 6902, appendix A, and what the RFC says in words.
#[rstest]
#[case::add_a_member(json!({ "foo": "bar" }), json!([{ "op": "add", "path": "/baz", "value": "qux" }]), json!({ "foo": "bar", "baz": "qux" }))]
#[case::add_an_element(json!({ "foo": ["bar", "baz"] }), json!([{ "op": "add", "path": "/foo/1", "value": "qux" }]),
    json!({ "foo": ["bar", "qux", "baz"] }))]
#[case::append(json!({ "foo": ["bar"] }), json!([{ "op": "add", "path": "/foo/-", "value": ["abc"] }]), json!({ "foo": ["bar", ["abc"]] }))]
#[case::add_replaces(json!({ "foo": 1 }), json!([{ "op": "add", "path": "/foo", "value": 2 }]), json!({ "foo": 2 }))]
#[case::add_null(json!({}), json!([{ "op": "add", "path": "/foo", "value": null }]), json!({ "foo": null }))]
#[case::remove_a_member(json!({ "baz": "qux", "foo": "bar" }), json!([{ "op": "remove", "path": "/baz" }]), json!({ "foo": "bar" }))]
#[case::remove_an_element(json!({ "foo": [1, 2, 3] }), json!([{ "op": "remove", "path": "/foo/1" }]), json!({ "foo": [1, 3] }))]
#[case::remove_the_last_element(json!({ "foo": [1, 2, 3] }), json!([{ "op": "remove", "path": "/foo/-1" }]), json!({ "foo": [1, 2] }))]
#[case::replace(json!({ "baz": "qux", "foo": "bar" }), json!([{ "op": "replace", "path": "/baz", "value": "boo" }]),
    json!({ "baz": "boo", "foo": "bar" }))]
#[case::move_a_value(json!({ "foo": { "bar": "baz", "waldo": "fred" }, "qux": { "corge": "grault" } }),
    json!([{ "op": "move", "from": "/foo/waldo", "path": "/qux/thud" }]),
    json!({ "foo": { "bar": "baz" }, "qux": { "corge": "grault", "thud": "fred" } }))]
#[case::move_an_element(json!({ "foo": ["all", "grass", "cows", "eat"] }), json!([{ "op": "move", "from": "/foo/1", "path": "/foo/3" }]),
    json!({ "foo": ["all", "cows", "eat", "grass"] }))]
#[case::copy(json!({ "a": { "b": 1 } }), json!([{ "op": "copy", "from": "/a", "path": "/c" }]), json!({ "a": { "b": 1 }, "c": { "b": 1 } }))]
#[case::test_passes(json!({ "a": [1, { "b": 2, "c": 3 }] }), json!([{ "op": "test", "path": "/a/1", "value": { "c": 3, "b": 2.0 } }]),
    json!({ "a": [1, { "b": 2, "c": 3 }] }))]
#[case::missing_equals_null(json!({}), json!([{ "op": "test", "path": "/a", "value": null }]), json!({}))]
#[case::escapes(json!({ "/": 9, "~1": 10 }), json!([{ "op": "test", "path": "/~01", "value": 10 }, { "op": "remove", "path": "/~1" }]), json!({ "~1": 10 }))]
#[case::unknown_members_are_ignored(json!({}), json!([{ "op": "add", "path": "/a", "value": 1, "xyz": 123 }]), json!({ "a": 1 }))]
#[case::annotations(json!({ "metadata": { "annotations": {} } }), json!([{ "op": "add", "path": "/metadata/annotations/a.b~1c", "value": "d" }]),
    json!({ "metadata": { "annotations": { "a.b/c": "d" } } }))]
fn a_patch_applies(#[case] document: Value, #[case] patch: Value, #[case] result: Value) {
    assert_eq!(json::apply(&document, &patch).unwrap(), result);
}

/// The words of the library that the Kubernetes API uses; status 422.
#[rstest]
#[case::add_below_nothing(json!([{ "op": "add", "path": "/a/b/c", "value": 1 }]),
    r#"add operation does not apply: doc is missing path: "/a/b/c": missing value"#)]
#[case::add_without_path(json!([{ "op": "add", "value": 1 }]), "add operation failed to decode path: missing value")]
#[case::add_beyond_the_end(json!([{ "op": "add", "path": "/list/9", "value": 1 }]),
    "error in add for path: '/list/9': Unable to access invalid index: 9: invalid index referenced")]
#[case::add_at_no_index(json!([{ "op": "add", "path": "/list/x", "value": 1 }]),
    r#"error in add for path: '/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing "x": invalid syntax"#)]
#[case::remove_nothing(json!([{ "op": "remove", "path": "/nope" }]),
    "error in remove for path: '/nope': Unable to remove nonexistent key: nope: missing value")]
#[case::remove_below_nothing(json!([{ "op": "remove", "path": "/nope/a" }]),
    r#"remove operation does not apply: doc is missing path: "/nope/a": missing value"#)]
#[case::replace_nothing(json!([{ "op": "replace", "path": "/nope", "value": 1 }]),
    "replace operation does not apply: doc is missing key: /nope: missing value")]
#[case::replace_below_nothing(json!([{ "op": "replace", "path": "/nope/a", "value": 1 }]),
    "replace operation does not apply: doc is missing path: /nope/a: missing value")]
#[case::replace_in_a_text(json!([{ "op": "replace", "path": "/text/a", "value": 1 }]),
    "replace operation does not apply: doc is missing path: /text/a: missing value")]
#[case::move_from_nothing(json!([{ "op": "move", "from": "/nope", "path": "/a" }]),
    "error in move for path: 'nope': Unable to remove nonexistent key: nope: missing value")]
#[case::move_without_from(json!([{ "op": "move", "path": "/a" }]), "move operation failed to decode from: operation, missing from field: missing value")]
#[case::move_to_nowhere(json!([{ "op": "move", "from": "/list", "path": "/nope/a" }]),
    "move operation does not apply: doc is missing destination path: /nope/a: missing value")]
#[case::copy_from_nothing(json!([{ "op": "copy", "from": "/nope", "path": "/a" }]),
    "error in copy for from: '/nope': unable to get nonexistent key: nope: missing value")]
#[case::test_fails(json!([{ "op": "test", "path": "/text", "value": "other" }]), "testing value /text failed: test failed")]
#[case::test_below_nothing(json!([{ "op": "test", "path": "/nope/a", "value": 1 }]),
    "test operation does not apply: is missing path: /nope/a: missing value")]
#[case::unknown_operation(json!([{ "op": "jump", "path": "/a" }]), "Unexpected kind: jump")]
#[case::no_operation(json!([{ "path": "/a" }]), "Unexpected kind: unknown")]
#[case::the_second_fails(json!([{ "op": "remove", "path": "/text" }, { "op": "remove", "path": "/text" }]),
    "error in remove for path: '/text': Unable to remove nonexistent key: text: missing value")]
fn a_patch_that_does_not_apply_says_why(#[case] patch: Value, #[case] message: &str) {
    let document = json!({ "list": [1, 2], "text": "a" });
    assert_eq!(json::apply(&document, &patch), Err(PatchError::DoesNotApply(message.to_owned())));
}

#[rstest]
#[case::no_list(json!({ "op": "add" }), "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")]
#[case::text(json!("add"), "error decoding patch: json: cannot unmarshal string into Go value of type jsonpatch.Patch")]
fn no_patch_is_malformed(#[case] patch: Value, #[case] message: &str) {
    assert_eq!(json::apply(&json!({}), &patch), Err(PatchError::Malformed(message.to_owned())));
}

#[test]
fn too_many_operations_are_refused() {
    let patch = Value::Array(vec![json!({ "op": "test", "path": "/a", "value": null }); 10_001]);
    let error = json::apply(&json!({}), &patch).unwrap_err();
    assert_eq!(error.to_string(), "The allowed maximum operations in a JSON patch is 10000, got 10001");
}

#[test]
fn copies_cannot_blow_an_object_up() {
    // Each copy doubles the object: after forty of them it would not fit into memory.
    let patch: Vec<Value> =
        (0..40).map(|n| json!({ "op": "copy", "from": "/a", "path": format!("/a/{n}") })).collect();
    let error = json::apply(&json!({ "a": { "x": "y" } }), &Value::Array(patch)).unwrap_err().to_string();
    assert!(error.contains("accumulated size increase of copy") || error.contains("nest deeper"), "{error}");
}

#[test]
fn copies_cannot_nest_an_object_without_end() {
    let mut patch = Vec::new();
    let mut path = String::from("/a");
    for _ in 0..1000 {
        patch.push(json!({ "op": "add", "path": format!("{path}/a"), "value": {} }));
        path.push_str("/a");
    }
    let error = json::apply(&json!({ "a": {} }), &Value::Array(patch)).unwrap_err().to_string();
    assert!(error.contains("nest deeper"), "{error}");
}

#[test]
fn many_removals_take_reasonable_time() {
    // Removing one after the other would move 100,000 fields 100,000 times.
    let fields = |value: Value| -> Value {
        Value::Object((0..100_000).map(|n| (format!("f{n}"), value.clone())).collect())
    };
    assert_eq!(merge::apply(fields(json!(1)), &fields(Value::Null)), json!({}));
}

/// Values of a few levels.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..3).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let path = || "(/([a-d]|-|-?[0-9]|~0|~1|)){0,4}";
    (prop_oneof!["add", "remove", "replace", "move", "copy", "test", "[a-z]{0,3}"], path(), path(), value())
        .prop_map(|(op, path, from, value)| json!({ "op": op, "path": path, "from": from, "value": value }))
}

proptest! {
    #[test]
    fn random_patches_never_panic(document in value(), patch in proptest::collection::vec(operation(), 0..8), odd in value()) {
        let _ = json::apply(&document, &Value::Array(patch));
        let _ = json::apply(&document, &odd);
    }

    #[test]
    fn adding_a_field_and_removing_it_gives_back(document in value(), added in value()) {
        prop_assume!(document.is_object());
        let patch = json!([{ "op": "add", "path": "/zz", "value": added }, { "op": "test", "path": "/zz", "value": added }, { "op": "remove", "path": "/zz" }]);
        prop_assert_eq!(json::apply(&document, &patch).unwrap(), document);
    }

    #[test]
    fn a_merge_patch_made_of_a_difference_makes_the_difference(old in value(), new in value()) {
        if let Some(patch) = merge::diff(&old, &new) {
            prop_assert_eq!(merge::apply(old, &patch), new);
        }
    }

    #[test]
    fn a_merge_patch_applied_twice_is_applied_once(target in value(), patch in value()) {
        let once = merge::apply(target, &patch);
        prop_assert_eq!(merge::apply(once.clone(), &patch), once);
    }
}
