//! Group by group, for clients that do not ask for more.

use serde_json::{Value, json};

use super::groups::{self, Entry, Group};
use crate::server::Server;

/// `/api`.
pub(crate) fn core_versions() -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443" }],
    })
}

/// `/apis`.
pub(crate) fn groups(server: &Server) -> Value {
    let list: Vec<Value> =
        groups::all(server).iter().filter(|group| !group.name.is_empty()).map(described).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": list })
}

/// `/apis/GROUP`.
pub(crate) fn group(server: &Server, name: &str) -> Option<Value> {
    let all = groups::all(server);
    let mut group = described(all.iter().find(|group| group.name == name && !name.is_empty())?);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

fn described(group: &Group) -> Value {
    let version = |name: &str| json!({ "groupVersion": format!("{}/{name}", group.name), "version": name });
    let versions: Vec<Value> = group.versions.iter().map(|known| version(&known.name)).collect();
    json!({
        "name": group.name,
        "versions": versions,
        "preferredVersion": versions.first().cloned().unwrap_or_else(|| json!({})),
    })
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub(crate) fn resources(server: &Server, group: &str, version: &str) -> Option<Value> {
    let all = groups::all(server);
    let found = all.iter().find(|known| known.name == group)?;
    let found = found.versions.iter().find(|known| known.name == version)?;
    let group_version = crate::gvk::join_api_version(group, version);
    let list: Vec<Value> = found.resources.iter().flat_map(|entry| listed(group, version, entry)).collect();
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version, "resources": list,
    }))
}

fn listed(group: &str, version: &str, entry: &Entry) -> Vec<Value> {
    let mut own = json!({
        "name": entry.plural,
        "singularName": entry.singular,
        "namespaced": entry.is_namespaced,
        "kind": entry.kind,
        "verbs": entry.verbs,
    });
    if !entry.short_names.is_empty() {
        own["shortNames"] = json!(entry.short_names);
    }
    if !entry.categories.is_empty() {
        own["categories"] = json!(entry.categories);
    }
    let mut list = vec![own];
    for sub in &entry.subresources {
        let mut listed = json!({
            "name": format!("{}/{}", entry.plural, sub.name),
            "singularName": "",
            "namespaced": entry.is_namespaced,
            "kind": sub.kind,
            "verbs": sub.verbs,
        });
        if sub.group != group || sub.version != version {
            listed["group"] = json!(sub.group);
            listed["version"] = json!(sub.version);
        }
        list.push(listed);
    }
    list
}

/// `/`.
pub(crate) fn paths(server: &Server) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in groups::all(server).iter().filter(|group| !group.name.is_empty()) {
        paths.push(format!("/apis/{}", group.name));
        paths.extend(group.versions.iter().map(|version| format!("/apis/{}/{}", group.name, version.name)));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    json!({ "paths": paths })
}
