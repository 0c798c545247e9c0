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

/// Objects of tables with at most this many are parsed once and kept so.
const FEW: usize = 1000;

impl StoreLookup {
    fn value(resource: &Resource, version: &str, object: &Stored, is_one_of_few: bool) -> Arc<Value> {
        if version != resource.storage_version
            && let Some(known) = resource.version(version)
        {
            let mut value = object.value();
            convert(&mut value, known.conversion, false, &resource.gvk(version).api_version());
            return Arc::new(value);
        }
        if is_one_of_few { object.shared_value() } else { Arc::new(object.value()) }
    }
}

impl Lookup for StoreLookup {
    fn get(&self, resource: &Gvr, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let registry = self.0.registry();
        let known = registry.get(&resource.group, &resource.resource)?;
        let object = self.0.shared.store.get(known.table, &known.key(namespace, name))?;
        let is_one_of_few = self.0.shared.store.count(known.table) <= FEW;
        Some(Self::value(known, &resource.version, &object, is_one_of_few))
    }

    fn list(&self, resource: &Gvr, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let registry = self.0.registry();
        let Some(known) = registry.get(&resource.group, &resource.resource) else { return Vec::new() };
        let namespace = namespace.filter(|_| known.is_namespaced);
        let (objects, _) = self.0.shared.store.range(known.table, namespace);
        let are_few = objects.len() <= FEW && !known.is("", "pods");
        objects.iter().map(|object| Self::value(known, &resource.version, object, are_few)).collect()
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
