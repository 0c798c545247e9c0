//! From an item to a typed object, with everything that is wrong with it.
//!
//! Core objects that come from a cluster are decoded straight from their text. Only if that fails, and for manifests
//! and our own kinds, the object becomes a JSON value first, which is compared with its schema. What does not fit is
//! replaced by something that does, so that the rest of the object can still be checked.

use serde_json::{Value, json};

use crate::crd::definition_of;
use crate::validate::Severity;
use crate::validate::cel::check_rules;
use crate::validate::conform::{Conformity, UnknownFields, conform};
use crate::validate::known_shapes::shapes_of;
use crate::validate::metadata::check_metadata;
use crate::validate::path::{At, FieldPath, Step};
use crate::validate::problem::{Problem, Problems};

use super::essentials;
use super::item::{File, Item};
use super::kinds_read::Kind;
use super::older::modernise;

/// What came out of an item.
pub(super) struct Decoded<K> {
    /// The object, as far as it could be read.
    pub(super) object: Option<K>,
    /// What is wrong with it.
    pub(super) problems: Problems,
    /// The fields whose values were replaced because they were wrong.
    pub(super) repaired: Vec<FieldPath>,
    /// Its namespace: `default` when it names none, empty outside of namespaces.
    pub(super) namespace: String,
    /// Its name, empty when it has none.
    pub(super) name: String,
}

/// Reads an item as a kind; `written` is the API version it names, which may be an older one.
pub(super) fn decode<K: Kind>(item: &Item, file: &File<'_>, written: &str) -> Decoded<K> {
    let live = item.is_live(file);
    let mut problems = Problems::default();
    let mut repaired = Vec::new();
    let straight = if live && !K::OWN { item.decode::<K>(file).ok() } else { None };
    let object = match straight {
        Some(object) => Some(object),
        None => match item.value(file) {
            Ok(value) => from_value::<K>(value, written, live, &mut problems, &mut repaired),
            Err(error) => {
                problems.error(&At::ROOT, error);
                None
            }
        },
    };
    let Some(mut object) = object else {
        let text = |name: &str| {
            let field = item.field(file, "metadata").and_then(|metadata| metadata.field(file, name));
            field.and_then(|field| field.text(file).map(|text| text.into_owned())).unwrap_or_default()
        };
        return Decoded {
            object: None,
            problems,
            repaired,
            namespace: text("namespace"),
            name: text("name"),
        };
    };

    let mut found = Problems::default();
    check_metadata(object.meta(), K::NAMESPACED, &mut found);
    object.check(&At::ROOT, &mut found);
    // What stands in for a wrong value says nothing about the object, and what a rule says need not be said again.
    found.0.retain(|problem| {
        let stands_in = |path: &FieldPath| path.contains(&problem.path) || problem.path.contains(path);
        !repaired.iter().any(stands_in) && !problems.0.iter().any(|known| says_the_same(known, problem))
    });
    problems.0.append(&mut found.0);

    if live {
        essentials::strip(&mut object);
    }
    let metadata = object.meta_mut();
    // Who wrote which field is half of a dump, and decides nothing.
    metadata.managed_fields = None;
    if !K::NAMESPACED {
        metadata.namespace = None;
    } else if metadata.namespace.as_deref().is_none_or(str::is_empty) {
        metadata.namespace = Some("default".to_owned());
    }
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let name = metadata.name.clone().unwrap_or_default();
    Decoded { object: Some(object), problems, repaired, namespace, name }
}

/// Whether a problem of a list item, or of this very field, is known already.
fn says_the_same(known: &Problem, problem: &Problem) -> bool {
    let is_item = matches!(known.path.0.last(), Some(Step::Index(_)));
    known.path == problem.path
        || (is_item && known.path.contains(&problem.path) && known.path.0.len() + 1 >= problem.path.0.len())
}

fn from_value<K: Kind>(
    mut value: Value,
    written: &str,
    live: bool,
    problems: &mut Problems,
    repaired: &mut Vec<FieldPath>,
) -> Option<K> {
    let current =
        if K::GROUP.is_empty() { K::VERSION.to_owned() } else { format!("{}/{}", K::GROUP, K::VERSION) };
    if written != current {
        modernise(&mut value, written, K::NAME);
    }
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), json!(current));
        fields.insert("kind".to_owned(), json!(K::NAME));
        fields.entry("metadata").or_insert_with(|| json!({}));
    }

    let shapes = shapes_of(K::GROUP, K::NAME)?;
    let unknown = if K::OWN && !live { UnknownFields::Refused } else { UnknownFields::Noted };
    let Conformity { problems: found, repairs, hopeless } = conform(shapes, &value, unknown);
    let wrong: Vec<FieldPath> = repairs.iter().map(|(path, _)| path.clone()).collect();
    problems.0.extend(found.0);
    if hopeless {
        return None;
    }
    // The claims of a cluster come by the thousand, and their spec was admitted and cannot change.
    let admitted = live && K::NAME == "NodeClaim";
    if let Some(definition) = definition_of(K::GROUP, K::NAME).filter(|_| !admitted) {
        check_rules(definition, &value, &wrong, problems);
    }

    for (path, sample) in repairs {
        replace(&mut value, &path, sample);
        repaired.push(path);
    }
    match K::deserialize(value) {
        Ok(object) => Some(object),
        Err(error) => {
            if !problems.0.iter().any(|problem| problem.severity == Severity::Error) {
                problems.error(&At::ROOT, error.to_string());
            }
            None
        }
    }
}

/// Puts a value at a path, as far as the path leads.
fn replace(value: &mut Value, path: &FieldPath, sample: Value) {
    let Some((last, before)) = path.0.split_last() else {
        *value = sample;
        return;
    };
    let mut here = value;
    for step in before {
        let next = match step {
            Step::Key(key) => here.get_mut(key),
            Step::Index(index) => here.get_mut(index),
        };
        match next {
            Some(next) => here = next,
            None => return,
        }
    }
    match (last, here) {
        (Step::Key(key), Value::Object(fields)) => {
            fields.insert(key.clone(), sample);
        }
        (Step::Index(index), Value::Array(items)) => {
            if let Some(item) = items.get_mut(*index) {
                *item = sample;
            }
        }
        _ => {}
    }
}
