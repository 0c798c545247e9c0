//! Messages to JSON.

use serde_json::{Map, Value};

use super::error::ProtobufError;
use super::numbers::{Slot, slot, slots};
use super::wire::{Fields, Wire, WireError, packed};
use super::{scalars, schema_props};
use crate::schema::{Schema, Shape, View, builtin};

/// What every body begins with.
const PREFIX: &[u8] = b"k8s\0";

/// Messages nest no deeper than objects may.
const MAX_DEPTH: usize = 100;

/// Reads a body of `application/vnd.kubernetes.protobuf` as the object it would be in JSON.
///
/// Zeros of fields that Go leaves out when they are zero are left out; zeros that were set on purpose stay. Fields with unknown numbers are skipped.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = Envelope::read(body)?;
    let schema = schema_of(&envelope.api_version, &envelope.kind).ok_or_else(|| {
        ProtobufError::UnknownKind { api_version: envelope.api_version.clone(), kind: envelope.kind.clone() }
    })?;
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), Value::from(envelope.api_version));
    object.insert("kind".to_owned(), Value::from(envelope.kind));
    let type_name = schema.type_name().unwrap_or_default();
    read_message(schema.view(), type_name, envelope.raw, 0, &mut object)?;
    Ok(Value::Object(object))
}

/// The `apiVersion` and `kind` that a body names, without reading the rest.
pub fn message_type(body: &[u8]) -> Result<(String, String), ProtobufError> {
    Envelope::read(body).map(|envelope| (envelope.api_version, envelope.kind))
}

fn schema_of(api_version: &str, kind: &str) -> Option<&'static Schema> {
    if kind == "DeleteOptions" {
        // Registered in every group.
        return builtin("", "v1", kind);
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    builtin(group, version, kind)
}

/// `runtime.Unknown`.
struct Envelope<'a> {
    api_version: String,
    kind: String,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Envelope<'a>, ProtobufError> {
        let bytes = body.strip_prefix(PREFIX).ok_or(ProtobufError::NoPrefix)?;
        let place = Place { message: "Unknown", field: "" };
        let mut envelope = Envelope { api_version: String::new(), kind: String::new(), raw: &[] };
        for field in Fields::of(bytes) {
            match field.map_err(|error| place.broken(error))? {
                (1, Wire::Bytes(bytes)) => envelope.read_type(bytes)?,
                (2, Wire::Bytes(bytes)) => envelope.raw = bytes,
                (3 | 4, Wire::Bytes(bytes)) if !bytes.is_empty() => {
                    return Err(ProtobufError::Encoded(place.text(bytes)?.to_owned()));
                }
                _ => {}
            }
        }
        if envelope.api_version.is_empty() || envelope.kind.is_empty() {
            return Err(ProtobufError::NoType);
        }
        Ok(envelope)
    }

    fn read_type(&mut self, bytes: &[u8]) -> Result<(), ProtobufError> {
        let place = Place { message: "TypeMeta", field: "" };
        for field in Fields::of(bytes) {
            match field.map_err(|error| place.broken(error))? {
                (1, Wire::Bytes(bytes)) => place.text(bytes)?.clone_into(&mut self.api_version),
                (2, Wire::Bytes(bytes)) => place.text(bytes)?.clone_into(&mut self.kind),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Where the reader is, for errors.
pub(super) struct Place<'a> {
    /// The message's type.
    pub(super) message: &'a str,
    /// The field's JSON name.
    pub(super) field: &'a str,
}

impl Place<'_> {
    pub(super) fn broken(&self, error: WireError) -> ProtobufError {
        match error {
            WireError::Truncated => ProtobufError::Truncated(self.message.to_owned()),
            WireError::Illegal(wire) => {
                ProtobufError::IllegalWireType { message: self.message.to_owned(), wire }
            }
        }
    }

    pub(super) fn wrong(&self, wire: Wire<'_>) -> ProtobufError {
        ProtobufError::WrongWireType {
            message: self.message.to_owned(),
            field: self.field.to_owned(),
            wire: wire.number(),
        }
    }

    pub(super) fn text<'b>(&self, bytes: &'b [u8]) -> Result<&'b str, ProtobufError> {
        std::str::from_utf8(bytes).map_err(|_| ProtobufError::NoText {
            message: self.message.to_owned(),
            field: self.field.to_owned(),
        })
    }
}

/// Reads the fields of a message into an object. `type_name` is the type whose numbers count, which for inlined messages is not the object's.
pub(super) fn read_message(
    view: View<'_>,
    type_name: &str,
    bytes: &[u8],
    depth: usize,
    object: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::TooDeep(MAX_DEPTH));
    }
    let numbered = slots(type_name).unwrap_or_default();
    for field in Fields::of(bytes) {
        let place = Place { message: type_name, field: "" };
        let (number, wire) = field.map_err(|error| place.broken(error))?;
        let Some(slot) = slot(numbered, number) else { continue };
        let place = Place { message: type_name, field: slot.name };
        if slot.inline {
            let Wire::Bytes(bytes) = wire else { return Err(place.wrong(wire)) };
            let package = type_name.rsplit_once('.').map_or("", |(package, _)| package);
            read_message(view, &format!("{package}.{}", slot.name), bytes, depth + 1, object)?;
        } else if let Some(field) = view.field(slot.name) {
            read_field(view, field, slot, wire, depth, object, &place)?;
        }
    }
    Ok(())
}

fn read_field(
    owner: View<'_>,
    field: View<'_>,
    slot: Slot,
    wire: Wire<'_>,
    depth: usize,
    object: &mut Map<String, Value>,
    place: &Place<'_>,
) -> Result<(), ProtobufError> {
    match field.shape() {
        Shape::Scalar(scalar) => {
            let (value, zero) = scalars::read(*scalar, wire, place)?;
            let required = || {
                owner.object().is_some_and(|object| object.required.iter().any(|name| **name == *slot.name))
            };
            if value.is_null() || (zero && !slot.keeps_zero && !required()) {
                object.shift_remove(slot.name);
            } else {
                object.insert(slot.name.to_owned(), value);
            }
        }
        Shape::List { .. } => {
            let Value::Array(elements) = object.entry(slot.name).or_insert_with(|| Value::Array(Vec::new()))
            else {
                return Ok(());
            };
            read_elements(field, wire, depth, elements, place)?;
        }
        Shape::Object(form) => {
            let Wire::Bytes(bytes) = wire else { return Err(place.wrong(wire)) };
            let Value::Object(inner) = object.entry(slot.name).or_insert_with(|| Value::Object(Map::new()))
            else {
                return Ok(());
            };
            if form.fields.is_empty() && field.field("").is_some() {
                read_entry(field, bytes, depth, inner, place)?;
            } else {
                read_message(field, field.type_name().unwrap_or_default(), bytes, depth + 1, inner)?;
            }
        }
        _ => {
            let place = Place { message: field.type_name().unwrap_or_default(), field: slot.name };
            let value = schema_props::read(field, wire, depth, &place)?;
            object.insert(slot.name.to_owned(), value);
        }
    }
    Ok(())
}

fn read_elements(
    list: View<'_>,
    wire: Wire<'_>,
    depth: usize,
    elements: &mut Vec<Value>,
    place: &Place<'_>,
) -> Result<(), ProtobufError> {
    let Some((items, _)) = list.list() else { return Ok(()) };
    let numbers = items.scalar().filter(|scalar| scalar.is_varint());
    if let (Wire::Bytes(bytes), Some(scalar)) = (wire, numbers) {
        for number in packed(bytes) {
            let number = number.map_err(|error| place.broken(error))?;
            elements.push(scalars::read(scalar, Wire::Varint(number), place)?.0);
        }
        return Ok(());
    }
    elements.push(read_value(items, wire, depth, place)?);
    Ok(())
}

/// A value that stands alone: an element of a list or the value of a map.
fn read_value(
    view: View<'_>,
    wire: Wire<'_>,
    depth: usize,
    place: &Place<'_>,
) -> Result<Value, ProtobufError> {
    match (view.shape(), wire) {
        (Shape::Scalar(scalar), wire) => Ok(scalars::read(*scalar, wire, place)?.0),
        (Shape::Object(_), Wire::Bytes(bytes)) => {
            let mut object = Map::new();
            read_message(view, view.type_name().unwrap_or_default(), bytes, depth + 1, &mut object)?;
            Ok(Value::Object(object))
        }
        (Shape::List { .. }, Wire::Bytes(bytes)) => {
            // Maps cannot hold lists; a message with one repeated field stands between.
            let mut elements = Vec::new();
            for field in Fields::of(bytes) {
                if let (1, wire) = field.map_err(|error| place.broken(error))? {
                    if depth > MAX_DEPTH {
                        return Err(ProtobufError::TooDeep(MAX_DEPTH));
                    }
                    read_elements(view, wire, depth + 1, &mut elements, place)?;
                }
            }
            Ok(Value::Array(elements))
        }
        (Shape::Any, wire) => {
            let place = Place { message: view.type_name().unwrap_or_default(), field: place.field };
            schema_props::read(view, wire, depth, &place)
        }
        (_, wire) => Err(place.wrong(wire)),
    }
}

/// An entry of a map: a message of key and value.
fn read_entry(
    map: View<'_>,
    bytes: &[u8],
    depth: usize,
    object: &mut Map<String, Value>,
    place: &Place<'_>,
) -> Result<(), ProtobufError> {
    let Some(values) = map.field("") else { return Ok(()) };
    let mut key = "";
    let mut value = None;
    for field in Fields::of(bytes) {
        match field.map_err(|error| place.broken(error))? {
            (1, Wire::Bytes(bytes)) => key = place.text(bytes)?,
            (2, wire) => value = Some(read_value(values, wire, depth, place)?),
            _ => {}
        }
    }
    let value = match value {
        Some(value) => value,
        None => read_value(values, Wire::Bytes(&[]), depth, place).unwrap_or_default(),
    };
    object.insert(key.to_owned(), value);
    Ok(())
}

/// A message whose first field holds JSON.
pub(super) fn read_json(bytes: &[u8], place: &Place<'_>) -> Result<Value, ProtobufError> {
    for field in Fields::of(bytes) {
        if let (1, Wire::Bytes(bytes)) = field.map_err(|error| place.broken(error))? {
            return serde_json::from_slice(bytes).map_err(|error| ProtobufError::NoJson {
                message: place.message.to_owned(),
                field: place.field.to_owned(),
                reason: error.to_string(),
            });
        }
    }
    Ok(Value::Null)
}
