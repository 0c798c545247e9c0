//! What is stored, as admission reads it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::admission::Lookup;
use crate::gvk::{Gvk, Gvr};
use crate::resources::{Resource, convert};
use crate::server::Server;
use crate::store::Stored;

/// The storage behind a server.
pub(crate) struct StoreLookup(pub Server);

impl StoreLookup {
    fn value(resource: &Resource, version: &str, object: &Stored) -> Arc<Value> {
        let mut value = object.value();
        if version != resource.storage_version
            && let Some(known) = resource.version(version)
        {
            convert(&mut value, known.conversion, false, &resource.gvk(version).api_version());
        }
        Arc::new(value)
    }
}

impl Lookup for StoreLookup {
    fn get(&self, resource: &Gvr, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let registry = self.0.registry();
        let known = registry.get(&resource.group, &resource.resource)?;
        let object = self.0.shared.store.get(known.table, &known.key(namespace, name))?;
        Some(Self::value(known, &resource.version, &object))
    }

    fn list(&self, resource: &Gvr, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let registry = self.0.registry();
        let Some(known) = registry.get(&resource.group, &resource.resource) else { return Vec::new() };
        let namespace = namespace.filter(|_| known.is_namespaced);
        let (objects, _) = self.0.shared.store.range(known.table, namespace);
        objects.iter().map(|object| Self::value(known, &resource.version, object)).collect()
    }

    fn resource_of(&self, gvk: &Gvk) -> Option<(Gvr, bool)> {
        let registry = self.0.registry();
        let known = registry.by_kind(&gvk.group, &gvk.kind)?;
        known.version(&gvk.version)?;
        Some((known.gvr(&gvk.version), known.is_namespaced))
    }

    fn equivalents(&self, resource: &Gvr) -> Vec<(Gvr, Gvk)> {
        let registry = self.0.registry();
        let Some(known) = registry.get(&resource.group, &resource.resource) else { return Vec::new() };
        let others = known.versions.iter().filter(|version| version.name != resource.version);
        others.map(|version| (known.gvr(&version.name), known.gvk(&version.name))).collect()
    }

    fn default_again(&self, gvk: &Gvk, object: &mut Value, now: Timestamp) {
        let registry = self.0.registry();
        match registry.by_kind(&gvk.group, &gvk.kind).and_then(|known| known.definition.clone()) {
            Some(definition) => {
                definition.prune(&gvk.version, object);
                definition.default(&gvk.version, object);
            }
            None => crate::builtin::default(gvk, object, now),
        }
    }
}
