//! The parts of a custom resource definition's schema that JSON writes in several ways.

use serde_json::{Map, Value};

use super::decode::{Place, read_json, read_message};
use super::error::ProtobufError;
use super::wire::{Fields, Wire};
use crate::schema::View;

const PROPS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// A value whose schema says nothing: raw JSON, or one of the unions of schemas.
pub(super) fn read(
    view: View<'_>,
    wire: Wire<'_>,
    depth: usize,
    place: &Place<'_>,
) -> Result<Value, ProtobufError> {
    let Wire::Bytes(bytes) = wire else { return Err(place.wrong(wire)) };
    match view.type_name().and_then(|name| name.rsplit('.').next()) {
        Some("JSONSchemaPropsOrBool") => {
            let union = Union::read(bytes, depth, place)?;
            Ok(union.schema.unwrap_or(Value::Bool(union.allows)))
        }
        Some("JSONSchemaPropsOrArray") => {
            let union = Union::read(bytes, depth, place)?;
            Ok(union.schema.unwrap_or(Value::Array(union.list)))
        }
        Some("JSONSchemaPropsOrStringArray") => {
            let union = Union::read(bytes, depth, place)?;
            Ok(union.schema.unwrap_or(Value::Array(union.texts)))
        }
        // RawExtension, FieldsV1 and JSON all hold bytes of JSON in their first field.
        _ => read_json(bytes, place),
    }
}

#[derive(Default)]
struct Union {
    allows: bool,
    schema: Option<Value>,
    list: Vec<Value>,
    texts: Vec<Value>,
}

impl Union {
    /// The three unions do not disagree about their numbers except the second, which is a schema or a text.
    fn read(bytes: &[u8], depth: usize, place: &Place<'_>) -> Result<Union, ProtobufError> {
        let mut union = Union::default();
        let strings = place.message.ends_with("OrStringArray");
        let of_bool = place.message.ends_with("OrBool");
        for field in Fields::of(bytes) {
            match field.map_err(|error| place.broken(error))? {
                (1, Wire::Varint(allows)) if of_bool => union.allows = allows != 0,
                (1, Wire::Bytes(bytes)) if !of_bool => union.schema = Some(props(bytes, depth)?),
                (2, Wire::Bytes(bytes)) if of_bool => union.schema = Some(props(bytes, depth)?),
                (2, Wire::Bytes(bytes)) if strings => union.texts.push(Value::from(place.text(bytes)?)),
                (2, Wire::Bytes(bytes)) => union.list.push(props(bytes, depth)?),
                _ => {}
            }
        }
        Ok(union)
    }
}

fn props(bytes: &[u8], depth: usize) -> Result<Value, ProtobufError> {
    let mut object = Map::new();
    if let Some(schema) = crate::schema::builtin_type(PROPS) {
        read_message(schema.view(), PROPS, bytes, depth + 1, &mut object)?;
    }
    Ok(Value::Object(object))
}
