//! The manual is true: every console example in README.md and docs/ is run, and says what the manual says it says. With
//! `UPDATE_DOCS=1` the manual is corrected instead. A block opened with ```` ```console not-run ```` is left alone: it
//! needs something this test does not have, such as a cluster.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

/// How the README starts the program; in here it is built already.
const BY_CARGO: &str = "cargo run --release -- ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages of the manual, in order.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// Where examples keep a ledger: `$LEDGER`.
fn ledger() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-ledger")
}

/// What a command line says on both streams, in the order in which it says it.
fn said(command: &str) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_supercargo")).parent().unwrap().to_owned();
    let search = std::env::var_os("PATH").unwrap_or_default();
    let search = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&search))).unwrap();
    let command = match command.strip_prefix(BY_CARGO) {
        Some(rest) => format!("supercargo {rest}"),
        None => command.to_owned(),
    };
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(root())
        .env("PATH", search)
        .env("TERM", "dumb")
        .env("LEDGER", ledger())
        .env_remove("PREFERENCE_POLICY")
        .env_remove("MIN_VALUES_POLICY")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The command on a line of a block, if there is one. Output may start with a dollar sign, too.
fn command(line: &str) -> Option<&str> {
    line.strip_prefix("$ ").filter(|rest| rest.starts_with("supercargo ") || rest.starts_with(BY_CARGO))
}

/// The block with its commands run; all other lines are what they said.
fn rerun(block: &str) -> String {
    let mut text = String::new();
    let mut commands = 0;
    for line in block.lines() {
        if let Some(command) = command(line) {
            if commands > 0 {
                text.push('\n');
            }
            let _ = write!(text, "$ {command}\n{}", said(command));
            commands += 1;
        }
    }
    assert!(commands > 0, "a console block without a command:\n{block}");
    text
}

/// The page with all its blocks run, and how many there were.
fn rerun_page(page: &str) -> (String, usize) {
    let mut text = String::new();
    let mut blocks = 0;
    let mut rest = page;
    while let Some(start) = rest.find("```console\n") {
        let (before, block) = rest.split_at(start + "```console\n".len());
        let (block, after) = block.split_once("```").expect("a block is closed");
        let _ = write!(text, "{before}{}```", rerun(block));
        rest = after;
        blocks += 1;
    }
    text.push_str(rest);
    (text, blocks)
}

#[test]
fn every_example_of_the_manual_says_what_it_is_said_to_say() {
    let _ = std::fs::remove_dir_all(ledger());
    let mut blocks = 0;
    let mut wrong = Vec::new();
    for path in pages() {
        let written = std::fs::read_to_string(&path).unwrap();
        let (found, count) = rerun_page(&written);
        blocks += count;
        if found == written {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
            std::fs::write(&path, found).unwrap();
            continue;
        }
        let lines = found.lines().zip(written.lines()).enumerate();
        let difference = lines.into_iter().find(|(_, (found, written))| found != written);
        let (number, (found, written)) = difference.unwrap_or((0, ("more or less lines", "")));
        wrong.push(format!("{}:{}\n  says  {written}\n  is    {found}", path.display(), number + 1));
    }
    assert!(blocks >= 12, "{blocks} examples");
    assert!(wrong.is_empty(), "{}\nrun with UPDATE_DOCS=1 to correct the manual", wrong.join("\n"));
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let mut links = 0;
    let mut others = vec![root().join("ARCHITECTURE.md"), root().join("CHANGELOG.md")];
    others.extend(pages());
    for path in others {
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = target.split('#').next().unwrap();
            assert!(path.parent().unwrap().join(file).exists(), "{}: {target}", path.display());
            links += 1;
        }
    }
    assert!(links >= 10, "{links} links");
}

/// The fields of a document by their paths, as the manual writes them, with the types of their values.
fn fields(value: &Value, path: &str, found: &mut BTreeMap<String, &'static str>) {
    let mut note = |kind| {
        found.insert(path.to_owned(), kind);
    };
    match value {
        Value::Null => note("null"),
        Value::Bool(_) => note("boolean"),
        Value::Number(_) => note("number"),
        Value::String(_) => note("string"),
        Value::Array(items) => {
            let path = format!("{path}[]");
            for item in items {
                fields(item, &path, found);
            }
        }
        Value::Object(entries) => {
            // amounts and labels are maps: their keys are data
            let is_map =
                ["requests", "daemonSets", "allocatable", "labels"].iter().any(|map| path.ends_with(map));
            if is_map {
                note("map of strings");
                return;
            }
            if ["typesByCapacity", "allowedNow"].iter().any(|map| path.ends_with(map)) {
                note("map of numbers");
                return;
            }
            for (name, value) in entries {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(value, &path, found);
            }
        }
    }
}

/// A document with every field there is, as a renderer's snapshot has it.
fn every_field(snapshot: &str) -> Value {
    let snapshot = root().join("crates/cli/tests/snapshots").join(snapshot);
    let text = std::fs::read_to_string(snapshot).unwrap();
    let (_, document) = text.split_once("\n{\n").unwrap();
    serde_json::from_str(&format!("{{\n{document}")).unwrap()
}

#[rstest]
#[case::a_plan("Plan", "render__json_is_the_document.snap")]
#[case::a_consolidation("Consolidation", "render_consolidation__json_is_the_document.snap")]
#[case::a_pod("PodExplanation", "render_explanations__a_pod_as_a_document.snap")]
#[case::a_node("NodeExplanation", "render_explanations__a_node_as_a_document.snap")]
#[case::a_node_pool("NodePoolExplanation", "render_explanations__a_node_pool_as_a_document.snap")]
fn every_field_of_a_document_is_in_its_table_of_the_manual_and_no_other(
    #[case] kind: &str,
    #[case] snapshot: &str,
) {
    let mut found = BTreeMap::new();
    fields(&every_field(snapshot), "", &mut found);
    let page = std::fs::read_to_string(root().join("docs/json-format.md")).unwrap();
    let (_, table) = page.split_once(&format!("<!-- fields of a {kind} -->")).unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    let mut written = BTreeMap::new();
    for row in table.lines().filter(|row| row.starts_with("| `")) {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let path = cells.next().unwrap().trim_matches('`').to_owned();
        let kind = cells.next().unwrap().to_owned();
        let meaning = cells.next().unwrap();
        assert!(meaning.len() > 5, "{path} is explained");
        written.insert(path, kind);
    }
    let found: BTreeMap<String, String> =
        found.into_iter().map(|(path, kind)| (path, kind.to_owned())).collect();
    assert_eq!(written, found);
}
