//! Whether a value fits a scalar.

use serde_json::Value;
use supercargo_api::quantity::Quantity;

use super::arena::Scalar;
use super::type_errors::json_kind;

/// Why a value does not fit.
pub(super) enum Refused {
    /// It is of this kind: `string`, `number 1.5`.
    Kind(String),
    /// The type's own words.
    Text(String),
}

const QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

pub(super) fn check(scalar: Scalar, value: &Value) -> Result<(), Refused> {
    match (scalar, value) {
        (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Number, Value::Number(_)) => Ok(()),
        (Scalar::Int32, Value::Number(number)) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Ok(()),
            _ => Err(Refused::Kind(format!("number {number}"))),
        },
        (Scalar::Int64, Value::Number(number)) if number.is_i64() => Ok(()),
        (Scalar::Int64, Value::Number(number)) => Err(Refused::Kind(format!("number {number}"))),
        (Scalar::Bytes, Value::String(text)) => check_base64(text),
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => check_time(scalar, text),
        (Scalar::Time | Scalar::MicroTime, other) => Err(go_value(other, "string")),
        (Scalar::Quantity, Value::String(text)) => check_quantity(text),
        (Scalar::Quantity, Value::Number(number)) => check_quantity(&number.to_string()),
        (Scalar::Quantity, _) => Err(Refused::Text(QUANTITY.to_owned())),
        (Scalar::IntOrString, Value::String(_)) => Ok(()),
        (Scalar::IntOrString, Value::Number(number)) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Ok(()),
            _ => Err(Refused::Text(format!(
                "json: cannot unmarshal number {number} into Go value of type int32"
            ))),
        },
        (Scalar::IntOrString, other) => Err(go_value(other, "int32")),
        (_, other) => Err(Refused::Kind(json_kind(other).to_owned())),
    }
}

fn go_value(value: &Value, wanted: &str) -> Refused {
    Refused::Text(format!("json: cannot unmarshal {} into Go value of type {wanted}", json_kind(value)))
}

fn check_quantity(text: &str) -> Result<(), Refused> {
    match text.trim().parse::<Quantity>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Refused::Text(QUANTITY.to_owned())),
    }
}

fn check_base64(text: &str) -> Result<(), Refused> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    // Line breaks are skipped by the decoder of Kubernetes.
    let plain: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let place = match STANDARD.decode(&plain) {
        Ok(_) => return Ok(()),
        Err(
            base64::DecodeError::InvalidByte(place, _)
            | base64::DecodeError::InvalidLastSymbol { offset: place, .. },
        ) => place,
        Err(_) => plain.len() - plain.len() % 4,
    };
    Err(Refused::Text(format!("illegal base64 data at input byte {place}")))
}

fn check_time(scalar: Scalar, text: &str) -> Result<(), Refused> {
    let layout = match scalar {
        Scalar::MicroTime => "2006-01-02T15:04:05.000000Z07:00",
        _ => "2006-01-02T15:04:05Z07:00",
    };
    // RFC 3339 needs its `T` and an offset; jiff would read more than that.
    let bytes = text.as_bytes();
    let form = bytes.len() >= 20 && bytes[10] == b'T';
    if form && text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(());
    }
    let (rest, element) = first_misfit(text);
    Err(Refused::Text(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}")))
}

/// The part of a time at which reading stops, and the element of the layout that was expected there.
fn first_misfit(text: &str) -> (&str, &'static str) {
    const ELEMENTS: [(&str, usize); 12] = [
        ("2006", 4),
        ("-", 0),
        ("01", 2),
        ("-", 0),
        ("02", 2),
        ("T", 0),
        ("15", 2),
        (":", 0),
        ("04", 2),
        (":", 0),
        ("05", 2),
        ("Z07:00", 0),
    ];
    let mut rest = text;
    for (element, digits) in ELEMENTS {
        if digits == 0 {
            match rest.strip_prefix(element) {
                Some(after) => rest = after,
                None => return (rest, element),
            }
            continue;
        }
        let number = rest.as_bytes().get(..digits).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        if !number {
            return (rest, element);
        }
        rest = &rest[digits..];
    }
    (rest, "Z07:00")
}
