//! OpenAPI v2, for clients that do not know v3: the documents of all groups and versions in one, rewritten.

use serde_json::{Map, Value, json};

/// What of a schema v2 does not know.
const NOT_IN_TWO: [&str; 4] = ["nullable", "oneOf", "anyOf", "not"];

/// One document of version 2 with everything that these documents of version 3 have.
pub fn version_two<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for document in documents {
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            paths.insert(path.clone(), path_item(item));
        }
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            // A type that several groups use is the same in all of them, but for the kinds that it says it is of.
            let kinds = "x-kubernetes-group-version-kind";
            let known = definitions.get(name).is_some_and(|known: &Value| known.get(kinds).is_some());
            if !known {
                definitions.insert(name.clone(), self::schema(schema));
            }
        }
    }
    paths.sort_keys();
    definitions.sort_keys();
    json!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": "v1.37.0" },
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": { "BearerToken": {
            "type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header" } },
        "security": [{ "BearerToken": [] }],
    })
}

fn path_item(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten().map(|(name, value)| {
        let value = if name == "parameters" { parameters(value) } else { operation(value) };
        (name.clone(), value)
    });
    Value::Object(members.collect())
}

fn operation(operation: &Value) -> Value {
    let mut two = Map::new();
    for (name, value) in operation.as_object().into_iter().flatten() {
        match name.as_str() {
            "parameters" | "requestBody" => {}
            "responses" => {
                let content = &value["200"]["content"];
                two.insert("produces".to_owned(), media_types(content));
                let responses = value.as_object().into_iter().flatten();
                let responses = responses.map(|(code, response)| {
                    let mut two = json!({ "description": response["description"] });
                    if let Some(first) = first_schema(&response["content"]) {
                        two["schema"] = schema(first);
                    }
                    (code.clone(), two)
                });
                two.insert(name.clone(), Value::Object(responses.collect()));
            }
            _ => {
                two.insert(name.clone(), value.clone());
            }
        }
    }
    let mut all = parameters(&operation["parameters"]);
    let body = &operation["requestBody"];
    if let Some(first) = first_schema(&body["content"]) {
        two.insert("consumes".to_owned(), media_types(&body["content"]));
        if let Some(all) = all.as_array_mut() {
            all.insert(0, json!({ "name": "body", "in": "body", "required": body["required"], "schema": schema(first) }));
        }
    }
    two.insert("parameters".to_owned(), all);
    two.insert("schemes".to_owned(), json!(["https"]));
    Value::Object(two)
}

fn media_types(content: &Value) -> Value {
    content.as_object().into_iter().flatten().map(|(media, _)| Value::from(media.as_str())).collect()
}

fn first_schema(content: &Value) -> Option<&Value> {
    content.as_object()?.values().next()?.get("schema")
}

/// Parameters say their type themselves, not in a schema.
fn parameters(parameters: &Value) -> Value {
    let two = parameters.as_array().into_iter().flatten().map(|parameter| {
        let mut two = parameter.as_object().cloned().unwrap_or_default();
        if let Some(Value::Object(schema)) = two.shift_remove("schema") {
            two.extend(schema);
        }
        Value::Object(two)
    });
    two.collect()
}

/// A schema as version 2 writes it: references to `definitions`, no alternatives, no nulls.
fn schema(schema: &Value) -> Value {
    match schema {
        Value::Object(words) => {
            // Version 3 wraps a reference that has a description or a default.
            if let Some([only]) = words.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
                let mut two = self::schema(only);
                if let (Some(description), Some(two)) = (words.get("description"), two.as_object_mut()) {
                    two.insert("description".to_owned(), description.clone());
                }
                return two;
            }
            let mut two = Map::new();
            for (name, value) in words {
                match (name.as_str(), value) {
                    ("$ref", Value::String(target)) => {
                        let target = target.replace("#/components/schemas/", "#/definitions/");
                        two.insert(name.clone(), Value::String(target));
                    }
                    // Fields may have any name.
                    ("properties", Value::Object(fields)) => {
                        let fields = fields.iter().map(|(name, field)| (name.clone(), self::schema(field)));
                        two.insert(name.clone(), Value::Object(fields.collect()));
                    }
                    ("items" | "additionalProperties", value) => {
                        two.insert(name.clone(), self::schema(value));
                    }
                    (name, _) if NOT_IN_TWO.contains(&name) => {}
                    (name, value) => {
                        two.insert(name.to_owned(), value.clone());
                    }
                }
            }
            if words.contains_key("oneOf") && !two.contains_key("type") {
                // A quantity or a port: what can be either is written as a text.
                two.insert("type".to_owned(), Value::from("string"));
            }
            Value::Object(two)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_version_three_is_rewritten() {
        let reference = json!({ "$ref": "#/components/schemas/a.Ship" });
        let three = json!({
            "paths": { "/apis/a/v1/ships": {
                "parameters": [{ "name": "pretty", "in": "query", "schema": { "type": "string" } }],
                "post": {
                    "operationId": "create",
                    "parameters": [{ "name": "dryRun", "in": "query", "schema": { "type": "string" } }],
                    "requestBody": { "required": true, "content": { "*/*": { "schema": reference } } },
                    "responses": { "200": { "description": "OK", "content": { "application/json": { "schema": reference } } } },
                },
            } },
            "components": { "schemas": { "a.Ship": { "type": "object", "nullable": true, "properties": {
                "properties": { "type": "array", "items": reference },
                "amount": { "oneOf": [{ "type": "string" }, { "type": "number" }] },
                "other": { "allOf": [reference], "default": {}, "description": "The other." },
            } } } },
        });
        let two = version_two([&three]);
        let reference = json!({ "$ref": "#/definitions/a.Ship" });
        assert_eq!(
            two["definitions"],
            json!({ "a.Ship": { "type": "object", "properties": {
            "properties": { "type": "array", "items": reference },
            "amount": { "type": "string" },
            "other": { "$ref": "#/definitions/a.Ship", "description": "The other." },
        } } })
        );
        assert_eq!(
            two["paths"],
            json!({ "/apis/a/v1/ships": {
            "parameters": [{ "name": "pretty", "in": "query", "type": "string" }],
            "post": {
                "operationId": "create",
                "produces": ["application/json"],
                "responses": { "200": { "description": "OK", "schema": reference } },
                "consumes": ["*/*"],
                "parameters": [
                    { "name": "body", "in": "body", "required": true, "schema": reference },
                    { "name": "dryRun", "in": "query", "type": "string" },
                ],
                "schemes": ["https"],
            },
        } })
        );
    }
}
