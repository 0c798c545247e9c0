//! Values of the wrong type, worded as the decoder of Kubernetes words them.

use serde_json::Value;

use super::arena::{Schema, Shape, View};
use super::go_names::{struct_text, type_text};
use super::scalars::{Refused, check};

/// A value that does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TypeError {
    /// Where: `spec.containers[0].image`.
    pub path: String,
    /// What the decoder says: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
    pub message: String,
}

impl Schema {
    /// Values of the wrong type, in the order of the object and at most a hundred; the decoder reports the first. Unknown fields are no type errors, and neither is
    /// `null`, which reads as absent. Of custom resources only `metadata` is looked at: the rest is for their validation.
    pub fn check_types(&self, object: &Value) -> Vec<TypeError> {
        let mut walker = Walker { path: String::new(), fields: String::new(), errors: Vec::new() };
        let view = self.view();
        if view.type_name().is_none() {
            if let (Some(meta), Some(value)) = (view.field("metadata"), object.get("metadata")) {
                walker.descend("metadata", |walker| walker.walk(meta, value, "ObjectMeta"));
            }
        } else {
            walker.walk(view, object, "");
        }
        walker.errors
    }
}

/// More are not listed.
const MOST: usize = 100;

struct Walker {
    /// With positions of elements.
    path: String,
    /// Names only, as the decoder's own stack has it.
    fields: String,
    errors: Vec<TypeError>,
}

impl Walker {
    fn descend(&mut self, name: &str, then: impl FnOnce(&mut Walker)) {
        let (path, fields) = (self.path.len(), self.fields.len());
        for text in [&mut self.path, &mut self.fields] {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
        then(self);
        self.path.truncate(path);
        self.fields.truncate(fields);
    }

    /// `owner` is the innermost struct.
    fn walk(&mut self, view: View<'_>, value: &Value, owner: &str) {
        if value.is_null() || self.errors.len() >= MOST {
            return;
        }
        match (view.shape(), value) {
            (Shape::Object(object), Value::Object(values)) => {
                let inner = if object.fields.is_empty() { owner } else { struct_text(view) };
                for (name, value) in values {
                    let Some(field) = view.field(name) else { continue };
                    if object.fields.contains_key(name.as_str()) {
                        self.descend(name, |walker| walker.walk(field, value, inner));
                    } else {
                        // Keys of maps are no fields to the decoder.
                        let length = self.path.len();
                        self.path.push_str(&format!(".{name}"));
                        self.walk(field, value, inner);
                        self.path.truncate(length);
                    }
                }
            }
            (Shape::List { .. }, Value::Array(elements)) => {
                let Some((items, _)) = view.list() else { return };
                for (position, element) in elements.iter().enumerate() {
                    let length = self.path.len();
                    self.path.push_str(&format!("[{position}]"));
                    self.walk(items, element, owner);
                    self.path.truncate(length);
                }
            }
            (Shape::Scalar(scalar), value) => match check(*scalar, value) {
                Ok(()) => {}
                Err(Refused::Kind(kind)) => self.mismatch(&kind, view, owner),
                Err(Refused::Text(message)) => {
                    self.errors.push(TypeError { path: self.path.clone(), message })
                }
            },
            (Shape::Object(_) | Shape::List { .. }, value) => self.mismatch(json_kind(value), view, owner),
            _ => {}
        }
    }

    fn mismatch(&mut self, found: &str, view: View<'_>, owner: &str) {
        let wanted = type_text(view);
        let message = if self.fields.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {wanted}")
        } else {
            format!(
                "json: cannot unmarshal {found} into Go struct field {owner}.{} of type {wanted}",
                self.fields
            )
        };
        self.errors.push(TypeError { path: self.path.clone(), message });
    }
}

/// What the decoder calls the form of a value.
pub(super) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::builtin;
    use super::*;

    #[rstest]
    #[case::text_for_a_number(json!({ "spec": { "replicas": "3" } }),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")]
    #[case::fraction_for_an_integer(json!({ "spec": { "replicas": 1.5 } }),
        "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32")]
    #[case::too_large(json!({ "spec": { "replicas": 3_000_000_000_u64 } }),
        "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32")]
    #[case::list_for_a_struct(json!({ "spec": [] }), "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec")]
    #[case::struct_for_a_list(json!({ "spec": { "template": { "spec": { "containers": { "name": "a" } } } } }),
        "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container")]
    #[case::number_for_the_value_of_a_variable(
        json!({ "spec": { "template": { "spec": { "containers": [{ "env": [{ "name": "A", "value": 1 }] }] } } } }),
        "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string")]
    #[case::number_for_a_label(json!({ "metadata": { "labels": { "a": 1 } } }),
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string")]
    #[case::no_time(json!({ "metadata": { "creationTimestamp": "soon" } }),
        "parsing time \"soon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"soon\" as \"2006\"")]
    #[case::no_quantity(
        json!({ "spec": { "template": { "spec": { "containers": [{ "resources": { "limits": { "cpu": "a lot" } } }] } } } }),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    fn wrong_types_are_worded_as_the_decoder_words_them(#[case] object: Value, #[case] message: &str) {
        let errors = builtin("apps", "v1", "Deployment").unwrap().check_types(&object);
        assert_eq!(errors[0].message, message);
    }

    #[test]
    fn right_types_and_nulls_pass() {
        let object = json!({ "metadata": { "creationTimestamp": null, "labels": { "a": "b" } }, "spec": { "replicas": 3,
            "strategy": { "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 1 } }, "template": { "spec": { "containers": [
            { "name": "a", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } }] } } }, "status": { "unknown": {} } });
        assert_eq!(builtin("apps", "v1", "Deployment").unwrap().check_types(&object), []);
    }
}
