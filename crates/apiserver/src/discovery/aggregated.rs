//! Everything in one document.

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::groups::{self, Entry, Group};
use crate::http::answer::{respond, to_json};
use crate::server::Server;

const MEDIA_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether a client asks for the aggregated document of version 2.
pub(crate) fn wants_aggregated(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|text| {
        text.split(',').any(|entry| {
            let mut parts: Vec<&str> = entry.split(';').map(str::trim).collect();
            let media = parts.remove(0);
            media == "application/json"
                && parts.contains(&"g=apidiscovery.k8s.io")
                && parts.contains(&"v=v2")
                && parts.contains(&"as=APIGroupDiscoveryList")
        })
    })
}

/// The document of the core group, or of all others.
pub(crate) fn aggregated(server: &Server, is_core: bool, headers: &HeaderMap) -> Response<Body> {
    let key = if is_core { "api" } else { "apis" };
    let (body, tag) = super::cache::cached(server, key, || {
        let items: Vec<Value> =
            groups::all(server).iter().filter(|group| group.name.is_empty() == is_core).map(item).collect();
        to_json(&json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {}, "items": items,
        }))
    });
    let quoted = format!("\"{tag}\"");
    let is_known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(quoted.as_str());
    let mut response =
        respond(200, "application/json", if is_known { bytes::Bytes::new() } else { body }, &[]);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert("vary", HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&quoted) {
        headers.insert(ETAG, tag);
    }
    response
}

fn item(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|version| {
            let resources: Vec<Value> =
                version.resources.iter().map(|entry| resource(&group.name, &version.name, entry)).collect();
            json!({ "version": version.name, "resources": resources, "freshness": "Current" })
        })
        .collect();
    let metadata = if group.name.is_empty() { json!({}) } else { json!({ "name": group.name }) };
    json!({ "metadata": metadata, "versions": versions })
}

fn resource(group: &str, version: &str, entry: &Entry) -> Value {
    let mut resource = json!({
        "resource": entry.plural,
        "responseKind": { "group": group, "version": version, "kind": entry.kind },
        "scope": if entry.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": entry.singular,
        "verbs": entry.verbs,
    });
    if !entry.short_names.is_empty() {
        resource["shortNames"] = json!(entry.short_names);
    }
    if !entry.categories.is_empty() {
        resource["categories"] = json!(entry.categories);
    }
    if !entry.subresources.is_empty() {
        let subresources: Vec<Value> = entry
            .subresources
            .iter()
            .map(|sub| {
                json!({
                    "subresource": sub.name,
                    "responseKind": { "group": sub.group, "version": sub.version, "kind": sub.kind },
                    "verbs": sub.verbs,
                })
            })
            .collect();
        resource["subresources"] = json!(subresources);
    }
    resource
}
