//! Input that is wrong: every problem at once, with its place, what is wrong and what would be right; exit code 2.

use rstest::rstest;

use crate::program::{folder, plan, plan_of};

#[rstest]
#[case::broken_yaml(&["-f", "broken.yaml"])]
#[case::broken_json(&["-f", "broken.json"])]
#[case::wrong_types(&["-f", "wrong-types.yaml"])]
#[case::unknown_fields(&["-f", "unknown-fields.yaml"])]
#[case::requirements(&["-f", "requirements.yaml"])]
#[case::quantities(&["-f", "quantities.yaml"])]
#[case::labels(&["-f", "labels.yaml"])]
#[case::a_node_pool_without_its_node_class(&["-f", "no-node-class.yaml"])]
#[case::pods_without_a_node_pool(&["-f", "only-workload.yaml"])]
#[case::nothing_that_matters(&["-f", "unused.yaml"])]
#[case::several_files_at_once(&["-f", "broken.json", "-f", "missing.yaml", "-f", "no-node-class.yaml", "-f", "-"])]
#[case::missing_file(&["-f", "missing.yaml"])]
#[case::empty_standard_input(&["-f", "-"])]
#[case::not_text(&["-f", "not-text.yaml"])]
#[case::no_file_at_all(&[])]
#[case::unknown_node_pool(&["-f", "cluster.yaml", "--nodepool", "general", "--nodepool", "genral"])]
#[case::unknown_region(&["-f", "cluster.yaml", "--region", "us-est-1"])]
#[case::unknown_zone(&["-f", "cluster.yaml", "--zones", "us-east-1a,us-east-1z"])]
#[case::unknown_policy(&["-f", "cluster.yaml", "--preference-policy", "sometimes"])]
#[case::impossible_overhead(&["-f", "cluster.yaml", "--vm-memory-overhead-percent", "7.5"])]
#[case::wrong_prices(&["-f", "cluster.yaml", "--prices", "prices.csv"])]
#[case::missing_prices(&["-f", "cluster.yaml", "--prices", "no-prices.csv"])]
fn is_explained(#[case] arguments: &[&str]) {
    let said = plan(arguments);
    assert_eq!(said.code, 2, "{}", said.whole());
    assert_eq!(said.stdout, "", "data and errors do not mix");
    let name =
        std::thread::current().name().unwrap_or_default().rsplit("::").next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(
        name.split_once("_")
            .map_or(name.as_str(), |(_, rest)| rest.split_once("_").map_or(rest, |(_, rest)| rest)),
        said.stderr
    );
}

#[test]
fn a_directory_without_manifests_is_said_to_be_one() {
    let folder = folder("no-manifests");
    std::fs::write(folder.join("notes.txt"), "nothing").unwrap();
    let said = plan(&["-f", folder.to_str().unwrap()]);
    assert_eq!(said.code, 2);
    let stderr = said.stderr.replace(folder.to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!(stderr);
}

/// Megabytes that look like a manifest for a while, of several makes. What matters: an answer, soon, and no panic. What
/// is read to its end is shorter, because programs that are not optimised read slowly.
#[rstest]
#[case::letters(10, "abc ")]
#[case::brackets(10, "[")]
#[case::braces(10, "{\"a\":")]
#[case::indents(1, "a:\n ")]
#[case::dashes(10, "- ")]
#[case::documents(1, "---\n")]
#[case::anchors(1, "a: &a [*a]\n")]
#[case::quotes(10, "\"")]
#[case::zeros(10, "\0")]
#[case::pods(1, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: 7}\nspec: 8\n")]
fn megabytes_of_nonsense_are_refused(#[case] megabytes: usize, #[case] nonsense: &str) {
    let text = nonsense.repeat(megabytes * 1024 * 1024 / nonsense.len());
    let said = plan_of(&text, &["-f", "-"]);
    assert_eq!(said.code, 2, "{}", said.stderr.chars().take(2000).collect::<String>());
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr.chars().take(2000).collect::<String>());
    assert!(said.stderr.contains("error"), "{}", said.stderr.chars().take(2000).collect::<String>());
    assert!(said.stderr.len() < 1024 * 1024, "{} bytes of explanation", said.stderr.len());
}
