//! What admission needs to see of what is stored.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::builtin;
use crate::gvk::{Gvk, Gvr};

/// The stored objects, as admission reads them.
pub trait Lookup: Send + Sync {
    /// The object of this name; `namespace` is empty for cluster-scoped kinds.
    fn get(&self, resource: &Gvr, namespace: &str, name: &str) -> Option<Arc<Value>>;

    /// All objects of a namespace, or of all namespaces, ordered by namespace and name.
    fn list(&self, resource: &Gvr, namespace: Option<&str>) -> Vec<Arc<Value>>;

    /// The resource and scope under which a kind is served; `None` if it is not. The kind of a policy's params.
    fn resource_of(&self, _gvk: &Gvk) -> Option<(Gvr, bool)> {
        None
    }

    /// The other versions under which the same objects are served, for rules that match equivalent requests. An object
    /// is brought to such a version by its `apiVersion` alone (conversion strategy `None`).
    fn equivalents(&self, _resource: &Gvr) -> Vec<(Gvr, Gvk)> {
        Vec::new()
    }

    /// Sets defaults again after a webhook has changed an object.
    fn default_again(&self, gvk: &Gvk, object: &mut Value, now: Timestamp) {
        builtin::default(gvk, object, now);
    }
}
