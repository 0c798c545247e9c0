//! The schema of a custom resource, from the `openAPIV3Schema` of its definition.

use std::sync::Arc;

use serde_json::Value;

use super::arena::{Node, Object, Rest, Scalar, Schema, Shape};
use super::builtin_kinds::builtin_type;
use super::read::Reader;

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the \
     latest internal value, and may reject unrecognized values. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client \
     submits requests to. Cannot be updated. In CamelCase. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const METADATA: &str = "Standard object's metadata. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// Reads a structural schema with its `x-kubernetes-*` extensions. `apiVersion`, `kind` and `metadata` are those of every object, whatever the
/// definition says of them. What is no schema reads as an object with unknown fields.
pub fn from_crd(structural: &Value) -> Schema {
    let object_meta = builtin_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").cloned();
    let mut reader = Reader::new(object_meta);
    let mut root = reader.node(structural, "", 0);
    if !matches!(root.shape, Shape::Object(_)) {
        let empty = Object { fields: indexmap::IndexMap::new(), required: Vec::new(), rest: Rest::Unknown };
        root.shape = Shape::Object(empty);
        root.keywords.insert("x-kubernetes-preserve-unknown-fields".to_owned(), Value::Bool(true));
    }
    if let Shape::Object(object) = &mut root.shape {
        let declared = std::mem::take(&mut object.fields);
        for (name, description) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            let mut node = Node::new(Shape::Scalar(Scalar::String));
            node.description = Some(Box::from(description));
            let index = reader.arena.add(node);
            object.fields.insert(Box::from(name), index);
        }
        let mut meta = Node::new(reader.object_meta.clone().map_or(Shape::Any, Shape::Link));
        meta.description = Some(Box::from(METADATA));
        let index = reader.arena.add(meta);
        object.fields.insert(Box::from("metadata"), index);
        for (name, index) in declared {
            object.fields.entry(name).or_insert(index);
        }
    }
    let index = reader.arena.add(root);
    Schema { arena: Arc::new(reader.arena), index }
}
