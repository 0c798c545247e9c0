//! The reader: formats, Lists, dumps, duplicates, older versions, places, and input that is no manifest at all.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use std::collections::BTreeMap;

use rstest::rstest;
use supercargo_api::Objects;
use supercargo_api::manifest::{Diagnostic, Severity, SourceFile, read};

fn read_all(files: &[(&str, &str)]) -> (Objects, Vec<Diagnostic>, BTreeMap<String, usize>) {
    let files: Vec<SourceFile> = files.iter().map(|(name, text)| SourceFile::new(*name, *text)).collect();
    read(&files)
}

fn pods(text: &str) -> Vec<String> {
    let (objects, diagnostics, _) = read_all(&[("input", text)]);
    assert_eq!(diagnostics, [], "{text}");
    let name = |pod: &supercargo_api::Pod| {
        let metadata = &pod.metadata;
        format!("{}/{}", metadata.namespace.as_deref().unwrap(), metadata.name.as_deref().unwrap())
    };
    objects.pods.iter().map(name).collect()
}

/// All that is said, one problem a line.
fn said(files: &[(&str, &str)]) -> String {
    let (_, diagnostics, _) = read_all(files);
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const A: &str =
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"x"}]}}"#;
const B: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: shop}\nspec: {containers: [{name: x}]}\n";
const BARE: &str = r#"{"metadata":{"name":"c"},"spec":{"containers":[{"name":"x"}]}}"#;

#[rstest]
#[case::json(A.to_owned(), &["default/a"])]
#[case::yaml(B.to_owned(), &["shop/b"])]
#[case::yaml_documents(format!("---\n{B}---\n# nothing\n---\n{}", A), &["shop/b", "default/a"])]
#[case::json_documents(format!("{A}\n{}", A.replace("\"a\"", "\"a2\"")), &["default/a", "default/a2"])]
#[case::a_json_array(format!("[{A}]"), &["default/a"])]
#[case::a_yaml_sequence(format!("- {A}\n"), &["default/a"])]
#[case::yaml_in_flow_style("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: x}]}}".to_owned(), &["default/a"])]
#[case::a_list(format!(r#"{{"kind":"List","apiVersion":"v1","items":[{A}]}}"#), &["default/a"])]
#[case::a_list_in_yaml(format!("kind: List\napiVersion: v1\nitems:\n- {A}\n"), &["default/a"])]
#[case::a_typed_list_whose_items_do_not_say_what_they_are(format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{BARE}]}}"#), &["default/c"])]
#[case::a_typed_list_in_yaml(format!("kind: PodList\napiVersion: v1\nitems:\n- {BARE}\n"), &["default/c"])]
#[case::a_list_in_a_list(format!(r#"{{"kind":"List","apiVersion":"v1","items":[{{"kind":"List","apiVersion":"v1","items":[{A}]}}]}}"#), &["default/a"])]
#[case::an_empty_list(r#"{"kind":"List","apiVersion":"v1","items":[]}"#.to_owned(), &[])]
#[case::a_list_of_nothing(r#"{"kind":"List","apiVersion":"v1","items":null}"#.to_owned(), &[])]
#[case::a_byte_order_mark(format!("\u{feff}{A}"), &["default/a"])]
#[case::a_byte_order_mark_before_yaml(format!("\u{feff}{B}"), &["shop/b"])]
#[case::crlf(B.replace('\n', "\r\n"), &["shop/b"])]
#[case::an_empty_file(String::new(), &[])]
#[case::only_space(" \n\t\n".to_owned(), &[])]
#[case::only_comments("# one\n---\n# two\n".to_owned(), &[])]
#[case::json_null("null".to_owned(), &[])]
#[case::a_cluster_dump(
    r#"{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a",
    "namespace":"shop","uid":"1","resourceVersion":"77","creationTimestamp":"2026-08-20T10:00:00Z","managedFields":[{"manager":"x","fieldsV1":{"f:spec":{}}}]},
    "spec":{"containers":[{"name":"x","resources":{"requests":{"cpu":"100m"}}}],"nodeName":"n","someFieldOfTomorrow":true},
    "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":null}]}}]}"#.to_owned(),
    &["shop/a"]
)]
fn a_file_of_any_form_is_read(#[case] text: String, #[case] expected: &[&str]) {
    assert_eq!(pods(&text), expected);
}

#[test]
fn kinds_that_are_not_used_are_counted() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: apps/v2\nkind: Deployment\n---\n\
                kind: List\napiVersion: v1\nitems: [{apiVersion: v1, kind: Secret}, {apiVersion: x.io/v1, kind: Thing}]\n";
    let (objects, diagnostics, unused) = read_all(&[("x.yaml", text)]);
    assert!(objects.is_empty());
    assert_eq!(diagnostics, []);
    let expected = [("apps/v2/Deployment", 1), ("v1/Secret", 2), ("x.io/v1/Thing", 1)];
    assert_eq!(unused, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}

#[test]
fn quantities_may_be_numbers() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: x, resources: {requests: {cpu: 2, \
                memory: 1e9, ephemeral-storage: 0.5}}}]}\n";
    let (objects, diagnostics, _) = read_all(&[("x.yaml", text)]);
    assert_eq!(diagnostics, []);
    let requests =
        objects.pods[0].spec().unwrap().containers[0].resources.as_ref().unwrap().requests.as_ref();
    let texts: Vec<&str> = requests.unwrap().values().map(|quantity| quantity.0.as_str()).collect();
    assert_eq!(texts, ["2", "0.5", "1000000000"]);
}

#[test]
fn the_same_object_twice_is_kept_once_if_it_is_the_same() {
    let (objects, diagnostics, _) = read_all(&[("a.json", A), ("b.json", A)]);
    assert_eq!((objects.pods.len(), diagnostics.len()), (1, 0));
}

#[test]
fn two_objects_of_one_name_are_refused_with_both_places() {
    let other = A.replace("\"x\"", "\"y\"");
    assert_eq!(
        said(&[("a.json", A), ("b.json", &format!("\n  {other}"))]),
        "b.json:2:3: error: Pod default/a: an object of the same name with other content is at a.json:1:1; keep one of \
         the two (duplicate-object)"
    );
}

#[test]
fn of_two_states_of_one_object_the_newer_counts() {
    let state = |version: u32, node: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","uid":"1","resourceVersion":"{version}"}},"spec":{{"nodeName":"{node}","containers":[{{"name":"x"}}]}}}}"#
        )
    };
    for (first, second) in [((9, "old"), (10, "new")), ((10, "new"), (9, "old"))] {
        let (first, second) = (state(first.0, first.1), state(second.0, second.1));
        let (objects, diagnostics, _) = read_all(&[("a.json", &first), ("b.json", &second)]);
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].severity, Severity::Warning);
        assert_eq!(objects.pods.len(), 1);
        assert_eq!(objects.pods[0].node_name(), Some("new"));
    }
}

#[test]
fn objects_with_only_the_beginning_of_a_name_get_a_number() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: run-}\nspec: {containers: [{name: x}]}\n";
    assert_eq!(pods(&format!("{text}---\n{text}")), ["default/run-0", "default/run-1"]);
}

#[rstest]
#[case::a_budget(
    "policy/v1beta1",
    "PodDisruptionBudget",
    "{minAvailable: 1, selector: {matchLabels: {a: b}}}",
    "write policy/v1"
)]
#[case::a_cron_job(
    "batch/v1beta1",
    "CronJob",
    "{schedule: '@daily', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: x}]}}}}}",
    "write batch/v1"
)]
#[case::a_deployment(
    "extensions/v1beta1",
    "Deployment",
    "{template: {metadata: {labels: {a: b}}, spec: {containers: [{name: x}]}}}",
    "write apps/v1"
)]
fn removed_versions_that_mean_the_same_are_read_with_a_warning(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] spec: &str,
    #[case] right: &str,
) {
    let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n");
    let (objects, diagnostics, unused) = read_all(&[("x.yaml", &text)]);
    assert_eq!(objects.len(), 1, "{diagnostics:?}");
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!((diagnostics[0].line, diagnostics[0].column), (1, 13));
    assert!(diagnostics[0].to_string().contains(right), "{}", diagnostics[0]);
    assert!(unused.is_empty());
}

#[rstest]
#[case("karpenter.sh/v1beta1", "NodePool", "karpenter.sh/v1")]
#[case("karpenter.sh/v1beta1", "NodeClaim", "karpenter.sh/v1")]
#[case("karpenter.sh/v1alpha5", "Provisioner", "NodePool of karpenter.sh/v1")]
#[case("karpenter.k8s.aws/v1alpha1", "AWSNodeTemplate", "EC2NodeClass of karpenter.k8s.aws/v1")]
#[case("karpenter.k8s.aws/v1beta1", "EC2NodeClass", "EC2NodeClass of karpenter.k8s.aws/v1")]
fn older_kinds_of_karpenter_are_refused_with_what_to_write(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] right: &str,
) {
    let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{}}\n");
    let (objects, diagnostics, _) = read_all(&[("x.yaml", &text)]);
    assert!(objects.is_empty());
    assert_eq!(diagnostics.len(), 1);
    assert!(diagnostics[0].is_error());
    assert!(diagnostics[0].right.as_ref().unwrap().contains(right), "{}", diagnostics[0]);
}

#[rstest]
#[case::a_sentence(
    "this is no manifest\n",
    "x:1:1: error: this is no object; an object has apiVersion, kind and metadata"
)]
#[case::a_number("42", "x:1:1: error: this is no object; an object has apiVersion, kind and metadata")]
#[case::values_of_a_chart(
    "replicaCount: 3\n",
    "x:1:1: error: the object does not say what it is; every object has apiVersion and kind, such as apiVersion: v1 and kind: Pod"
)]
#[case::a_kind_that_is_no_text(
    "apiVersion: v1\nkind: [Pod]\n",
    "x:1:1: error: the object does not say what it is; every object has apiVersion and kind, such as apiVersion: v1 and kind: Pod"
)]
#[case::half_a_json(
    "{\"apiVersion\": \"v1\",\n \"kind\": ",
    "x:2:9: error: broken JSON: EOF while parsing a value"
)]
#[case::a_comma_too_much(
    "{\"a\": 1,}",
    "x:1:9: error: the object does not say what it is; every object has apiVersion and kind, such as apiVersion: v1 and kind: Pod"
)]
#[case::a_list_of_numbers(
    "[1, {}, null]",
    "x:1:2: error: this is no object; an object has apiVersion, kind and metadata\nx:1:5: error: the object does not say what it is; every object has apiVersion and kind, such as apiVersion: v1 and kind: Pod"
)]
fn what_is_no_manifest_is_said_to_be_none(#[case] text: &str, #[case] expected: &str) {
    let found = said(&[("x", text)]);
    // Which column an error of the JSON fallback has does not matter here.
    if text.ends_with(",}") {
        assert!(found.contains("does not say what it is"), "{found}");
    } else {
        assert_eq!(found, expected);
    }
}

#[test]
fn places_are_right_in_json_too() {
    let pretty = "{\n  \"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n    {\n      \"apiVersion\": \"v1\", \"kind\": \"Pod\",\n      \
                  \"metadata\": {\"name\": \"a\", \"uid\": \"1\"},\n      \"spec\": {\"containers\": [{\"name\": \"x\",\n        \
                  \"resources\": {\"requests\": {\"cpu\": \"-1\"}}}],\n        \"nodeSelector\": {\"a b\": \"c\"}, \"priority\": \"high\"}\n    }\n  ]\n}\n";
    let places: Vec<(usize, usize, String)> = read_all(&[("x.json", pretty)])
        .1
        .into_iter()
        .map(|diagnostic| (diagnostic.line, diagnostic.column, diagnostic.path))
        .collect();
    let expected = [
        (7, 43, ".spec.containers[0].resources.requests.cpu"),
        (8, 26, ".spec.nodeSelector[\"a b\"]"),
        (8, 51, ".spec.priority"),
    ];
    assert_eq!(places, expected.map(|(line, column, path)| (line, column, path.to_owned())));
}

#[test]
fn all_files_are_read_whatever_is_wrong_with_one() {
    let (objects, diagnostics, _) = read_all(&[
        ("a.yaml", "a: [1\n"),
        ("b.yaml", B),
        ("c.json", "{"),
        ("d.json", A),
        ("e.yaml", "x: {{ y }}"),
    ]);
    assert_eq!(objects.pods.len(), 2);
    let files: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.file.as_str()).collect();
    assert_eq!(files, ["a.yaml", "c.json", "e.yaml", "e.yaml"]);
}

#[test]
fn an_object_with_an_error_is_left_out_and_one_with_a_warning_is_not() {
    let bad = B.replace("name: b", "name: B");
    assert!(read_all(&[("x", &bad)]).0.is_empty());
    let odd = B.replace("containers:", "colour: red, containers:");
    let (objects, diagnostics, _) = read_all(&[("x", &odd)]);
    assert_eq!((objects.pods.len(), diagnostics[0].severity), (1, Severity::Warning));
}

const CLASS: &str = "apiVersion: karpenter.k8s.aws/v1\nkind: EC2NodeClass\nmetadata: {name: default}\nspec:\n  role: x\n  \
                     amiSelectorTerms: [{alias: al2023@latest}]\n  subnetSelectorTerms: [{id: subnet-1}]\n  \
                     securityGroupSelectorTerms: [{id: sg-1}]\n---\n";

fn pool(class: &str, more: &str) -> String {
    format!(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: general{more}}}\nspec:\n  template:\n    spec:\n      \
         requirements: []\n      nodeClassRef: {{group: karpenter.k8s.aws, kind: EC2NodeClass, name: {class}}}\n---\n"
    )
}

#[test]
fn a_node_pool_finds_its_node_class_in_any_file() {
    assert_eq!(said(&[("pool.yaml", &pool("default", "")), ("class.yaml", CLASS)]), "");
}

#[test]
fn a_node_pool_without_its_node_class_is_refused_where_it_names_it() {
    let expected = "pool.yaml:8:74: error: NodePool general: .spec.template.spec.nodeClassRef.name: there is no \
                    EC2NodeClass defualt in the input; did you mean default? (node-class-reference)";
    assert_eq!(said(&[("pool.yaml", &pool("defualt", "")), ("class.yaml", CLASS)]), expected);
    assert!(said(&[("pool.yaml", &pool("default", ""))]).contains("add the EC2NodeClass to the input"));
}

#[test]
fn a_node_class_with_an_error_of_its_own_is_not_missing() {
    let broken = CLASS.replace("role: x", "role: ''");
    let found = said(&[("pool.yaml", &pool("default", "")), ("class.yaml", &broken)]);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains("role cannot be empty"));
}

#[test]
fn unknown_fields_of_live_objects_do_not_stop_the_work() {
    let live =
        pool("default", ", uid: x").replace("requirements:", "fieldOfTomorrow: 1\n      requirements:");
    let (objects, diagnostics, _) = read_all(&[("pool.yaml", &live), ("class.yaml", CLASS)]);
    assert_eq!(objects.node_pools.len(), 1);
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].severity, Severity::Warning);
}

#[test]
fn the_problems_of_a_file_are_counted_beyond_a_thousand() {
    let text: String = (0..1500).map(|number| format!("- {{kind: {number}}}\n")).collect();
    let (_, diagnostics, _) = read_all(&[("x", &text)]);
    assert_eq!(diagnostics.len(), 1001);
    assert_eq!(diagnostics[1000].problem, "there are at least 500 more problems in this file");
}

#[test]
fn who_wrote_which_field_is_not_kept() {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","uid":"1","managedFields":[{"manager":"x"}]},"spec":{"containers":[{"name":"x"}]}}"#;
    let (objects, _, _) = read_all(&[("x.json", text)]);
    assert_eq!(objects.pods[0].metadata.managed_fields, None);
}

#[test]
fn the_examples_are_read_without_a_word() {
    let mut files = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.into_iter().filter(|path| path.is_dir()) {
        files.clear();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(SourceFile::new(
                    path.display().to_string(),
                    std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
        let (objects, diagnostics, _) = read(&files);
        assert_eq!(diagnostics, [], "{}", folder.display());
        assert!(!objects.is_empty(), "{}", folder.display());
    }
}

#[test]
fn a_file_of_broken_documents_is_given_up_and_says_so() {
    let (_, diagnostics, _) = read_all(&[("x", &"---\n[\n".repeat(500))]);
    assert_eq!(diagnostics.len(), 101);
    assert_eq!(diagnostics[100].problem, "100 documents are broken; the rest of the file is not read");
}

#[test]
fn an_object_with_a_hundred_thousand_mistakes_is_not_looked_at_any_closer() {
    let wrong = "{key: a, operator: Inn},".repeat(100_000);
    let text = pool("default", "").replace("requirements: []", &format!("requirements: [{wrong}]"));
    let (objects, diagnostics, _) = read_all(&[("pool.yaml", &text), ("class.yaml", CLASS)]);
    assert!(objects.node_pools.is_empty());
    assert_eq!(diagnostics.len(), 101, "the length of the list, and the first hundred of its items");
}
