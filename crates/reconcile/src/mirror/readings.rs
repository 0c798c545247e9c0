//! What was read lately, for all mirrors of a process that see one API server: a version of an object is read from its JSON once,
//! and the mirrors share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kinds::{Kind, Object};
use super::store::{Key, version};

/// Objects of each kind with their versions.
type Known = BTreeMap<Kind, BTreeMap<Key, (u64, Object)>>;

/// The newest version of each object that any of the mirrors has read. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Readings(Arc<Mutex<Known>>);

impl Readings {
    /// This version of an object, if one of the mirrors has it.
    pub(crate) fn get(&self, kind: Kind, key: &Key, version: u64) -> Option<Object> {
        let readings = self.lock();
        let (known, object) = readings.get(&kind)?.get(key)?;
        (*known == version && version > 0).then(|| object.clone())
    }

    /// One of the mirrors has read an object.
    pub(crate) fn put(&self, object: &Object) {
        let version = version(object.metadata());
        let mut readings = self.lock();
        let objects = readings.entry(object.kind()).or_default();
        match objects.get_mut(&object.key()) {
            Some((known, _)) if *known >= version => {}
            Some(known) => *known = (version, object.clone()),
            None => {
                objects.insert(object.key(), (version, object.clone()));
            }
        }
    }

    /// An object is gone.
    pub(crate) fn forget(&self, kind: Kind, key: &Key) {
        if let Some(objects) = self.lock().get_mut(&kind) {
            objects.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // nothing is left half changed
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(version: u64) -> Object {
        let metadata = json!({"name": "a", "resourceVersion": version.to_string()});
        Kind::Node.read_value(json!({"metadata": metadata})).unwrap()
    }

    #[test]
    fn only_the_version_asked_for_is_given_and_the_newest_is_kept() {
        let readings = Readings::default();
        let key = Key::cluster("a");
        readings.put(&node(7));
        readings.put(&node(6));
        assert!(readings.get(Kind::Node, &key, 6).is_none());
        let known = readings.get(Kind::Node, &key, 7).unwrap();
        assert_eq!(known.metadata().resource_version.as_deref(), Some("7"));
        readings.put(&node(8));
        assert!(readings.get(Kind::Node, &key, 7).is_none());
        readings.forget(Kind::Node, &key);
        assert!(readings.get(Kind::Node, &key, 8).is_none());
    }
}
