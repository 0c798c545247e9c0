//! Fields that a type does not have.

use serde_json::Value;

use super::arena::{Schema, View};

impl Schema {
    /// The paths of all fields that the type does not declare, as strict decoding names them: `spec.foo`, `spec.containers[0].bar`.
    /// In the order of the object; only the topmost unknown field of a branch is named, and at most a hundred.
    pub fn unknown_fields(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.view(), object, &mut String::new(), &mut found);
        found
    }
}

/// More are not listed.
const MOST: usize = 100;

fn walk(view: View<'_>, value: &Value, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(fields) => {
            // A value of the wrong form is a type error, not an unknown field.
            if view.list().is_some() || view.scalar().is_some() {
                return;
            }
            for (name, value) in fields {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                match view.field(name) {
                    Some(field) => walk(field, value, path, found),
                    None if found.len() < MOST => found.push(path.clone()),
                    None => {}
                }
                path.truncate(length);
            }
        }
        Value::Array(elements) => {
            let Some((items, _)) = view.list() else { return };
            for (position, element) in elements.iter().enumerate() {
                path.push_str(&format!("[{position}]"));
                walk(items, element, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{builtin, from_crd};

    #[test]
    fn unknown_fields_are_named_by_their_path() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "extra": 1, "metadata": { "labels": { "any": "thing" } }, "spec": {
            "containers": [{ "name": "a" }, { "name": "b", "imagge": "x", "resources": { "limits": { "nvidia.com/gpu": "1" } } }] } });
        let found = builtin("", "v1", "Pod").unwrap().unknown_fields(&pod);
        assert_eq!(found, ["extra", "spec.containers[1].imagge"]);
    }

    #[test]
    fn a_custom_resource_knows_what_its_definition_says() {
        let schema =
            from_crd(&json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "size": { "type": "integer" },
            "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } } } }));
        let object = json!({ "apiVersion": "a/v1", "kind": "A", "metadata": { "name": "a", "nam": "b" },
            "spec": { "size": 1, "sise": 2, "any": { "goes": [{ "here": 1 }] } }, "status": {} });
        assert_eq!(schema.unknown_fields(&object), ["metadata.nam", "spec.sise", "status"]);
    }
}
