//! Bad input: each mistake is reported once, at its place, with what would be right, and all mistakes at once.

use supercargo_api::manifest::{SourceFile, read};

/// What is said about the files, one problem a line.
fn said(files: &[(&str, &str)]) -> String {
    let files: Vec<SourceFile> = files.iter().map(|(name, text)| SourceFile::new(*name, *text)).collect();
    let (_, diagnostics, _) = read(&files);
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
}

#[test]
fn a_node_pool_with_every_kind_of_mistake() {
    let text = include_str!("manifests/bad-node-pool.yaml");
    insta::assert_snapshot!(said(&[("pool.yaml", text)]));
}

#[test]
fn a_node_class_with_every_kind_of_mistake() {
    let text = include_str!("manifests/bad-node-class.yaml");
    insta::assert_snapshot!(said(&[("class.yaml", text)]));
}

#[test]
fn other_kinds_of_ours_with_mistakes() {
    let text = include_str!("manifests/bad-others.yaml");
    insta::assert_snapshot!(said(&[("others.yaml", text)]));
}

#[test]
fn workloads_with_mistakes() {
    let text = include_str!("manifests/bad-workloads.yaml");
    insta::assert_snapshot!(said(&[("workloads.yaml", text)]));
}
