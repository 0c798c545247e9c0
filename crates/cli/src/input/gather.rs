//! From paths to objects: read, check, and report every problem before giving up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use supercargo_api::Objects;
use supercargo_api::manifest::{self, Diagnostic};

use super::files::{FileFailure, collect};
use crate::console::Console;
use crate::diagnostics;
use crate::exit::Failure;
use crate::figures::count;

/// The input, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// What a plan is made from.
    pub objects: Objects,
    /// Objects of other kinds, counted by `apiVersion/kind`.
    pub unused: BTreeMap<String, usize>,
}

/// Reads what the paths name. Problems and warnings go to stderr, all of them; problems end in a failure.
pub fn gather(paths: &[PathBuf], console: &Console) -> Result<Gathered, Failure> {
    let (files, failures) = collect(paths, &mut std::io::stdin().lock());
    let (objects, diagnostics, unused) = manifest::read(&files);
    let mut said: Vec<Diagnostic> = Vec::new();
    for failure in &failures {
        match failure {
            FileFailure::Path(failure) => console.failure(failure),
            FileFailure::Content(diagnostic) => said.push((**diagnostic).clone()),
        }
    }
    said.extend(diagnostics);
    let text = diagnostics::render(&said, &files, console.error_paint());
    let errors: Vec<&Diagnostic> = said.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    let pathless = failures.iter().filter(|failure| matches!(failure, FileFailure::Path(_))).count();
    if errors.is_empty() && pathless == 0 {
        if !text.is_empty() {
            console.note(text.trim_end_matches('\n'));
        }
        return Ok(Gathered { objects, unused });
    }
    if !text.is_empty() {
        console.error(text.trim_end_matches('\n'));
        console.error("");
    }
    let places: BTreeSet<&str> = errors.iter().map(|diagnostic| diagnostic.file.as_str()).collect();
    let files_with_problems = places.len() + pathless;
    let problems = count(errors.len() + pathless, "problem");
    Err(Failure::new(format!("{problems} in {}", count(files_with_problems, "file"))))
}
