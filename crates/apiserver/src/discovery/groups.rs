//! Groups, versions and resources, as both kinds of discovery list them.

use std::collections::BTreeMap;

use crate::resources::{Registry, Resource, Version};
use crate::server::Server;
use crate::verbs::REVIEWS;

/// A group.
pub(super) struct Group {
    pub name: String,
    /// The preferred one first.
    pub versions: Vec<GroupVersion>,
}

/// A version of a group.
pub(super) struct GroupVersion {
    pub name: String,
    pub resources: Vec<Entry>,
}

/// A resource in a version.
pub(super) struct Entry {
    pub plural: String,
    pub singular: String,
    pub kind: String,
    pub is_namespaced: bool,
    pub verbs: Vec<String>,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub subresources: Vec<SubEntry>,
}

/// A subresource.
pub(super) struct SubEntry {
    pub name: String,
    pub group: String,
    pub version: String,
    pub kind: String,
    pub verbs: Vec<String>,
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// All groups, the core group first.
pub(super) fn all(server: &Server) -> Vec<Group> {
    let registry = server.registry();
    let mut names: Vec<String> = registry.groups().to_vec();
    let reviews = REVIEWS.iter().map(|(group, ..)| (*group).to_owned());
    let mounted =
        registry.mounted.keys().filter_map(|path| path.split_once('/')).map(|(group, _)| group.to_owned());
    for name in reviews.chain(mounted) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.iter().map(|name| group(server, &registry, name)).collect()
}

fn group(server: &Server, registry: &Registry, name: &str) -> Group {
    let mut versions: Vec<GroupVersion> = Vec::new();
    let mut at = |version: &str, entry: Entry| match versions.iter_mut().find(|known| known.name == version) {
        Some(known) => known.resources.push(entry),
        None => versions.push(GroupVersion { name: version.to_owned(), resources: vec![entry] }),
    };
    for resource in registry.of_group(name) {
        for version in &resource.versions {
            at(&version.name, entry(server, resource, version));
        }
    }
    for (_, plural, kind, is_namespaced) in REVIEWS.iter().filter(|(group, ..)| *group == name) {
        at("v1", created_only(plural, kind, *is_namespaced));
    }
    if name.is_empty() {
        at("v1", created_only("bindings", "Binding", true));
    }
    for (path, mounted) in &registry.mounted {
        let Some((_, version)) = path.split_once('/').filter(|(group, _)| *group == name) else { continue };
        let mut under: BTreeMap<&str, Vec<SubEntry>> = BTreeMap::new();
        for sub in &mounted.resources {
            if let Some((parent, own)) = sub.plural.split_once('/') {
                under.entry(parent).or_default().push(SubEntry {
                    name: own.to_owned(),
                    group: name.to_owned(),
                    version: version.to_owned(),
                    kind: sub.kind.clone(),
                    verbs: sub.verbs.clone(),
                });
            }
        }
        for it in mounted.resources.iter().filter(|it| !it.plural.contains('/')) {
            at(
                version,
                Entry {
                    plural: it.plural.clone(),
                    singular: it.singular.clone(),
                    kind: it.kind.clone(),
                    is_namespaced: it.is_namespaced,
                    verbs: it.verbs.clone(),
                    short_names: it.short_names.clone(),
                    categories: Vec::new(),
                    subresources: under.remove(it.plural.as_str()).unwrap_or_default(),
                },
            );
        }
    }
    for version in &mut versions {
        version.resources.sort_by(|left, right| left.plural.cmp(&right.plural));
    }
    Group { name: name.to_owned(), versions }
}

fn created_only(plural: &str, kind: &str, is_namespaced: bool) -> Entry {
    Entry {
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        is_namespaced,
        verbs: owned(&["create"]),
        short_names: Vec::new(),
        categories: Vec::new(),
        subresources: Vec::new(),
    }
}

fn entry(server: &Server, resource: &Resource, version: &Version) -> Entry {
    let own = |name: &str, verbs: &[&str]| SubEntry {
        name: name.to_owned(),
        group: resource.group.clone(),
        version: version.name.clone(),
        kind: resource.kind.clone(),
        verbs: owned(verbs),
    };
    let mut subresources: Vec<SubEntry> = version
        .subresources
        .iter()
        .map(|known| SubEntry {
            name: known.name.to_owned(),
            group: known.gvk.0.to_owned(),
            version: known.gvk.1.to_owned(),
            kind: known.gvk.2.to_owned(),
            verbs: owned(known.verbs),
        })
        .collect();
    if version.scale.is_some() {
        subresources.push(SubEntry {
            name: "scale".to_owned(),
            group: "autoscaling".to_owned(),
            version: "v1".to_owned(),
            kind: "Scale".to_owned(),
            verbs: owned(&["get", "patch", "update"]),
        });
    }
    if version.has_status {
        subresources.push(own("status", &["get", "patch", "update"]));
    }
    for mounted in server.mounted_subresources(&resource.group, &resource.plural) {
        if subresources.iter().any(|known| known.name == mounted) {
            continue;
        }
        let verbs: &[&str] =
            if mounted == "proxy" { &["create", "delete", "get", "patch", "update"] } else { &["get"] };
        let mut entry = own(&mounted, verbs);
        if mounted == "proxy" {
            entry.kind = format!("{}ProxyOptions", resource.kind);
        }
        subresources.push(entry);
    }
    subresources.sort_by(|left, right| left.name.cmp(&right.name));
    Entry {
        plural: resource.plural.clone(),
        singular: resource.singular.clone(),
        kind: resource.kind.clone(),
        is_namespaced: resource.is_namespaced,
        verbs: owned(resource.verbs()),
        short_names: resource.short_names.clone(),
        categories: resource.categories.clone(),
        subresources,
    }
}
