//! The objects of one kind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

/// Namespace and name; the namespace is empty for what has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace, empty for objects of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of a namespace and a name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object of the cluster.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self::new(String::new(), name)
    }

    /// The key of an object.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            out.write_str(&self.name)
        } else {
            write!(out, "{}/{}", self.namespace, self.name)
        }
    }
}

/// The objects of one kind, in the order of their keys.
#[derive(Debug, Clone)]
pub struct Store<T> {
    objects: BTreeMap<Key, Arc<T>>,
    /// The resource version at which a key was seen to go, while the watch may still speak of the time before.
    gone: BTreeMap<Key, u64>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), gone: BTreeMap::new() }
    }
}

impl<T: Resource> Store<T> {
    /// The object of a key.
    pub fn get(&self, key: &Key) -> Option<&Arc<T>> {
        self.objects.get(key)
    }

    /// The object of a namespace and a name.
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        self.objects.get(&Key::new(namespace, name))
    }

    /// All objects with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<T>)> {
        self.objects.iter()
    }

    /// All objects.
    pub fn values(&self) -> impl Iterator<Item = &Arc<T>> {
        self.objects.values()
    }

    /// The objects of one namespace.
    pub fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Arc<T>)> {
        self.objects.range(Key::new(namespace, "")..).take_while(move |(key, _)| key.namespace == namespace)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether this version of an object, or a later one, or its end, is known already.
    pub(super) fn knows(&self, key: &Key, version: u64) -> bool {
        self.gone.get(key).is_some_and(|gone| *gone >= version)
            || self.objects.get(key).is_some_and(|known| self::version(known.meta()) >= version)
    }

    /// Takes an object in unless a newer version of it, or its end, is known. Returns whether it was news, and the version
    /// before.
    pub(super) fn put(&mut self, object: Arc<T>) -> Option<Option<Arc<T>>> {
        let key = Key::of(object.meta());
        let version = version(object.meta());
        if self.knows(&key, version) {
            return None;
        }
        self.gone.remove(&key);
        Some(self.objects.insert(key, object))
    }

    /// Takes an object out, which ended at this resource version, unless a newer one of the name is known.
    pub(super) fn take(&mut self, key: &Key, version: u64) -> Option<Arc<T>> {
        let known = self.objects.get(key)?;
        if self::version(known.meta()) > version {
            return None;
        }
        self.gone.insert(key.clone(), version);
        self.objects.remove(key)
    }

    /// Forgets what ended up to this resource version: the watch has come past it.
    pub(super) fn forget_gone(&mut self, version: u64) {
        self.gone.retain(|_, gone| *gone > version);
    }

    /// How many ends are remembered.
    pub(super) fn gone_count(&self) -> usize {
        self.gone.len()
    }

    /// The keys of all objects.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }
}

/// The resource version as a number; zero for what has none.
pub(super) fn version(metadata: &ObjectMeta) -> u64 {
    metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}
