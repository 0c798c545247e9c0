//! Whatever a file contains: an answer, no panic, no overflow of the stack, no blow-up of time or memory.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::manifest::{Diagnostic, SourceFile, read};
use supercargo_api::workloads::expand;

fn problems(text: &str) -> Vec<Diagnostic> {
    let (mut objects, diagnostics, _) = read(&[SourceFile::new("x", text)]);
    expand(&mut objects);
    for diagnostic in &diagnostics {
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic}");
        assert!(
            diagnostic.to_string().len() < 4000,
            "a diagnostic stays readable: {}",
            diagnostic.to_string().len()
        );
    }
    diagnostics
}

const MEGABYTE: usize = 1 << 20;

fn pod_with(field: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: x}}]}}\n{field}")
}

#[rstest]
#[timeout(Duration::from_secs(120))]
#[case::zeros("\0".repeat(MEGABYTE))]
#[case::open_brackets("[".repeat(MEGABYTE))]
#[case::open_braces("{".repeat(MEGABYTE))]
#[case::open_braces_with_names("{a: ".repeat(MEGABYTE / 4))]
#[case::json_arrays_in_arrays(format!("{}{}", "[".repeat(MEGABYTE / 2), "]".repeat(MEGABYTE / 2)))]
#[case::json_objects_in_objects(format!("{}1{}", "{\"a\":".repeat(MEGABYTE / 8), "}".repeat(MEGABYTE / 8)))]
#[case::lists_in_lists(format!("{}{}", "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[".repeat(20_000), "]}".repeat(20_000)))]
#[case::dashes("- ".repeat(MEGABYTE / 2))]
#[case::deeper_and_deeper((0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect())]
#[case::question_marks("? ".repeat(MEGABYTE / 2))]
#[case::colons(":".repeat(MEGABYTE))]
#[case::colons_and_spaces(": ".repeat(MEGABYTE / 2))]
#[case::commas("{,".repeat(MEGABYTE / 2))]
#[case::quotes("\"".repeat(MEGABYTE))]
#[case::an_open_quote(format!("a: \"{}", "x\n".repeat(MEGABYTE / 2)))]
#[case::backslashes(format!("a: \"{}", "\\\\".repeat(MEGABYTE / 2)))]
#[case::anchors("&a ".repeat(MEGABYTE / 3))]
#[case::aliases("*a ".repeat(MEGABYTE / 3))]
#[case::tags("!a ".repeat(MEGABYTE / 3))]
#[case::directives("%YAML 1.2\n".repeat(MEGABYTE / 10))]
#[case::documents("---\n".repeat(MEGABYTE / 4))]
#[case::broken_documents("---\n[\n".repeat(MEGABYTE / 6))]
#[case::tabs("\t".repeat(MEGABYTE))]
#[case::one_word("x".repeat(MEGABYTE))]
#[case::words("nonsense ".repeat(MEGABYTE / 9))]
#[case::lines("nonsense\n".repeat(MEGABYTE / 9))]
#[case::comments("#\n".repeat(MEGABYTE / 2))]
#[case::a_block_text(format!("a: |\n{}", "  x\n".repeat(MEGABYTE / 4)))]
#[case::json_strings(format!("[{}1]", "\"x\",".repeat(MEGABYTE / 4)))]
#[case::a_long_number(format!("a: {}", "9".repeat(MEGABYTE)))]
#[case::a_long_json_number(format!("[{}]", "9".repeat(MEGABYTE)))]
#[case::a_long_kind(format!("apiVersion: v1\nkind: {}\n", "x".repeat(MEGABYTE)))]
#[case::a_long_name(pod_with("").replace("name: a", &format!("name: {}", "a".repeat(MEGABYTE))))]
#[case::a_long_label(pod_with(&format!("metadata2: 1\nlabels: {}", "a".repeat(MEGABYTE))))]
#[case::a_long_field(pod_with(&format!("? {}\n: 1\n", "a".repeat(MEGABYTE))))]
#[case::many_fields(pod_with(&(0..20_000).map(|number| format!("field{number}: 1\n")).collect::<String>()))]
#[case::the_same_field(pod_with(&"status: {}\n".repeat(50_000)))]
fn nonsense_is_answered(#[case] text: String) {
    let _ = problems(&text);
}

#[test]
fn laughs_are_counted_before_they_are_a_billion() {
    let mut text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        text += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
    }
    let found = problems(&text);
    assert_eq!(found.len(), 1);
    assert!(found[0].problem.contains("aliases"), "{}", found[0]);
}

#[test]
fn json_nested_too_deep_is_said_to_be() {
    let text = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"a\"}},\"spec\":{}1{}}}",
        "{\"a\":".repeat(1000),
        "}".repeat(1000)
    );
    let found = problems(&text);
    assert_eq!(found.len(), 1);
    assert!(found[0].problem.contains("recursion limit"), "{}", found[0]);
}

/// Pieces of manifests, put together in any way.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 44] = [
        "apiVersion: v1\n",
        "kind: Pod\n",
        "kind: List\n",
        "kind: NodePool\n",
        "apiVersion: karpenter.sh/v1\n",
        "apiVersion: karpenter.k8s.aws/v1\n",
        "kind: EC2NodeClass\n",
        "metadata:\n",
        "  name: a\n",
        "spec:\n",
        "  ",
        "    ",
        "- ",
        "items:\n",
        "template:\n",
        "requirements:\n",
        "key: x\n",
        "operator: In\n",
        "values: [a]\n",
        "containers:\n",
        "resources: {requests: {cpu: 1}}\n",
        "---\n",
        "...\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "'",
        "&a ",
        "*a ",
        "<<: ",
        "|\n",
        ">-\n",
        "!!int ",
        "#",
        "\t",
        "\r\n",
        "null",
        "-1",
        "\u{feff}",
        "é",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat())
}

fn json_values() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    const NAMES: [&str; 30] = [
        "spec",
        "template",
        "metadata",
        "name",
        "namespace",
        "labels",
        "uid",
        "requirements",
        "key",
        "operator",
        "values",
        "minValues",
        "nodeClassRef",
        "group",
        "kind",
        "limits",
        "disruption",
        "budgets",
        "schedule",
        "duration",
        "containers",
        "resources",
        "requests",
        "cpu",
        "kubelet",
        "maxPods",
        "tags",
        "items",
        "replicas",
        "status",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|hundredths| Value::from(f64::from(hundredths) / 100.0)),
        prop::sample::select(vec![
            "",
            "a",
            "In",
            "10%",
            "-1Gi",
            "99999999999999999999",
            "Never",
            "@daily",
            "a b",
            "karpenter.sh/x"
        ])
        .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(&NAMES[..]), inner, 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    });
    const KINDS: [(&str, &str); 21] = [
        ("v1", "Pod"),
        ("v1", "Node"),
        ("v1", "PodTemplate"),
        ("v1", "PersistentVolume"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Namespace"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "Job"),
        ("batch/v1beta1", "CronJob"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("storage.k8s.io/v1", "CSINode"),
        ("policy/v1beta1", "PodDisruptionBudget"),
        ("scheduling.k8s.io/v1", "PriorityClass"),
        ("karpenter.sh/v1", "NodePool"),
        ("karpenter.sh/v1", "NodeClaim"),
        ("karpenter.sh/v1alpha1", "NodeOverlay"),
        ("karpenter.k8s.aws/v1", "EC2NodeClass"),
        ("autoscaling.x-k8s.io/v1beta1", "CapacityBuffer"),
    ];
    (prop::sample::select(&KINDS[..]), value.clone(), value, any::<bool>()).prop_map(
        |((api_version, kind), metadata, spec, live)| {
            let mut object =
                json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
            if live && object["metadata"].is_object() {
                object["metadata"]["uid"] = json!("1");
            }
            object
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = problems(&text);
    }

    #[test]
    fn pieces_of_manifests_in_any_order_are_answered(text in pieces()) {
        let _ = problems(&text);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(file) = SourceFile::from_bytes("x", bytes) {
            let _ = read(&[file]);
        }
    }

    #[test]
    fn objects_of_any_shape_are_answered_the_same_in_json_and_yaml(object in json_values()) {
        let of = |text: &str| -> Vec<(String, String)> {
            let mut found: Vec<_> =
                problems(text).into_iter().map(|diagnostic| (diagnostic.path, diagnostic.problem)).collect();
            found.sort();
            found
        };
        let json = of(&object.to_string());
        let yaml = of(&format!("# YAML\n{object}"));
        prop_assert_eq!(json, yaml);
    }

    #[test]
    fn a_manifest_cut_anywhere_is_answered(cut in 0usize..4000) {
        let text = include_str!("manifests/bad-workloads.yaml");
        let mut cut = cut.min(text.len());
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let _ = problems(&text[..cut]);
        let _ = problems(&text[cut..]);
    }
}
