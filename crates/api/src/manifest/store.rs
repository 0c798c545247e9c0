//! The objects read so far: each once, with where it came from.

use std::any::Any;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::objects::Objects;
use crate::pod::{Interner, Pod};

use super::item::Item;

/// Where an object was read.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The file, by its position.
    pub(super) file: usize,
    /// The place in it.
    pub(super) item: Item,
}

/// Which object: kind, namespace (empty outside of namespaces) and name.
pub(super) type Key = (&'static str, String, String);

/// An object that was read.
#[derive(Debug)]
struct Seen {
    origin: Origin,
    /// Its position in its list; nothing when it is not sound and was left out.
    position: Option<usize>,
}

/// What became of an object.
#[derive(Debug)]
pub(super) enum Stored {
    /// It was added, or is there already with the same content.
    Yes,
    /// There is another state of the same object, and the newer of the two counts.
    OtherState(Origin),
    /// There is an object of the same name with other content.
    Conflict(Origin),
}

/// The objects read so far.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) objects: Objects,
    /// Objects that have errors but can still be compared with the others.
    pub(super) unsound: Objects,
    specs: Interner,
    seen: BTreeMap<Key, Seen>,
    generated: BTreeMap<Key, usize>,
}

impl Store {
    /// Gives an object a name if it only has the beginning of one, as the API server would, but always the same.
    pub(super) fn name(&mut self, kind: &'static str, metadata: &mut ObjectMeta) {
        if metadata.name.as_deref().is_some_and(|name| !name.is_empty()) {
            return;
        }
        let prefix = metadata.generate_name.clone().unwrap_or_default();
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let count = self.generated.entry((kind, namespace, prefix.clone())).or_default();
        metadata.name = Some(format!("{prefix}{count}"));
        *count += 1;
    }

    /// Adds a sound object.
    pub(super) fn add<K>(
        &mut self,
        mut object: K,
        list: fn(&mut Objects) -> &mut Vec<K>,
        kind: &'static str,
        origin: &Origin,
    ) -> Stored
    where
        K: Resource + PartialEq + 'static,
    {
        let key = key_of(kind, object.meta());
        let list = list(&mut self.objects);
        let Some(first) = self.seen.get_mut(&key) else {
            if let Some(pod) = (&mut object as &mut dyn Any).downcast_mut::<Pod>() {
                self.specs.share(pod);
            }
            self.seen.insert(key, Seen { origin: origin.clone(), position: Some(list.len()) });
            list.push(object);
            return Stored::Yes;
        };
        let Some(known) = first.position.and_then(|position| list.get_mut(position)) else {
            return Stored::Conflict(first.origin.clone());
        };
        if *known == object {
            return Stored::Yes;
        }
        let same_object = known.meta().uid.is_some() && known.meta().uid == object.meta().uid;
        if !same_object {
            return Stored::Conflict(first.origin.clone());
        }
        let before = first.origin.clone();
        if version_of(object.meta()) > version_of(known.meta()) {
            *known = object;
            first.origin = origin.clone();
        }
        Stored::OtherState(before)
    }

    /// Remembers an object that is not sound, so that nobody says it is missing.
    pub(super) fn note(&mut self, kind: &'static str, namespace: &str, name: &str, origin: &Origin) {
        let key = (kind, namespace.to_owned(), name.to_owned());
        self.seen.entry(key).or_insert_with(|| Seen { origin: origin.clone(), position: None });
    }

    /// Whether there is such an object, sound or not.
    pub(super) fn has(&self, kind: &'static str, namespace: &str, name: &str) -> bool {
        self.seen.contains_key(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// Where an object was read.
    pub(super) fn origin(&self, kind: &'static str, metadata: &ObjectMeta) -> Option<&Origin> {
        self.seen.get(&key_of(kind, metadata)).map(|seen| &seen.origin)
    }

    /// The names of all objects of a kind, sound or not.
    pub(super) fn names(&self, kind: &'static str) -> impl Iterator<Item = &str> + Clone {
        let first = (kind, String::new(), String::new());
        self.seen
            .range(first..)
            .map(|(key, _)| key)
            .take_while(move |key| key.0 == kind)
            .map(|key| key.2.as_str())
    }
}

fn key_of(kind: &'static str, metadata: &ObjectMeta) -> Key {
    (kind, metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

/// The version of a state as a number; the API server counts upwards.
fn version_of(metadata: &ObjectMeta) -> u64 {
    metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}
