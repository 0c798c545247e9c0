//! The operations of a path.

use serde_json::{Map, Value, json};

use super::parameters;
use crate::gvk::Gvk;
use crate::schema::reference;

/// What a path is about.
pub(super) struct Target<'a> {
    /// The kind that is read and written there.
    pub(super) gvk: &'a Gvk,
    /// The name of its schema, if it is published.
    pub(super) schema: Option<String>,
    /// The name of its list's schema.
    pub(super) list_schema: Option<String>,
    /// The group that the path belongs to, as operations call it: `apps_v1`.
    pub(super) tag: &'a str,
    pub(super) namespaced: bool,
    /// Whether strategic merge patches are taken.
    pub(super) strategic: bool,
}

const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

impl Target<'_> {
    fn operation(&self, action: &str, verb: &str, parameters: Vec<Value>) -> Map<String, Value> {
        let scope = if self.namespaced { "Namespaced" } else { "" };
        let mut operation = Map::new();
        operation.insert("tags".into(), json!([self.tag]));
        operation.insert("description".into(), Value::from(format!("{verb} {}", self.gvk.kind)));
        operation.insert(
            "operationId".into(),
            Value::from(format!("{action}{}{scope}{}", camel(self.tag), self.gvk.kind)),
        );
        operation.insert("parameters".into(), Value::Array(parameters));
        operation.insert("x-kubernetes-action".into(), Value::from(action));
        operation.insert(
            "x-kubernetes-group-version-kind".into(),
            json!({ "group": self.gvk.group, "kind": self.gvk.kind, "version": self.gvk.version }),
        );
        operation
    }

    pub(super) fn list(&self) -> Value {
        let mut operation = self.operation("list", "list or watch objects of kind", parameters::of_list());
        answers(&mut operation, &["200"], self.list_schema.as_deref());
        Value::Object(operation)
    }

    pub(super) fn get(&self) -> Value {
        let mut operation = self.operation("get", "read the specified", Vec::new());
        answers(&mut operation, &["200"], self.schema.as_deref());
        Value::Object(operation)
    }

    pub(super) fn create(&self) -> Value {
        let mut operation = self.operation("post", "create a", parameters::of_write());
        takes(&mut operation, &["*/*"], self.schema.as_deref());
        answers(&mut operation, &["200", "201", "202"], self.schema.as_deref());
        Value::Object(operation)
    }

    pub(super) fn replace(&self) -> Value {
        let mut operation = self.operation("put", "replace the specified", parameters::of_write());
        takes(&mut operation, &["*/*"], self.schema.as_deref());
        answers(&mut operation, &["200", "201"], self.schema.as_deref());
        Value::Object(operation)
    }

    pub(super) fn patch(&self) -> Value {
        let mut operation = self.operation("patch", "partially update the specified", parameters::of_patch());
        let mut types = vec![
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
        ];
        if self.strategic {
            types.push("application/strategic-merge-patch+json");
        }
        takes(&mut operation, &types, Some("io.k8s.apimachinery.pkg.apis.meta.v1.Patch"));
        answers(&mut operation, &["200", "201"], self.schema.as_deref());
        Value::Object(operation)
    }

    pub(super) fn delete(&self, collection: bool) -> Value {
        let (action, verb) =
            if collection { ("deletecollection", "delete collection of") } else { ("delete", "delete a") };
        let mut parameters = parameters::of_delete();
        if collection {
            parameters.extend(parameters::of_list());
            parameters.dedup_by(|one, other| one == other);
        }
        let mut operation = self.operation(action, verb, parameters);
        takes(&mut operation, &["*/*"], Some(DELETE_OPTIONS));
        answers(&mut operation, &["200"], Some(STATUS));
        Value::Object(operation)
    }
}

/// `apps_v1` as `AppsV1`.
fn camel(tag: &str) -> String {
    let mut words = String::new();
    for word in tag.split(['_', '.']) {
        let mut letters = word.chars();
        words.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        words.push_str(letters.as_str());
    }
    words
}

fn content(types: &[&str], schema: Option<&str>) -> Value {
    let schema = schema.map_or_else(|| json!({ "type": "object" }), reference);
    Value::Object(types.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": schema }))).collect())
}

fn takes(operation: &mut Map<String, Value>, types: &[&str], schema: Option<&str>) {
    operation.insert("requestBody".into(), json!({ "content": content(types, schema), "required": true }));
}

fn answers(operation: &mut Map<String, Value>, codes: &[&str], schema: Option<&str>) {
    let body = content(&["application/json", "application/yaml"], schema);
    let describe = |code: &str| match code {
        "200" => "OK",
        "201" => "Created",
        _ => "Accepted",
    };
    let mut responses: Map<String, Value> = codes
        .iter()
        .map(|code| ((*code).to_owned(), json!({ "description": describe(code), "content": body })))
        .collect();
    responses.insert("401".into(), json!({ "description": "Unauthorized" }));
    operation.insert("responses".into(), Value::Object(responses));
}
