//! A set of paths, as a tree.

use std::collections::BTreeMap;

use super::element::PathElement;
use crate::schema::View;

/// A set of paths into an object. A path may be in the set, paths below it may, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    pub(super) entries: BTreeMap<PathElement, Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path that ends here is in the set.
    pub(super) member: bool,
    pub(super) below: FieldSet,
}

impl Entry {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> FieldSet {
        FieldSet::default()
    }

    /// The set of these paths of field names.
    pub fn of_fields(paths: &[&[&str]]) -> FieldSet {
        let mut set = FieldSet::new();
        for path in paths {
            set.insert(path.iter().map(|name| PathElement::Field((*name).to_owned())));
        }
        set
    }

    /// Whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        // Entries that hold nothing are never kept.
        self.entries.is_empty()
    }

    /// Adds a path.
    pub fn insert(&mut self, path: impl IntoIterator<Item = PathElement>) {
        let mut path = path.into_iter().peekable();
        let mut set = self;
        while let Some(element) = path.next() {
            let entry = set.entries.entry(element).or_default();
            if path.peek().is_none() {
                entry.member = true;
                return;
            }
            set = &mut entry.below;
        }
    }

    /// Adds a step: the path that ends there if `member`, and what is below.
    pub(crate) fn attach(&mut self, element: PathElement, member: bool, below: FieldSet) {
        let entry = Entry { member, below };
        if !entry.is_empty() {
            self.entries.insert(element, entry);
        }
    }

    /// Whether the path of this one step is in the set.
    pub(crate) fn has(&self, element: &PathElement) -> bool {
        self.entries.get(element).is_some_and(|entry| entry.member)
    }

    /// What is below a step.
    pub(crate) fn below(&self, element: &PathElement) -> Option<&FieldSet> {
        self.entries.get(element).map(|entry| &entry.below).filter(|below| !below.is_empty())
    }

    /// Paths of either set.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.extend(other);
        result
    }

    /// Adds the paths of another set.
    pub(crate) fn extend(&mut self, other: &FieldSet) {
        for (element, theirs) in &other.entries {
            match self.entries.get_mut(element) {
                Some(entry) => {
                    entry.member |= theirs.member;
                    entry.below.extend(&theirs.below);
                }
                None => {
                    self.entries.insert(element.clone(), theirs.clone());
                }
            }
        }
    }

    /// Whether any path is in both sets.
    pub(crate) fn meets(&self, other: &FieldSet) -> bool {
        let (few, many) =
            if self.entries.len() < other.entries.len() { (self, other) } else { (other, self) };
        few.entries.iter().any(|(element, entry)| {
            many.entries
                .get(element)
                .is_some_and(|theirs| (entry.member && theirs.member) || entry.below.meets(&theirs.below))
        })
    }

    /// Whether all paths of another set are in this one.
    pub(crate) fn includes(&self, other: &FieldSet) -> bool {
        other.entries.iter().all(|(element, theirs)| {
            self.entries
                .get(element)
                .is_some_and(|entry| (entry.member || !theirs.member) && entry.below.includes(&theirs.below))
        })
    }

    /// Takes the paths of another set out of this one. Paths below them stay.
    pub(crate) fn cut(&mut self, other: &FieldSet) {
        for (element, theirs) in &other.entries {
            let Some(entry) = self.entries.get_mut(element) else { continue };
            entry.member &= !theirs.member;
            entry.below.cut(&theirs.below);
            if entry.is_empty() {
                self.entries.remove(element);
            }
        }
    }

    /// Takes the paths of another set, and all below them, out of this one.
    pub(crate) fn cut_branches(&mut self, other: &FieldSet) {
        for (element, theirs) in &other.entries {
            let Some(entry) = self.entries.get_mut(element) else { continue };
            entry.below.cut_branches(&theirs.below);
            if theirs.member || entry.is_empty() {
                self.entries.remove(element);
            }
        }
    }

    /// Paths of both sets.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut result = FieldSet::new();
        for (element, entry) in &self.entries {
            if let Some(theirs) = other.entries.get(element) {
                result.attach(
                    element.clone(),
                    entry.member && theirs.member,
                    entry.below.intersection(&theirs.below),
                );
            }
        }
        result
    }

    /// Paths of this set that are not in the other. Paths below those of the other stay.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.cut(other);
        result
    }

    /// Paths of this set that are neither in the other nor below a path of it.
    #[must_use]
    pub fn without_branches(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.cut_branches(other);
        result
    }

    /// This set with every declared field added under which it has paths; keys of maps and elements of lists are not added.
    pub(crate) fn with_named_fields(&self, view: View<'_>) -> FieldSet {
        let mut result = FieldSet::new();
        for (element, entry) in &self.entries {
            let (declared, below) = match element {
                PathElement::Field(name) => (view.declares(name), view.field(name)),
                PathElement::Key(_) => (false, view.list().map(|(items, _)| items)),
                _ => (false, None),
            };
            let below = match below {
                Some(view) => entry.below.with_named_fields(view),
                None => entry.below.clone(),
            };
            let member = entry.member || (declared && !entry.below.is_empty());
            result.attach(element.clone(), member, below);
        }
        result
    }

    /// All paths, written as in conflicts: `.spec.replicas`, in order. No more than four megabytes of them.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut bytes = 4 * 1024 * 1024;
        self.collect(&mut String::new(), &mut paths, &mut bytes);
        paths
    }

    fn collect(&self, prefix: &mut String, paths: &mut Vec<String>, bytes: &mut usize) {
        // As upstream lists them: all paths that end here first, then what is below.
        for (element, _) in self.entries.iter().filter(|(_, entry)| entry.member) {
            let path = format!("{prefix}{element}");
            *bytes = bytes.saturating_sub(path.len());
            if *bytes == 0 {
                return;
            }
            paths.push(path);
        }
        for (element, entry) in &self.entries {
            let length = prefix.len();
            prefix.push_str(&element.to_string());
            entry.below.collect(prefix, paths, bytes);
            prefix.truncate(length);
        }
    }
}
