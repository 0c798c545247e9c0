//! All resources there are, looked up by group and plural.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builtin_kinds::builtin_resources;
use super::resource::Resource;
use crate::store::{Store, TableId};

/// What another part of the program serves under a group and version: an entry for discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedResource {
    /// The plural, as in paths; `nodes/proxy` for a subresource.
    pub plural: String,
    /// The singular.
    pub singular: String,
    /// The kind.
    pub kind: String,
    /// Whether objects live in namespaces.
    pub is_namespaced: bool,
    /// Short names.
    pub short_names: Vec<String>,
    /// The verbs that the handlers answer.
    pub verbs: Vec<String>,
}

/// A mounted group and version.
#[derive(Debug, Clone)]
pub(crate) struct Mounted {
    /// What it has, for discovery.
    pub resources: Vec<MountedResource>,
    /// Who answers.
    pub router: axum::Router,
}

/// The resources. Cloned and replaced as a whole when one is added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    /// Group and version by path segment, such as `metrics.k8s.io/v1beta1`.
    pub mounted: BTreeMap<String, Mounted>,
    /// By group and plural.
    resources: BTreeMap<String, BTreeMap<String, Arc<Resource>>>,
    /// Group names in the order of discovery.
    groups: Vec<String>,
    /// Grows with every change.
    pub generation: u64,
}

impl Registry {
    /// The builtin resources.
    pub fn builtin(store: &Store) -> Self {
        let mut registry = Self::default();
        for resource in builtin_resources(store) {
            registry.insert(resource);
        }
        registry
    }

    /// Adds a resource, or replaces it.
    pub fn insert(&mut self, resource: Resource) {
        if !self.groups.contains(&resource.group) {
            self.groups.push(resource.group.clone());
        }
        self.generation += 1;
        let group = self.resources.entry(resource.group.clone()).or_default();
        group.insert(resource.plural.clone(), Arc::new(resource));
    }

    /// Takes a resource away.
    pub fn remove(&mut self, group: &str, plural: &str) {
        self.generation += 1;
        let Some(resources) = self.resources.get_mut(group) else { return };
        resources.remove(plural);
        if resources.is_empty() {
            self.resources.remove(group);
            self.groups.retain(|known| known != group);
        }
    }

    /// A resource by group and plural.
    pub fn get(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.resources.get(group)?.get(plural)
    }

    /// A resource by group and kind.
    pub fn by_kind(&self, group: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.resources.get(group)?.values().find(|resource| resource.kind == kind)
    }

    /// The first resource that is kept in a table: the one whose group is that of the table.
    pub fn by_table(&self, table: TableId) -> Option<&Arc<Resource>> {
        self.all().find(|resource| resource.table == table && resource.group == resource.storage_group)
    }

    /// The resources of a group, in order of their plurals.
    pub fn of_group(&self, group: &str) -> impl Iterator<Item = &Arc<Resource>> + use<'_> {
        self.resources.get(group).into_iter().flat_map(BTreeMap::values)
    }

    /// All resources.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values().flat_map(BTreeMap::values)
    }

    /// The groups in the order of discovery, the core group first.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}
