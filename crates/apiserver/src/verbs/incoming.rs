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
pub(crate) fn check(call: &mut Call, decoded: &mut Decoded) -> Result<(), ApiError> {
    check_type(&mut decoded.value, &call.api_version(), &call.resource.kind)?;
    let warnings = check_fields(call, &mut decoded.value, &decoded.duplicates)?;
    call.warnings.extend(warnings);
    Ok(())
}

/// Checks the types of fields, and fields that are not known or come twice. Unknown fields of builtin kinds are taken away.
/// Answers with what the client is to be warned of.
pub(super) fn check_fields(
    call: &Call,
    object: &mut Value,
    duplicates: &[String],
) -> Result<Vec<String>, ApiError> {
    let validation = field_validation(call)?;
    let is_trusted = call.is_control_plane && call.resource.definition.is_none();
    let Some(schema) = schema_of(call).filter(|_| !is_trusted) else { return Ok(Vec::new()) };
    let kind = &call.resource.kind;
    let prefix = format!("{kind} in version {:?} cannot be handled as a {kind}: ", call.version.name);
    if let Some(error) = schema.check_types(object).first() {
        return Err(ApiError::bad_request(format!("{prefix}{error}")));
    }
    let unknown = schema.unknown_fields(object);
    let is_custom = call.resource.definition.is_some();
    if !is_custom {
        unknown.iter().for_each(|path| remove(object, path));
    }
    match (validation, strict_error(duplicates, &unknown)) {
        (FieldValidation::Strict, Some(error)) if is_custom => Err(ApiError::bad_request(error)),
        (FieldValidation::Strict, Some(error)) => Err(ApiError::bad_request(format!("{prefix}{error}"))),
        (FieldValidation::Warn, Some(_)) => {
            let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
            let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
            Ok(duplicates.chain(unknown).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// Takes the field at a path away. A path is as strict decoding names it: `spec.containers[0].foo`. Names may have dots,
/// so the longest that is there counts.
fn remove(object: &mut Value, path: &str) {
    match object {
        Value::Object(members) => {
            if members.shift_remove(path).is_some() {
                return;
            }
            let ends = path.char_indices().filter(|(_, character)| matches!(character, '.' | '[')).rev();
            for (end, character) in ends {
                if let Some(member) = members.get_mut(&path[..end]) {
                    return remove(member, &path[end + usize::from(character == '.')..]);
                }
            }
        }
        Value::Array(items) => {
            let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                return;
            };
            if let Some(item) = index.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                remove(item, rest.strip_prefix('.').unwrap_or(rest));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_away_where_the_path_says() {
        let mut object = json!({"a": {"b": [{"c": 1, "d.e": 2}, {"c": 3}]}, "f.g": {"h": 4}});
        for path in ["a.b[0].d.e", "a.b[1].c", "f.g.h", "none.at[7].all", ""] {
            remove(&mut object, path);
        }
        assert_eq!(object, json!({"a": {"b": [{"c": 1}, {}]}, "f.g": {}}));
    }
}
