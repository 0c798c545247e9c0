//! One resource: its names, where it is kept, the versions it is served in.

use std::sync::Arc;

use super::convert::Conversion;
use crate::custom::Definition;
use crate::gvk::{Gvk, Gvr};
use crate::schema::{self, Schema};
use crate::store::{FieldPath, TableId};

/// A resource of some group.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, as in paths.
    pub plural: String,
    /// The singular, in lower case.
    pub singular: String,
    /// The kind.
    pub kind: String,
    /// The kind of lists.
    pub list_kind: String,
    /// Whether objects live in namespaces.
    pub is_namespaced: bool,
    /// Short names, such as `po`.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Where objects are kept.
    pub table: TableId,
    /// What field selectors may name, in the order in which the table keeps the values. The names of a version may differ:
    /// see [`Version::field_names`].
    pub fields: Arc<[FieldPath]>,
    /// Versions, the preferred one first.
    pub versions: Vec<Version>,
    /// The version in which objects are kept.
    pub storage_version: String,
    /// The group in which objects are kept, where it is not this one (events).
    pub storage_group: String,
    /// What custom objects look like as they are kept.
    pub storage_schema: Option<Schema>,
    /// The compiled definition of a custom resource.
    pub definition: Option<Arc<Definition>>,
    /// Whether a PUT to a name that does not exist creates the object.
    pub creates_on_update: bool,
    /// Whether an update without a `resourceVersion` is taken.
    pub allows_unconditional_update: bool,
    /// Whether DELETE answers with the object and not with a Status.
    pub returns_deleted: bool,
}

/// One version of a resource.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Such as `v1`.
    pub name: String,
    /// Whether there is a `/status`.
    pub has_status: bool,
    /// Where `/scale` finds its numbers, if there is one.
    pub scale: Option<ScalePaths>,
    /// Further subresources, with the group, version and kind that they take, and their verbs.
    pub subresources: &'static [Subresource],
    /// How an object of the storage version becomes one of this version.
    pub conversion: Conversion,
    /// Field selectors that have other names in this version: (name here, name in the table).
    pub field_names: &'static [(&'static str, &'static str)],
    /// What objects look like; nothing for builtin kinds, whose schemas are known anyway.
    pub schema: Option<Schema>,
    /// What to warn users of this version of.
    pub deprecation: Option<String>,
}

/// A subresource other than status and scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subresource {
    /// Such as `eviction`.
    pub name: &'static str,
    /// The group, version and kind of the bodies.
    pub gvk: (&'static str, &'static str, &'static str),
    /// The verbs.
    pub verbs: &'static [&'static str],
}

/// Where `/scale` finds its numbers: paths of field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    /// The number wanted.
    pub spec_replicas: Vec<String>,
    /// The number there is.
    pub status_replicas: Vec<String>,
    /// The selector, as a text or as a label selector.
    pub selector: Option<Vec<String>>,
}

impl Resource {
    /// `plural`, or `plural.group`: what messages call it, and the name of its table.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The version of this name.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Group, version and kind in a version.
    pub fn gvk(&self, version: &str) -> Gvk {
        Gvk::new(&*self.group, version, &*self.kind)
    }

    /// Group, version and resource in a version.
    pub fn gvr(&self, version: &str) -> Gvr {
        Gvr::new(&*self.group, version, &*self.plural)
    }

    /// Group, version and kind in which objects are kept.
    pub fn storage_gvk(&self) -> Gvk {
        Gvk::new(&*self.storage_group, &*self.storage_version, &*self.kind)
    }

    /// What objects look like in a version.
    pub fn schema(&self, version: &Version) -> Option<Schema> {
        version.schema.clone().or_else(|| schema::builtin(&self.group, &version.name, &self.kind).cloned())
    }

    /// What objects look like as they are kept.
    pub fn kept_schema(&self) -> Option<Schema> {
        let builtin = || schema::builtin(&self.storage_group, &self.storage_version, &self.kind).cloned();
        self.storage_schema.clone().or_else(builtin)
    }

    /// Whether it is this one of the builtin ones.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    /// The key of an object.
    pub fn key(&self, namespace: &str, name: &str) -> String {
        if self.is_namespaced { format!("{namespace}/{name}") } else { name.to_owned() }
    }

    /// The verbs of the resource itself, as discovery lists them.
    pub fn verbs(&self) -> &'static [&'static str] {
        if self.is("", "namespaces") {
            return &["create", "delete", "get", "list", "patch", "update", "watch"];
        }
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }
}
