//! Reading all files: documents, Lists, objects; every problem of all of them.

use std::collections::BTreeMap;

use crate::labels::excerpt;
use crate::objects::Objects;
use crate::validate::Severity;
use crate::validate::path::{FieldPath, Step};
use crate::validate::problem::Problem;

use super::decode::{Decoded, decode};
use super::diagnostic::Diagnostic;
use super::item::{File, Head, Item};
use super::json;
use super::kinds_read::{ForKind, Kind, with_kind};
use super::lines::Place;
use super::older::{Older, older};
use super::references::check_references;
use super::source::SourceFile;
use super::store::{Origin, Store, Stored};
use super::yaml;

/// More problems of one file than this are only counted.
const MOST_PROBLEMS: usize = 1000;

/// Lists within Lists deeper than this are not looked into.
const DEEPEST_LIST: usize = 8;

/// JSON that is broken is tried as YAML if it is no longer than this: it may be YAML that begins with a bracket.
const LONGEST_FLOW_YAML: usize = 1024 * 1024;

/// Reads manifests: all objects that are sound, all problems, and how many objects there are of kinds that are not
/// used, by `apiVersion/kind`.
///
/// Objects of namespaced kinds that name no namespace are put into `default`. Problems are in the order of the files
/// and their lines. An object with an error is left out of the objects.
pub fn read(files: &[SourceFile]) -> (Objects, Vec<Diagnostic>, BTreeMap<String, usize>) {
    let files: Vec<File<'_>> = files.iter().map(File::new).collect();
    let mut reader = Reader {
        files: &files,
        store: Store::default(),
        found: files.iter().map(|_| Found::default()).collect(),
        unused: BTreeMap::new(),
    };
    for index in 0..files.len() {
        reader.read_file(index);
    }
    for (origin, object, problem) in check_references(&reader.store) {
        reader.report(&origin, Some(object), problem);
    }
    reader.finish()
}

/// The problems of one file.
#[derive(Default)]
struct Found {
    diagnostics: Vec<Diagnostic>,
    errors_left_out: usize,
    warnings_left_out: usize,
}

struct Reader<'r> {
    files: &'r [File<'r>],
    store: Store,
    found: Vec<Found>,
    unused: BTreeMap<String, usize>,
}

impl<'r> Reader<'r> {
    fn read_file(&mut self, index: usize) {
        let Some(file) = self.files.get(index) else { return };
        for document in self.documents(index, file) {
            self.read_document(index, document);
        }
    }

    /// The documents of a file that could be read; what could not is reported.
    fn documents(&mut self, index: usize, file: &File<'_>) -> Vec<Item> {
        if file.text.trim_start().starts_with(['{', '[']) {
            let (documents, error) = json::documents(file.text);
            let Some(error) = error else { return documents.into_iter().map(Item::Json).collect() };
            if documents.is_empty() && file.text.len() <= LONGEST_FLOW_YAML {
                let (nodes, errors) = yaml::documents(file.text, &file.budget);
                if errors.is_empty() {
                    return nodes.into_iter().map(Item::Yaml).collect();
                }
            }
            let place = Place { line: error.line, column: error.column };
            self.report_broken(index, place, format!("broken JSON: {}", error.problem), None);
            return documents.into_iter().map(Item::Json).collect();
        }
        let (nodes, errors) = yaml::documents(file.text, &file.budget);
        for error in errors {
            self.report_broken(index, error.place, error.problem, error.right);
        }
        nodes.into_iter().map(Item::Yaml).collect()
    }

    /// Reads a document: an object, a List, or a plain list of objects.
    fn read_document(&mut self, index: usize, document: Item) {
        let Some(file) = self.files.get(index) else { return };
        // What is still to be read, last first; with what a List says of the kind of its items.
        let mut waiting = vec![(document, Head::default(), 0)];
        while let Some((item, inherited, depth)) = waiting.pop() {
            if item.is_null(file) {
                continue;
            }
            if let Some(items) = item.items(file) {
                self.queue(index, &mut waiting, items, &inherited, depth, &item);
                continue;
            }
            if !item.is_object(file) {
                let right = "an object has apiVersion, kind and metadata".to_owned();
                self.report_broken(index, item.place(file), "this is no object".to_owned(), Some(right));
                continue;
            }
            let said = item.head(file);
            let head = Head {
                api_version: said.api_version.or(inherited.api_version),
                kind: said.kind.or(inherited.kind),
            };
            let of_items = head.kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
            let items = of_items.and_then(|_| item.field(file, "items")).and_then(|items| items.items(file));
            match (of_items, items) {
                (Some(kind), Some(items)) => {
                    let inherited = if kind.is_empty() {
                        Head::default()
                    } else {
                        Head { api_version: head.api_version.clone(), kind: Some(kind.to_owned()) }
                    };
                    self.queue(index, &mut waiting, items, &inherited, depth, &item);
                }
                // The items of an empty List may be null.
                (Some(""), None) => {}
                _ => self.read_object(index, item, head),
            }
        }
    }

    fn queue(
        &mut self,
        index: usize,
        waiting: &mut Vec<(Item, Head, usize)>,
        items: Vec<Item>,
        inherited: &Head,
        depth: usize,
        list: &Item,
    ) {
        if depth == DEEPEST_LIST {
            let place = self.files.get(index).map(|file| list.place(file)).unwrap_or_default();
            self.report_broken(index, place, "lists are nested too deep".to_owned(), None);
            return;
        }
        let head = || Head { api_version: inherited.api_version.clone(), kind: inherited.kind.clone() };
        waiting.extend(items.into_iter().rev().map(|item| (item, head(), depth + 1)));
    }

    fn read_object(&mut self, index: usize, item: Item, head: Head) {
        let origin = Origin { file: index, item };
        let (Some(api_version), Some(kind)) = (head.api_version, head.kind) else {
            let right =
                "every object has apiVersion and kind, such as apiVersion: v1 and kind: Pod".to_owned();
            let place = self.files.get(index).map(|file| origin.item.place(file)).unwrap_or_default();
            self.report_broken(index, place, "the object does not say what it is".to_owned(), Some(right));
            return;
        };
        let mut current = api_version.as_str();
        let mut notes = Vec::new();
        match older(&api_version, &kind) {
            Some(Older::ReadAs { api_version: newer, gone }) => {
                let mut note =
                    Problem::at_field("apiVersion", format!("{api_version} {gone}"), Severity::Warning);
                note.right(format!("write {newer}; it is read as that"));
                notes.push(note);
                current = newer;
            }
            Some(Older::Refused(right)) => {
                let text = format!("{kind} of {} is not read", excerpt(&api_version));
                let mut problem = Problem::at_field("apiVersion", text, Severity::Error);
                problem.right(right);
                self.report(&origin, None, problem);
                return;
            }
            None => {}
        }
        let (group, version) = current.split_once('/').unwrap_or(("", current));
        let taken = Take { reader: self, origin: &origin, written: &api_version, notes };
        if with_kind(group, version, &kind, taken).is_none() {
            *self.unused.entry(format!("{}/{}", excerpt(&api_version), excerpt(&kind))).or_default() += 1;
        }
    }

    /// Adds a problem with an object, at its place.
    fn report(&mut self, origin: &Origin, object: Option<String>, problem: Problem) {
        let (Some(file), Some(found)) = (self.files.get(origin.file), self.found.get_mut(origin.file)) else {
            return;
        };
        if found.is_full(problem.severity) {
            return;
        }
        let place = origin.item.place_of(file, &problem.path, problem.on_key);
        found.diagnostics.push(Diagnostic {
            file: file.name.to_owned(),
            line: place.line,
            column: place.column,
            object,
            path: problem.path.to_string(),
            problem: problem.text,
            rule: problem.rule,
            right: problem.right,
            severity: problem.severity,
        });
    }

    /// Adds a problem with the text of a file.
    fn report_broken(&mut self, index: usize, place: Place, problem: String, right: Option<String>) {
        let (Some(file), Some(found)) = (self.files.get(index), self.found.get_mut(index)) else { return };
        if found.is_full(Severity::Error) {
            return;
        }
        found.diagnostics.push(Diagnostic {
            file: file.name.to_owned(),
            line: place.line,
            column: place.column,
            object: None,
            path: String::new(),
            problem,
            rule: None,
            right,
            severity: Severity::Error,
        });
    }

    fn finish(self) -> (Objects, Vec<Diagnostic>, BTreeMap<String, usize>) {
        let mut all = Vec::new();
        for (mut found, file) in self.found.into_iter().zip(self.files) {
            found.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
            let last = found.diagnostics.last().map(|diagnostic| (diagnostic.line, diagnostic.column));
            all.append(&mut found.diagnostics);
            let left_out = found.errors_left_out + found.warnings_left_out;
            if let Some((line, column)) = last.filter(|_| left_out > 0) {
                all.push(Diagnostic {
                    file: file.name.to_owned(),
                    line,
                    column,
                    object: None,
                    path: String::new(),
                    problem: format!("there are at least {left_out} more problems in this file"),
                    rule: None,
                    right: None,
                    severity: if found.errors_left_out > 0 { Severity::Error } else { Severity::Warning },
                });
            }
        }
        (self.store.objects, all, self.unused)
    }
}

impl Found {
    /// Whether there is no room for another problem, which is then counted.
    fn is_full(&mut self, severity: Severity) -> bool {
        if self.diagnostics.len() < MOST_PROBLEMS {
            return false;
        }
        match severity {
            Severity::Error => self.errors_left_out += 1,
            Severity::Warning => self.warnings_left_out += 1,
        }
        true
    }
}

/// Takes an object whose kind is read.
struct Take<'t, 'r> {
    reader: &'t mut Reader<'r>,
    origin: &'t Origin,
    written: &'t str,
    notes: Vec<Problem>,
}

impl ForKind for Take<'_, '_> {
    type Output = ();

    fn run<K: Kind>(self) {
        let Take { reader, origin, written, mut notes } = self;
        let Some(file) = reader.files.get(origin.file) else { return };
        let Decoded { object, mut problems, repaired, namespace, name } =
            decode::<K>(&origin.item, file, written);
        notes.append(&mut problems.0);
        let sound = !notes.iter().any(|problem| problem.severity == Severity::Error);
        let title = title(K::NAME, &namespace, &name);
        for problem in notes {
            reader.report(origin, title.clone(), problem);
        }
        let Some(mut object) = object else {
            reader.store.note(K::NAME, &namespace, &name, origin);
            return;
        };
        if !sound {
            reader.store.note(K::NAME, &namespace, &name, origin);
            if !repaired.iter().any(is_reference) {
                K::list(&mut reader.store.unsound).push(object);
            }
            return;
        }
        reader.store.name(K::NAME, object.meta_mut());
        match reader.store.add(object, K::list, K::NAME, origin) {
            Stored::Yes => {}
            Stored::OtherState(first) => {
                let text = format!("another state of this object is at {}", reader.place_name(&first));
                let mut problem = Problem::at(FieldPath::default(), text, Severity::Warning);
                problem.right("the newer of the two counts");
                reader.report(origin, title, problem);
            }
            Stored::Conflict(first) => {
                let text = format!(
                    "an object of the same name with other content is at {}",
                    reader.place_name(&first)
                );
                let mut problem = Problem::at(FieldPath::default(), text, Severity::Error);
                problem.right("keep one of the two").rule("duplicate-object");
                reader.report(origin, title, problem);
            }
        }
    }
}

impl Reader<'_> {
    fn place_name(&self, origin: &Origin) -> String {
        let Some(file) = self.files.get(origin.file) else { return String::new() };
        let Place { line, column } = origin.item.place(file);
        format!("{}:{line}:{column}", file.name)
    }
}

/// Whether a path leads into a reference to another object.
fn is_reference(path: &FieldPath) -> bool {
    path.0.iter().any(|step| matches!(step, Step::Key(key) if key.ends_with("Ref")))
}

/// An object as diagnostics name it.
pub(super) fn title(kind: &str, namespace: &str, name: &str) -> Option<String> {
    match (excerpt(namespace), excerpt(name)) {
        (_, name) if name.is_empty() => Some(kind.to_owned()),
        (namespace, name) if namespace.is_empty() => Some(format!("{kind} {name}")),
        (namespace, name) => Some(format!("{kind} {namespace}/{name}")),
    }
}
