//! From the arguments of `-f` to the texts of manifests.
//!
//! Directories are walked in the order of names, so that the same folder always gives the same plan. In them only
//! `.yaml`, `.yml` and `.json` files count, and names that start with a dot do not; a file that is named outright is
//! read whatever it is called. A file that is reached twice is read once.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use supercargo_api::manifest::{Diagnostic, SourceFile};

use crate::exit::Failure;

/// What a path came to nothing for.
#[derive(Clone, Debug, PartialEq)]
pub enum FileFailure {
    /// The path as such: missing, not readable, without manifests.
    Path(Failure),
    /// The content: not text.
    Content(Box<Diagnostic>),
}

/// The extensions of manifests.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads all files that the paths name; `-` is standard input. Files that can be read are returned even if others
/// cannot, so that all problems can be told together.
pub fn collect(paths: &[PathBuf], stdin: &mut dyn Read) -> (Vec<SourceFile>, Vec<FileFailure>) {
    let mut reader = Reader { files: Vec::new(), failures: Vec::new(), seen: BTreeSet::new() };
    let mut stdin_taken = false;
    for path in paths {
        if path.as_os_str() == "-" {
            if !stdin_taken {
                reader.read_stdin(stdin);
            }
            stdin_taken = true;
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => reader.read_directory(path),
            Ok(_) => reader.read_file(path),
            Err(error) => reader.fail(path, &error),
        }
    }
    (reader.files, reader.failures)
}

struct Reader {
    files: Vec<SourceFile>,
    failures: Vec<FileFailure>,
    /// Files and directories by their real paths.
    seen: BTreeSet<PathBuf>,
}

impl Reader {
    fn read_stdin(&mut self, stdin: &mut dyn Read) {
        let mut bytes = Vec::new();
        match stdin.read_to_end(&mut bytes) {
            Ok(_) if bytes.iter().all(u8::is_ascii_whitespace) => {
                self.failures.push(FileFailure::Path(Failure::new("standard input is empty").with_help(
                    "pipe manifests into it: kubectl get pods,nodes -A -o json | supercargo plan -f -",
                )));
            }
            Ok(_) => self.take("(stdin)".to_owned(), bytes),
            Err(error) => self.fail(Path::new("(stdin)"), &error),
        }
    }

    fn read_directory(&mut self, root: &Path) {
        let mut found = false;
        // the last one is next; a directory's entries are pushed in reverse order
        let mut waiting = vec![root.to_owned()];
        while let Some(path) = waiting.pop() {
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.fail(&path, &error);
                    continue;
                }
            };
            if metadata.is_file() {
                if has_extension(&path) {
                    found = true;
                    self.read_file(&path);
                }
                continue;
            }
            if !metadata.is_dir() {
                continue;
            }
            if !self.is_new(&path) {
                // reached before, by a link or another argument
                found = true;
                continue;
            }
            match entries(&path) {
                Ok(entries) => waiting.extend(entries.into_iter().rev()),
                Err(error) => self.fail(&path, &error),
            }
        }
        if !found {
            self.failures.push(FileFailure::Path(
                Failure::new(format!("{}: no manifests in this directory", root.display()))
                    .with_help("files ending in .yaml, .yml or .json are read, in all subdirectories"),
            ));
        }
    }

    fn read_file(&mut self, path: &Path) {
        if !self.is_new(path) {
            return;
        }
        match fs::read(path) {
            Ok(bytes) => self.take(path.display().to_string(), bytes),
            Err(error) => self.fail(path, &error),
        }
    }

    fn take(&mut self, name: String, bytes: Vec<u8>) {
        match SourceFile::from_bytes(name, bytes) {
            Ok(file) => self.files.push(file),
            Err(diagnostic) => self.failures.push(FileFailure::Content(Box::new(diagnostic))),
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    fn fail(&mut self, path: &Path, error: &std::io::Error) {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        self.failures.push(FileFailure::Path(Failure::new(format!("{}: {reason}", path.display()))));
    }
}

fn has_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

/// What a directory holds, by name, without what is hidden.
fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("supercargo-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        root
    }

    fn names(root: &Path, files: &[SourceFile]) -> Vec<String> {
        let prefix = format!("{}/", root.display());
        files.iter().map(|file| file.name.trim_start_matches(&prefix).to_owned()).collect()
    }

    #[test]
    fn directories_are_walked_in_order_of_names_and_only_manifests_count() {
        let root = folder(
            "walk",
            &[
                ("b.yml", ""),
                ("a/z.json", ""),
                ("a/y.YAML", ""),
                ("c.txt", ""),
                (".git/x.yaml", ""),
                ("a.yaml", ""),
            ],
        );
        let (files, failures) = collect(std::slice::from_ref(&root), &mut std::io::empty());
        assert_eq!(names(&root, &files), ["a/y.YAML", "a/z.json", "a.yaml", "b.yml"]);
        assert!(failures.is_empty());
    }

    #[test]
    fn a_file_that_is_named_is_read_whatever_it_is_called_and_only_once() {
        let root = folder("once", &[("dump", "{}"), ("a.yaml", "")]);
        let paths = [root.join("dump"), root.join("a.yaml"), root.clone(), root.join("./a.yaml")];
        let (files, failures) = collect(&paths, &mut std::io::empty());
        assert_eq!(names(&root, &files), ["dump", "a.yaml"]);
        assert!(failures.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_does_not_go_round_for_ever() {
        let root = folder("loop", &[("a/a.yaml", "")]);
        std::os::unix::fs::symlink(&root, root.join("a/up")).unwrap();
        let (files, failures) = collect(std::slice::from_ref(&root), &mut std::io::empty());
        assert_eq!((files.len(), failures), (1, Vec::new()));
    }

    #[test]
    fn every_path_that_leads_nowhere_is_named() {
        let root = folder("nowhere", &[("a.yaml", "")]);
        let empty = folder("empty", &[]);
        let paths = [root.join("missing.yaml"), root.join("a.yaml"), empty, PathBuf::from("-")];
        let (files, failures) = collect(&paths, &mut b" \n".as_slice());
        assert_eq!(files.len(), 1);
        let problems: Vec<String> = failures
            .iter()
            .map(|failure| match failure {
                FileFailure::Path(failure) => failure.problem.rsplit(':').next().unwrap().trim().to_owned(),
                FileFailure::Content(diagnostic) => diagnostic.to_string(),
            })
            .collect();
        assert_eq!(
            problems,
            ["no such file or directory", "no manifests in this directory", "standard input is empty"]
        );
    }
}
