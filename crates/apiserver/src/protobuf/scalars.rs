//! Scalars of messages as JSON has them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::decode::Place;
use super::error::ProtobufError;
use super::wire::{Fields, Wire};
use crate::schema::Scalar;

/// A scalar, and whether it is the type's zero. Null stands for a time that is not set.
pub(super) fn read(
    scalar: Scalar,
    wire: Wire<'_>,
    place: &Place<'_>,
) -> Result<(Value, bool), ProtobufError> {
    match (scalar, wire) {
        (Scalar::String, Wire::Bytes(bytes)) => {
            let text = place.text(bytes)?;
            Ok((Value::from(text), text.is_empty()))
        }
        (Scalar::Bytes, Wire::Bytes(bytes)) => Ok((Value::from(STANDARD.encode(bytes)), bytes.is_empty())),
        (Scalar::Int32, Wire::Varint(number)) => {
            // Negative numbers are written with all 64 bits.
            let number = number as i32;
            Ok((Value::from(number), number == 0))
        }
        (Scalar::Int64, Wire::Varint(number)) => Ok((Value::from(number as i64), number == 0)),
        (Scalar::Number, Wire::Fixed64(bits)) => {
            let number = f64::from_bits(bits);
            Ok((Value::from(number), number == 0.0))
        }
        (Scalar::Boolean, Wire::Varint(number)) => Ok((Value::Bool(number != 0), number == 0)),
        (Scalar::Time | Scalar::MicroTime, Wire::Bytes(bytes)) => {
            let time = time(bytes, scalar == Scalar::MicroTime, place)?;
            let unset = time.is_null();
            Ok((time, unset))
        }
        (Scalar::Quantity, Wire::Bytes(bytes)) => Ok((Value::from(quantity(bytes, place)?), false)),
        (Scalar::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes, place),
        (_, wire) => Err(place.wrong(wire)),
    }
}

/// Seconds and nanoseconds; an empty message is no time.
fn time(bytes: &[u8], micro: bool, place: &Place<'_>) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(bytes) {
        match field.map_err(|error| place.broken(error))? {
            (1, Wire::Varint(number)) => seconds = number as i64,
            (2, Wire::Varint(number)) => nanos = number as i32,
            _ => {}
        }
    }
    // Times outside of the years 0 to 9999 cannot be written; they are taken as not set.
    let Ok(time) = Timestamp::new(seconds, nanos) else { return Ok(Value::Null) };
    let format = if micro { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(Value::from(time.strftime(format).to_string()))
}

fn quantity(bytes: &[u8], place: &Place<'_>) -> Result<String, ProtobufError> {
    let mut text = "0".to_owned();
    for field in Fields::of(bytes) {
        if let (1, Wire::Bytes(bytes)) = field.map_err(|error| place.broken(error))? {
            let read = place.text(bytes)?;
            if !read.is_empty() {
                read.clone_into(&mut text);
            }
        }
    }
    Ok(text)
}

fn int_or_string(bytes: &[u8], place: &Place<'_>) -> Result<(Value, bool), ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    for field in Fields::of(bytes) {
        match field.map_err(|error| place.broken(error))? {
            (1, Wire::Varint(kind)) => is_text = kind == 1,
            (2, Wire::Varint(read)) => number = read as i32,
            (3, Wire::Bytes(bytes)) => text = place.text(bytes)?,
            _ => {}
        }
    }
    if is_text { Ok((Value::from(text), text.is_empty())) } else { Ok((Value::from(number), number == 0)) }
}
