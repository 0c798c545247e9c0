//! The document, from the table of routes.

use serde_json::{Map, Value, json};

use crate::http::openapi::Parameter;
use crate::http::openapi::parts::{object, one_of, text};
use crate::http::openapi::schemas;
use crate::http::routes::{ROUTES, Route};

/// What an answer looks like.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Data of a schema, in an envelope.
    Data(&'static str),
    /// The same, or a table if it is asked for.
    Table(&'static str),
    /// Text.
    Text,
    /// An object of its own.
    Document,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// The document.
pub fn document(version: &str) -> Value {
    let paths: Map<String, Value> =
        ROUTES.iter().map(|route| (route.path.to_owned(), operations(route))).collect();
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "supercargo cost",
            "version": version,
            "description": "Allocations and assets, compatible with OpenCost. GET and POST are the same; parameters of the query \
                            string and of a form count together.",
        },
        "servers": [{"url": "/"}, {"url": "/model", "description": "the same, as Kubecost has it"}],
        "paths": paths,
        "components": {"schemas": schemas::all()},
    })
}

fn operations(route: &Route) -> Value {
    let parameters: Vec<&Parameter> = route.parameters.iter().flat_map(|list| list.iter()).collect();
    let required = |name: &str| matches!(name, "window" | "field");
    let in_query = |parameter: &&Parameter| {
        let mut value = json!({
            "name": parameter.name,
            "in": "query",
            "required": required(parameter.name),
            "description": parameter.about,
            "schema": parameter.schema(),
        });
        if let (Some(example), Value::Object(fields)) = (parameter.example(), &mut value)
            && required(parameter.name)
        {
            fields.insert("example".to_owned(), example.into());
        }
        value
    };
    let mut properties = Map::new();
    let mut example = Map::new();
    for parameter in &parameters {
        properties.insert(parameter.name.to_owned(), described(parameter));
        if let (true, Some(value)) = (required(parameter.name), parameter.example()) {
            example.insert(parameter.name.to_owned(), value.into());
        }
    }
    let needed: Vec<&str> = parameters.iter().map(|one| one.name).filter(|name| required(name)).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    let mut content = json!({});
    if let (false, Value::Object(fields), Value::Object(content)) =
        (needed.is_empty(), &mut schema, &mut content)
    {
        fields.insert("required".to_owned(), needed.clone().into());
        content.insert("example".to_owned(), Value::Object(example));
    }
    if let Value::Object(content) = &mut content {
        content.insert("schema".to_owned(), schema);
    }
    let body = json!({
        "required": !needed.is_empty(),
        "content": {"application/x-www-form-urlencoded": content},
    });
    let get = json!({
        "summary": route.about,
        "operationId": id("get", route.path),
        "parameters": parameters.iter().map(in_query).collect::<Vec<_>>(),
        "responses": responses(route, !parameters.is_empty(), false),
    });
    let post = json!({
        "summary": route.about,
        "operationId": id("post", route.path),
        "requestBody": body,
        "responses": responses(route, !parameters.is_empty(), true),
    });
    match route.changes {
        true => json!({"post": post}),
        false => json!({"get": get, "post": post}),
    }
}

/// `get` and `/allocation/summary` as `getAllocationSummary`.
fn id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for word in path.split(['/', '.']).filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    id
}

fn described(parameter: &Parameter) -> Value {
    let mut schema = parameter.schema();
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), parameter.about.into());
    }
    schema
}

fn responses(route: &Route, has_parameters: bool, has_body: bool) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let enveloped = |name: &str| {
        object(
            vec![
                ("code", json!({"type": "integer", "enum": [200]})),
                ("status", one_of(&["success"])),
                ("data", reference(name)),
            ],
            vec![("warning", text())],
        )
    };
    let content = match route.shape {
        Shape::Data(name) => json!({JSON: {"schema": enveloped(name)}}),
        Shape::Table(name) => {
            json!({JSON: {"schema": enveloped(name)}, "text/csv": {"schema": {"type": "string"}}})
        }
        Shape::Text => json!({TEXT: {"schema": {"type": "string"}}}),
        Shape::Document => json!({JSON: {"schema": {"type": "object"}}}),
    };
    let error = json!({"schema": reference("Error")});
    let mut responses = Map::new();
    let mut put = |code: &str, about: &str, content: Value| {
        responses.insert(code.to_owned(), json!({"description": about, "content": content}));
    };
    put("200", "the answer", content);
    if has_parameters {
        let plain = json!({"schema": {"type": "string", "pattern": "^Invalid 'window' parameter: "}});
        put(
            "400",
            "a parameter cannot be; if it is the window, in OpenCost's words",
            json!({JSON: error, TEXT: plain}),
        );
    }
    if has_body {
        put("413", "the form is too long", json!({JSON: error}));
        put("415", "the body is no form", json!({JSON: error}));
    }
    if route.changes {
        put("502", "prices cannot be fetched", json!({JSON: error}));
    }
    put("405", "the path is not for this method", json!({JSON: error}));
    Value::Object(responses)
}
