//! Nothing that can be sent does harm to what handles custom objects.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use supercargo_apiserver::custom::{self, Definition, JsonPath};

static SHIPPED: LazyLock<Vec<(Value, Definition)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read =
        |path: &std::path::PathBuf| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths
        .iter()
        .map(|path| {
            let definition: Value = read(path);
            let compiled = Definition::compile(&definition).unwrap();
            (definition, compiled)
        })
        .collect()
});

/// Names that the definitions know, and some that they do not.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "spec",
        "status",
        "metadata",
        "name",
        "template",
        "requirements",
        "key",
        "operator",
        "values",
        "limits",
        "disruption",
        "budgets",
        "nodes",
        "schedule",
        "kubelet",
        "labels",
        "taints",
        "effect",
        "nodeClassRef",
        "weight",
        "replicas",
        "type",
        "properties",
        "items",
        "additionalProperties",
        "x-kubernetes-validations",
        "rule",
        "x-kubernetes-list-type",
        "default",
        "allOf",
        "enum",
        "pattern",
        "versions",
        "schema",
        "openAPIV3Schema",
        "names",
        "",
        "odd name",
    ])
    .prop_map(str::to_owned)
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "In",
            "object",
            "string",
            "array",
            "map",
            "self.a > 1",
            "(",
            "1h",
            "10%",
            "*",
            "\u{0}",
            "ä"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A value with something put in place of one of its parts.
fn damaged(value: &mut Value, mut steps: impl Iterator<Item = usize>, part: Value) {
    match (steps.next(), value) {
        (Some(step), Value::Object(fields)) if !fields.is_empty() => {
            let index = step % fields.len();
            if let Some((_, inner)) = fields.iter_mut().nth(index) {
                damaged(inner, steps, part);
            }
        }
        (Some(step), Value::Array(items)) if !items.is_empty() => {
            let index = step % items.len();
            damaged(&mut items[index], steps, part);
        }
        (_, place) => *place = part,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_object_is_handled(spec in anything(), status in anything(), old in anything()) {
        for (_, definition) in SHIPPED.iter() {
            for version in definition.versions() {
                let mut object = json!({ "metadata": { "name": "a" }, "spec": spec, "status": status });
                definition.prune(&version.name, &mut object);
                let dropped = definition.prune(&version.name, &mut object);
                prop_assert!(dropped.is_empty(), "pruning twice is pruning once: {dropped:?}");
                definition.default(&version.name, &mut object);
                let once = object.clone();
                definition.default(&version.name, &mut object);
                prop_assert_eq!(&object, &once, "defaults are set once");
                definition.validate(&version.name, &object);
                definition.validate_update(&version.name, &object, &json!({ "spec": old }));
                prop_assert_eq!(definition.validate_update(&version.name, &object, &object), vec![]);
                for column in definition.columns(&version.name) {
                    column.cell(&object);
                }
                definition.validate(&version.name, &old);
            }
        }
    }

    #[test]
    fn any_definition_is_handled(
        which in any::<prop::sample::Index>(),
        steps in prop::collection::vec(any::<usize>(), 1..12),
        part in anything(),
    ) {
        let (definition, _) = &SHIPPED[which.index(SHIPPED.len())];
        let mut broken = definition.clone();
        damaged(&mut broken, steps.into_iter(), part);
        custom::default_definition(&mut broken);
        custom::validate_definition_update(&broken, definition);
        custom::status_of_definition(&broken, &[definition], jiff::Timestamp::UNIX_EPOCH);
        if let Ok(compiled) = Definition::compile(&broken) {
            for version in compiled.versions() {
                compiled.validate(&version.name, &broken);
            }
        }
    }

    #[test]
    fn any_text_is_a_path_or_none(text in "[.\\[\\]()?@='\"a-z0-9*:\\\\$-]{0,40}") {
        if let Ok(path) = JsonPath::parse(&text) {
            path.find(&json!({ "a": [{ "b": 1 }, { "b": "x" }], "b": { "c": null } }));
        }
    }
}
