//! What a body must be before anything else is looked at: of the right type, with known fields.

use serde_json::{Value, json};

use super::hooks::schema_of;
use crate::http::Call;
use crate::http::body::Decoded;
use crate::schema::strict_error;
use crate::status::ApiError;

/// Checks `apiVersion` and `kind`, and fills them in where they are missing.
pub(crate) fn check_type(object: &mut Value, api_version: &str, kind: &str) -> Result<(), ApiError> {
    let Some(members) = object.as_object_mut() else {
        return Err(ApiError::bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal a value that is not an object into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
        ));
    };
    for (key, expected) in [("apiVersion", api_version), ("kind", kind)] {
        match members.get(key) {
            None => {
                members.insert(key.to_owned(), json!(expected));
            }
            Some(Value::String(text)) if text.is_empty() => {
                members.insert(key.to_owned(), json!(expected));
            }
            Some(Value::String(text)) if text == expected => {}
            Some(Value::String(found)) if key == "apiVersion" => {
                return Err(ApiError::bad_request(format!(
                    "the API version in the data ({found}) does not match the expected API version ({expected})"
                )));
            }
            Some(Value::String(found)) => {
                let version = api_version.rsplit('/').next().unwrap_or(api_version);
                return Err(ApiError::bad_request(format!(
                    "{found} in version {version:?} cannot be handled as a {kind}: converting ({found}) to ({kind}): unknown conversion"
                )));
            }
            Some(_) => {
                return Err(ApiError::bad_request(format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal a value into Go struct field .{key} of type string"
                )));
            }
        }
    }
    Ok(())
}

/// What is done about fields that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

fn field_validation(call: &Call) -> Result<FieldValidation, ApiError> {
    match call.query.get("fieldValidation") {
        "" | "Warn" => Ok(FieldValidation::Warn),
        "Ignore" => Ok(FieldValidation::Ignore),
        "Strict" => Ok(FieldValidation::Strict),
        other => {
            let message =
                format!("Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\"");
            Err(ApiError::from_status(json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
                "message": format!("CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: {message}"),
                "details": { "group": "meta.k8s.io", "kind": "CreateOptions", "causes": [
                    { "reason": "FieldValueNotSupported", "message": message, "field": "fieldValidation" },
                ] },
            })))
        }
    }
}

/// Checks an object that was sent: type, types of fields, fields that are not known or come twice.
pub(super) fn check(call: &mut Call, decoded: &mut Decoded) -> Result<(), ApiError> {
    let (api_version, kind) = (call.api_version(), call.resource.kind.clone());
    check_type(&mut decoded.value, &api_version, &kind)?;
    check_fields(call, &decoded.value, &decoded.duplicates)
}

/// Checks the types of fields, and fields that are not known or come twice.
pub(super) fn check_fields(call: &mut Call, object: &Value, duplicates: &[String]) -> Result<(), ApiError> {
    let validation = field_validation(call)?;
    let Some(schema) = schema_of(call) else { return Ok(()) };
    let kind = call.resource.kind.clone();
    let version = call.version.name.clone();
    let prefix = format!("{kind} in version {version:?} cannot be handled as a {kind}: ");
    if let Some(error) = schema.check_types(object).first() {
        return Err(ApiError::bad_request(format!("{prefix}{error}")));
    }
    if validation == FieldValidation::Ignore {
        return Ok(());
    }
    let unknown = schema.unknown_fields(object);
    let Some(error) = strict_error(duplicates, &unknown) else { return Ok(()) };
    match validation {
        FieldValidation::Strict if call.resource.definition.is_some() => Err(ApiError::bad_request(error)),
        FieldValidation::Strict => Err(ApiError::bad_request(format!("{prefix}{error}"))),
        _ => {
            call.warnings.extend(duplicates.iter().map(|path| format!("duplicate field {path:?}")));
            call.warnings.extend(unknown.iter().map(|path| format!("unknown field {path:?}")));
            Ok(())
        }
    }
}
