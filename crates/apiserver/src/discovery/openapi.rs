//! OpenAPI v3: an index, and a document for each group and version. OpenAPI v2: all of them in one.

use bytes::Bytes;
use serde_json::Value;

use super::groups::{self, Entry, GroupVersion};
use crate::gvk::Gvk;
use crate::http::answer::to_json;
use crate::openapi::{Served, ServedSubresource, document, hash, index, version_two, version_two_bytes};
use crate::schema::{self, Schema};
use crate::server::Server;

/// The document of a path behind `/openapi/`; nothing if there is none.
pub(crate) fn openapi(server: &Server, path: &[&str]) -> Option<Bytes> {
    match path {
        ["v3"] => Some(super::cache::cached(server, "openapi", || to_json(&whole_index(server))).0),
        ["v2"] => Some(super::cache::cached(server, "openapi v2", || to_json(&two(server))).0),
        ["v2", "bytes"] => Some(
            super::cache::cached(server, "openapi v2 bytes", || version_two_bytes(&two(server)).into()).0,
        ),
        ["v3", "api", version] => of(server, "", version),
        ["v3", "apis", group, version] => of(server, group, version),
        _ => None,
    }
}

fn whole_index(server: &Server) -> Value {
    let mut documents: Vec<(String, String)> = Vec::new();
    for group in groups::all(server) {
        for version in &group.versions {
            let path = match group.name.as_str() {
                "" => format!("api/{}", version.name),
                name => format!("apis/{name}/{}", version.name),
            };
            if let Some(document) = of(server, &group.name, &version.name) {
                documents.push((path, hash(&document)));
            }
        }
    }
    documents.sort_unstable();
    index(documents.iter().map(|(path, hash)| (path.as_str(), hash.as_str())))
}

fn two(server: &Server) -> Value {
    let registry_groups = groups::all(server);
    let documents: Vec<Value> = registry_groups
        .iter()
        .flat_map(|group| group.versions.iter().map(move |version| written(server, &group.name, version)))
        .collect();
    version_two(&documents)
}

fn of(server: &Server, group: &str, version: &str) -> Option<Bytes> {
    let all = groups::all(server);
    let found =
        all.iter().find(|known| known.name == group)?.versions.iter().find(|known| known.name == version)?;
    let name = format!("openapi {group}/{version}");
    Some(super::cache::cached(server, &name, || to_json(&written(server, group, found))).0)
}

/// What one kind brings to a document.
struct Kind<'a> {
    entry: &'a Entry,
    schema: Schema,
    verbs: Vec<&'a str>,
    subresources: Vec<ServedSubresource>,
}

fn written(server: &Server, group: &str, version: &GroupVersion) -> Value {
    let registry = server.registry();
    let kinds: Vec<Kind<'_>> = version
        .resources
        .iter()
        .filter_map(|entry| {
            let known = registry.get(group, &entry.plural);
            let schema = match known {
                Some(resource) => resource.schema(resource.version(&version.name)?),
                None => schema::builtin(group, &version.name, &entry.kind).cloned(),
            };
            let subresources = entry.subresources.iter().map(|sub| ServedSubresource {
                name: sub.name.clone(),
                gvk: Gvk::new(&*sub.group, &*sub.version, &*sub.kind),
                verbs: sub.verbs.clone(),
            });
            Some(Kind {
                entry,
                schema: schema?,
                verbs: entry.verbs.iter().map(String::as_str).collect(),
                subresources: subresources.collect(),
            })
        })
        .collect();
    let served: Vec<Served<'_>> = kinds
        .iter()
        .map(|kind| Served {
            kind: &kind.entry.kind,
            plural: &kind.entry.plural,
            namespaced: kind.entry.is_namespaced,
            schema: &kind.schema,
            verbs: &kind.verbs,
            subresources: &kind.subresources,
        })
        .collect();
    document(group, &version.name, &served)
}
