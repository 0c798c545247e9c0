//! What must hold of every patch and apply, whatever the objects are.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use supercargo_apiserver::patch::fields::FieldSet;
use supercargo_apiserver::patch::managed::{Writer, apply, on_update};
use supercargo_apiserver::patch::{merge, strategic};
use supercargo_apiserver::schema::{Schema, builtin, from_crd};

fn deployment() -> &'static Schema {
    builtin("apps", "v1", "Deployment").unwrap()
}

fn writer<'a>(manager: &'a str, reset: &'a FieldSet) -> Writer<'a> {
    Writer { manager, subresource: "", api_version: "apps/v1", now: Timestamp::UNIX_EPOCH, reset }
}

/// An object of those of these fields that are there.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = fields.into_iter().map(|(_, value)| proptest::option::of(value)).collect();
    let build = move |values: Vec<Option<Value>>| {
        let present = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    };
    values.prop_map(build).boxed()
}

/// A list of objects with distinct keys.
fn keyed(
    key: &'static str,
    names: &'static [&'static str],
    element: BoxedStrategy<Value>,
) -> BoxedStrategy<Value> {
    let names = proptest::sample::subsequence(names.to_vec(), 1..=names.len()).prop_shuffle();
    (names, proptest::collection::vec(element, 4))
        .prop_map(move |(names, elements)| {
            let with_key = |(name, mut element): (&str, Value)| {
                element[key] = json!(name);
                element
            };
            Value::Array(names.into_iter().zip(elements).map(with_key).collect())
        })
        .boxed()
}

fn text() -> BoxedStrategy<Value> {
    "[xyz]".prop_map(Value::from).boxed()
}

fn labels() -> BoxedStrategy<Value> {
    proptest::collection::btree_map("[a-c]", "[12]", 0..3).prop_map(|labels| json!(labels)).boxed()
}

fn container() -> BoxedStrategy<Value> {
    object(vec![
        ("image", text()),
        ("tty", any::<bool>().prop_map(Value::from).boxed()),
        ("command", proptest::collection::vec("[pq]", 0..3).prop_map(|words| json!(words)).boxed()),
        ("env", keyed("name", &["E", "F", "G"], object(vec![("value", text())]))),
    ])
}

/// A deployment, named.
fn any_deployment() -> BoxedStrategy<Value> {
    let pod = object(vec![
        ("containers", keyed("name", &["p", "q", "r"], container())),
        (
            "tolerations",
            proptest::collection::vec("[kl]".prop_map(|key| json!({ "key": key })), 0..3)
                .prop_map(Value::Array)
                .boxed(),
        ),
        ("securityContext", object(vec![("runAsUser", (1..3).prop_map(Value::from).boxed())])),
        ("hostNetwork", any::<bool>().prop_map(Value::from).boxed()),
    ]);
    let spec = object(vec![
        ("replicas", (1..4).prop_map(Value::from).boxed()),
        (
            "strategy",
            object(vec![
                ("type", text()),
                ("rollingUpdate", object(vec![("maxSurge", (1..3).prop_map(Value::from).boxed())])),
            ]),
        ),
        ("template", object(vec![("metadata", object(vec![("labels", labels())])), ("spec", pod)])),
    ]);
    (object(vec![("labels", labels()), ("annotations", labels())]), proptest::option::of(spec))
        .prop_map(|(mut meta, spec)| {
            meta["name"] = json!("web");
            let mut object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta });
            if let Some(spec) = spec {
                object["spec"] = spec;
            }
            object
        })
        .boxed()
}

/// Without managers, with lists in one order, and without empty objects and lists.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| *name != "managedFields")
                .map(|(name, value)| (name.clone(), plain(value)));
            let hollow = |value: &Value| {
                matches!(value, Value::Object(fields) if fields.is_empty()) || *value == json!([])
            };
            Value::Object(kept.filter(|(_, value)| !hollow(value)).collect())
        }
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(plain).collect();
            elements.sort_by_key(|element| element["name"].as_str().unwrap_or_default().to_owned());
            Value::Array(elements)
        }
        other => other.clone(),
    }
}

/// Whether everything in `part` is in `whole`; lists of named elements may have more.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part))
            if part.first().is_some_and(|element| element.get("name").is_some()) =>
        {
            part.iter()
                .all(|part| whole.iter().any(|whole| whole["name"] == part["name"] && contains(whole, part)))
        }
        (whole, part) => whole == part,
    }
}

/// Any JSON, of which much looks like parts of objects.
fn nonsense() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..99).prop_map(Value::from),
        "[a-z$:{}\"]{0,4}|object|array|string|integer|map|set|name".prop_map(Value::from)
    ];
    let name = prop_oneof![
        "metadata|spec|status|template|containers|name|labels|finalizers|ports|env|managedFields|annotations|ownerReferences|strategy",
        "\\$patch|\\$retainKeys|\\$setElementOrder/containers|\\$setElementOrder/finalizers|\\$deleteFromPrimitiveList/finalizers",
        "properties|items|type|additionalProperties|required|x-kubernetes-list-type|x-kubernetes-list-map-keys|x-kubernetes-int-or-string|default|allOf",
        "f:spec|f:metadata|k:\\{\"name\":\"a\"\\}|v:1|i:0|\\.|manager|operation|fieldsV1|apiVersion",
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            2 => proptest::collection::btree_map(name.clone(), inner.clone(), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn applying_again_changes_nothing(live in any_deployment(), wanted in any_deployment()) {
        let reset = FieldSet::new();
        let mut live = live;
        on_update(None, &mut live, &writer("creator", &reset), deployment());
        let once = apply(Some(&live), &wanted, &writer("me", &reset), true, deployment()).unwrap();
        let twice = apply(Some(&once), &wanted, &writer("me", &reset), false, deployment()).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_applied_is_there(live in any_deployment(), wanted in any_deployment()) {
        let reset = FieldSet::new();
        let result = apply(Some(&live), &wanted, &writer("me", &reset), true, deployment()).unwrap();
        prop_assert!(contains(&plain(&result), &plain(&wanted)), "{} lacks {}", result, wanted);
    }

    #[test]
    fn what_is_applied_without_conflict_and_let_go_again_leaves_the_object_as_it_was(live in any_deployment(), wanted in any_deployment()) {
        let reset = FieldSet::new();
        // Empty objects go with what was in them, as upstream; so there are none to begin with.
        let mut live = plain(&live);
        on_update(None, &mut live, &writer("creator", &reset), deployment());
        if let Ok(applied) = apply(Some(&live), &wanted, &writer("me", &reset), false, deployment()) {
            let nothing = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" } });
            let after = apply(Some(&applied), &nothing, &writer("me", &reset), false, deployment()).unwrap();
            prop_assert_eq!(plain(&after), plain(&live));
            prop_assert_eq!(&after["metadata"]["managedFields"], &live["metadata"]["managedFields"]);
        }
    }

    #[test]
    fn without_conflict_force_makes_no_difference(live in any_deployment(), wanted in any_deployment()) {
        let reset = FieldSet::new();
        let mut live = live;
        on_update(None, &mut live, &writer("creator", &reset), deployment());
        let forced = apply(Some(&live), &wanted, &writer("me", &reset), true, deployment()).unwrap();
        if let Ok(gently) = apply(Some(&live), &wanted, &writer("me", &reset), false, deployment()) {
            prop_assert_eq!(gently, forced);
        }
    }

    #[test]
    fn a_strategic_patch_applied_twice_is_applied_once(live in any_deployment(), patch in any_deployment()) {
        let once = strategic::apply(&live, &patch, deployment()).unwrap();
        prop_assert!(contains(&plain(&once), &plain(&patch)), "{} lacks {}", once, patch);
        prop_assert_eq!(strategic::apply(&once, &patch, deployment()).unwrap(), once);
    }

    #[test]
    fn a_strategic_patch_of_an_object_with_itself_changes_nothing(live in any_deployment()) {
        prop_assert_eq!(strategic::apply(&live, &live, deployment()).unwrap(), live);
    }

    #[test]
    fn without_lists_a_strategic_patch_is_a_merge_patch(live in any_deployment(), replicas in proptest::option::of(1..4), labels in labels()) {
        let patch = json!({ "metadata": { "labels": labels }, "spec": { "replicas": replicas } });
        prop_assert_eq!(strategic::apply(&live, &patch, deployment()).unwrap(), merge::apply(live, &patch));
    }

    #[test]
    fn updates_are_noted_so_that_the_last_writer_owns_what_it_changed(old in any_deployment(), new in any_deployment()) {
        let reset = FieldSet::new();
        let mut old = old;
        on_update(None, &mut old, &writer("one", &reset), deployment());
        let mut new = new;
        on_update(Some(&old), &mut new, &writer("two", &reset), deployment());
        let first = new.clone();
        // The same write again is no change and moves nothing.
        on_update(Some(&first), &mut new, &writer("three", &reset), deployment());
        prop_assert_eq!(first, new);
    }

    #[test]
    fn nonsense_never_panics(live in nonsense(), patch in nonsense()) {
        let reset = FieldSet::of_fields(&[&["status"]]);
        let widget = from_crd(&patch);
        for schema in [deployment(), builtin("", "v1", "Pod").unwrap(), &widget] {
            let _ = strategic::apply(&live, &patch, schema);
            let _ = apply(Some(&live), &patch, &writer("kubectl", &reset), true, schema);
            let mut applied = patch.clone();
            if let Some(fields) = applied.as_object_mut() {
                fields.insert("apiVersion".into(), json!("apps/v1"));
            }
            let _ = apply(Some(&live), &applied, &writer("kubectl", &reset), false, schema);
            let mut new = patch.clone();
            on_update(Some(&live), &mut new, &writer("me", &reset), schema);
            let _ = schema.unknown_fields(&live);
            let _ = schema.check_types(&live);
            let _ = schema.to_openapi();
        }
        let _ = merge::apply(live, &patch);
    }

    #[test]
    fn stored_sets_read_back(live in any_deployment()) {
        let reset = FieldSet::new();
        let mut live = live;
        on_update(None, &mut live, &writer("one", &reset), deployment());
        for entry in live["metadata"]["managedFields"].as_array().into_iter().flatten() {
            let set = FieldSet::from_fields_v1(&entry["fieldsV1"]).unwrap();
            prop_assert_eq!(&set.to_fields_v1(), &entry["fieldsV1"]);
        }
    }
}
