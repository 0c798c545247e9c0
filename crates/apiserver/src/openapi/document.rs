//! The document of one group and version.

use serde_json::{Map, Value, json};

use super::lists::{self, LIST_META};
use super::operations::Target;
use super::served::{Served, ServedSubresource};
use crate::gvk::Gvk;
use crate::schema::{Schema, builtin, builtin_type};

const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

/// The name under which a kind's schema is published: that of the builtin type, or for a custom resource its group backwards, version and kind.
pub fn schema_name(gvk: &Gvk, schema: &Schema) -> String {
    schema.type_name().map_or_else(
        || {
            let mut parts: Vec<&str> = gvk.group.split('.').filter(|part| !part.is_empty()).collect();
            parts.reverse();
            parts.push(&gvk.version);
            parts.push(&gvk.kind);
            parts.join(".")
        },
        str::to_owned,
    )
}

/// The document: paths with their operations, and the schemas that they use.
pub fn document(group: &str, version: &str, kinds: &[Served<'_>]) -> Value {
    let prefix =
        if group.is_empty() { format!("/api/{version}/") } else { format!("/apis/{group}/{version}/") };
    let tag = if group.is_empty() {
        format!("core_{version}")
    } else {
        format!("{}_{version}", short_group(group))
    };
    let mut paths = Map::new();
    let mut schemas = Schemas::default();
    for served in kinds {
        let gvk = Gvk::new(group, version, served.kind);
        schemas.add_kind(&gvk, served.schema);
        let target = Target {
            gvk: &gvk,
            schema: Some(schema_name(&gvk, served.schema)),
            list_schema: Some(format!("{}List", schema_name(&gvk, served.schema))),
            tag: &tag,
            namespaced: served.namespaced,
            strategic: !served.is_custom(),
        };
        add_paths(&mut paths, &prefix, served, &target);
        for subresource in served.subresources {
            add_subresource(&mut paths, &prefix, served, subresource, &target, &mut schemas);
        }
    }
    for name in ["DeleteOptions", "Status"] {
        if let Some(schema) = builtin_type(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}")) {
            schemas.add_type(schema, None);
        }
    }
    paths.sort_keys();
    let mut schemas = schemas.found;
    schemas.entry(LIST_META).or_insert_with(lists::list_meta);
    schemas.entry(PATCH).or_insert_with(lists::patch);
    schemas.sort_keys();
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.37.0" },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "BearerToken": {
                "type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header" } },
        },
    })
}

/// The group without its common end: `rbac.authorization.k8s.io` is `rbacAuthorization`, and `apps` is `apps`.
fn short_group(group: &str) -> String {
    let mut words = group.trim_end_matches(".k8s.io").split('.');
    let mut short = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        short.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        short.push_str(letters.as_str());
    }
    short
}

fn add_paths(paths: &mut Map<String, Value>, prefix: &str, served: &Served<'_>, target: &Target<'_>) {
    let namespace = if served.namespaced { "namespaces/{namespace}/" } else { "" };
    let has = |verb: &str| served.verbs.contains(&verb);
    let mut all = Map::new();
    let mut put = |method: &str, is: bool, operation: &dyn Fn() -> Value| {
        if is {
            all.insert(method.to_owned(), operation());
        }
    };
    put("get", has("list"), &|| target.list());
    put("post", has("create"), &|| target.create());
    put("delete", has("deletecollection"), &|| target.delete(true));
    insert(paths, format!("{prefix}{namespace}{}", served.plural), all, served, false);

    let mut one = Map::new();
    let mut put = |method: &str, is: bool, operation: &dyn Fn() -> Value| {
        if is {
            one.insert(method.to_owned(), operation());
        }
    };
    put("get", has("get"), &|| target.get());
    put("put", has("update"), &|| target.replace());
    put("patch", has("patch"), &|| target.patch());
    put("delete", has("delete"), &|| target.delete(false));
    insert(paths, format!("{prefix}{namespace}{}/{{name}}", served.plural), one, served, true);

    if served.namespaced && has("list") {
        let mut everywhere = Map::new();
        everywhere.insert("get".to_owned(), target.list());
        everywhere.insert("parameters".to_owned(), super::parameters::of_path(false, false, served.kind));
        paths.insert(format!("{prefix}{}", served.plural), Value::Object(everywhere));
    }
}

fn insert(
    paths: &mut Map<String, Value>,
    path: String,
    mut item: Map<String, Value>,
    served: &Served<'_>,
    named: bool,
) {
    if !item.is_empty() {
        item.insert(
            "parameters".to_owned(),
            super::parameters::of_path(served.namespaced, named, served.kind),
        );
        paths.insert(path, Value::Object(item));
    }
}

fn add_subresource(
    paths: &mut Map<String, Value>,
    prefix: &str,
    served: &Served<'_>,
    subresource: &ServedSubresource,
    owner: &Target<'_>,
    schemas: &mut Schemas,
) {
    let gvk = &subresource.gvk;
    let schema = if gvk == owner.gvk {
        owner.schema.clone()
    } else {
        let schema = builtin(&gvk.group, &gvk.version, &gvk.kind);
        if let Some(schema) = schema {
            schemas.add_kind(gvk, schema);
        }
        schema.map(|schema| schema_name(gvk, schema))
    };
    let target = Target { gvk, schema, list_schema: None, ..*owner };
    let mut item = Map::new();
    for verb in &subresource.verbs {
        match verb.as_str() {
            "get" => item.insert("get".to_owned(), target.get()),
            "create" => item.insert("post".to_owned(), target.create()),
            "update" => item.insert("put".to_owned(), target.replace()),
            "patch" => item.insert("patch".to_owned(), target.patch()),
            _ => None,
        };
    }
    let namespace = if served.namespaced { "namespaces/{namespace}/" } else { "" };
    let path = format!("{prefix}{namespace}{}/{{name}}/{}", served.plural, subresource.name);
    insert(paths, path, item, served, true);
}

/// The schemas that a document needs, each once.
#[derive(Default)]
struct Schemas {
    found: Map<String, Value>,
}

impl Schemas {
    /// A kind, its list, and all that they use.
    fn add_kind(&mut self, gvk: &Gvk, schema: &Schema) {
        let name = schema_name(gvk, schema);
        self.add_named(&name, schema, Some(gvk));
        let list = format!("{name}List");
        if !self.found.contains_key(&list) {
            let mut words = lists::schema(&name, &gvk.kind);
            words["x-kubernetes-group-version-kind"] =
                json!([{ "group": gvk.group, "kind": format!("{}List", gvk.kind), "version": gvk.version }]);
            self.found.insert(list, words);
        }
    }

    fn add_type(&mut self, schema: &Schema, gvk: Option<&Gvk>) {
        if let Some(name) = schema.type_name() {
            self.add_named(name, schema, gvk);
        }
    }

    fn add_named(&mut self, name: &str, schema: &Schema, gvk: Option<&Gvk>) {
        if self.found.contains_key(name) {
            return;
        }
        let mut words = schema.to_openapi();
        if let Some(gvk) = gvk {
            words["x-kubernetes-group-version-kind"] =
                json!([{ "group": gvk.group, "kind": gvk.kind, "version": gvk.version }]);
        }
        self.found.insert(name.to_owned(), words);
        for used in schema.named_types() {
            if let Some(name) = used.type_name().filter(|name| !self.found.contains_key(*name)) {
                self.found.insert(name.to_owned(), used.to_openapi());
            }
        }
    }
}
