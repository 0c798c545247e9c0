//! What is made up is written where it should be, in the format asked for, and can be read again.

use rstest::rstest;

use crate::program::{Said, at_root, folder};

fn generate(arguments: &[&str]) -> Said {
    at_root(&[&["generate", "cluster", "--nodes", "8", "--seed", "3"], arguments].concat())
}

#[test]
fn the_same_options_make_the_same_bytes_and_another_seed_others() {
    let first = generate(&[]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(first.stdout, generate(&[]).stdout);
    assert_ne!(first.stdout, generate(&["--seed", "4"]).stdout);
    assert!(first.stdout.starts_with("{\"apiVersion\":\"v1\",\"kind\":\"List\""));
    assert!(first.stderr.starts_with("8 nodes, "), "{}", first.stderr);
}

#[test]
fn a_file_is_written_in_the_format_that_its_name_tells() {
    let folder = folder("generate");
    for (name, start) in
        [("dump.json", "{\"apiVersion\""), ("dump.yaml", "---\n"), ("dump", "{\"apiVersion\"")]
    {
        let path = folder.join(name);
        let said = generate(&["--out", path.to_str().unwrap()]);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""));
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(start), "{name}");
    }
    let path = folder.join("forced.json");
    generate(&["--out", path.to_str().unwrap(), "-o", "yaml"]);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("---\n"));
}

#[test]
fn what_is_made_up_is_consolidated_alike_from_json_and_yaml() {
    let folder = folder("generate-and-consolidate");
    let mut answers = Vec::new();
    for name in ["dump.json", "dump.yaml"] {
        let path = folder.join(name);
        generate(&["--churn", "0.5", "--out", path.to_str().unwrap()]);
        let said = at_root(&["consolidate", "-f", path.to_str().unwrap(), "-o", "json"]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{name}");
        answers.push(said.stdout);
    }
    assert_eq!(answers[0], answers[1]);
}

#[rstest]
#[case::no_nodes(&["--nodes", "0"], "error: 0 nodes: from 1 to 20000 are possible\n")]
#[case::churn(&["--churn", "1"], "error: churn 1: a share from 0 to 0.95 is possible\n")]
#[case::a_folder_that_is_not_there(
    &["--out", "nowhere/dump.json"],
    "error: nowhere/dump.json cannot be written: No such file or directory (os error 2)\n"
)]
fn what_cannot_be_made_up_is_said(#[case] arguments: &[&str], #[case] expected: &str) {
    let all: Vec<&str> = [&["generate", "cluster"], arguments].concat();
    let said = at_root(&all);
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
}
