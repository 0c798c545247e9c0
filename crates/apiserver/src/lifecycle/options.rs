//! The options of a deletion.

use serde_json::Value;

use crate::http::Query;
use crate::http::query::check_dry_run;
use crate::status::ApiError;

/// What happens to dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after the owner.
    Background,
    /// They are deleted before the owner.
    Foreground,
    /// They stay, and lose their owner.
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// Seconds that a pod has to end.
    pub grace_seconds: Option<i64>,
    /// The uid that the object must have.
    pub uid: Option<String>,
    /// The revision that the object must have.
    pub resource_version: Option<String>,
    /// What happens to dependents, if it was said.
    pub propagation: Option<Propagation>,
    /// Whether nothing is to be kept.
    pub is_dry_run: bool,
    /// The options as they were sent, for admission.
    pub raw: Value,
}

impl DeleteOptions {
    /// Reads the body, if there is one, and the parameters, which count where the body says nothing.
    pub fn read(body: Option<&Value>, query: &Query) -> Result<Self, ApiError> {
        let mut options = Self::default();
        if let Some(body) = body.filter(|body| !body.is_null()) {
            let kind = body.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
            if kind != "DeleteOptions" || !body.is_object() {
                return Err(ApiError::bad_request(format!(
                    "decoded object cannot be converted to DeleteOptions: found {kind}"
                )));
            }
            options.grace_seconds = whole(body, "gracePeriodSeconds")?;
            let preconditions = &body["preconditions"];
            options.uid = text(preconditions, "uid")?;
            options.resource_version = text(preconditions, "resourceVersion")?;
            options.propagation = match text(body, "propagationPolicy")? {
                Some(policy) => Some(propagation(&policy)?),
                None => body.get("orphanDependents").and_then(Value::as_bool).map(orphan),
            };
            let directives = body.get("dryRun").and_then(Value::as_array).into_iter().flatten();
            options.is_dry_run = check_dry_run(directives.filter_map(Value::as_str))?;
            options.raw = body.clone();
        }
        if options.grace_seconds.is_none() {
            options.grace_seconds = query.number("gracePeriodSeconds")?;
        }
        if options.propagation.is_none() {
            options.propagation = match query.get("propagationPolicy") {
                "" if query.has("orphanDependents") => Some(orphan(query.flag("orphanDependents"))),
                "" => None,
                policy => Some(propagation(policy)?),
            };
        }
        options.is_dry_run |= query.dry_run()?;
        if options.raw.is_null() {
            options.raw = serde_json::json!({ "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1" });
        }
        Ok(options)
    }

    /// Deletes in the background, as controllers do.
    pub fn background() -> Self {
        Self { propagation: Some(Propagation::Background), ..Self::default() }
    }
}

fn orphan(is_wanted: bool) -> Propagation {
    if is_wanted { Propagation::Orphan } else { Propagation::Background }
}

fn propagation(policy: &str) -> Result<Propagation, ApiError> {
    match policy {
        "Background" => Ok(Propagation::Background),
        "Foreground" => Ok(Propagation::Foreground),
        "Orphan" => Ok(Propagation::Orphan),
        other => {
            let message = format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            );
            Err(ApiError::from_status(serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": "Invalid", "code": 422,
                "details": { "group": "meta.k8s.io", "kind": "DeleteOptions", "causes": [{
                    "reason": "FieldValueNotSupported", "field": "propagationPolicy",
                    "message": format!("Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""),
                }] },
            })))
        }
    }
}

fn whole(object: &Value, field: &str) -> Result<Option<i64>, ApiError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong_type(field, "int64", value)),
    }
}

fn text(object: &Value, field: &str) -> Result<Option<String>, ApiError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value) => Err(wrong_type(field, "string", value)),
    }
}

fn wrong_type(field: &str, wanted: &str, found: &Value) -> ApiError {
    let found = match found {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
        _ => "object",
    };
    ApiError::bad_request(format!(
        "DeleteOptions in version \"v1\" cannot be handled as a DeleteOptions: json: cannot unmarshal {found} into Go struct field DeleteOptions.{field} of type {wanted}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_counts_before_the_parameters() {
        let query = Query::parse("gracePeriodSeconds=5&propagationPolicy=Orphan");
        let body = json!({"kind": "DeleteOptions", "gracePeriodSeconds": 1, "preconditions": {"uid": "u"}});
        let options = DeleteOptions::read(Some(&body), &query).unwrap();
        assert_eq!(options.grace_seconds, Some(1));
        assert_eq!(options.propagation, Some(Propagation::Orphan));
        assert_eq!(options.uid.as_deref(), Some("u"));
    }

    #[test]
    fn nonsense_is_refused() {
        let none = Query::default();
        for body in [
            json!({"gracePeriodSeconds": "x"}),
            json!({"propagationPolicy": "Sideways"}),
            json!({"kind": "Pod"}),
            json!([]),
            json!({"dryRun": ["Some"]}),
        ] {
            assert!(DeleteOptions::read(Some(&body), &none).is_err(), "{body}");
        }
    }
}
