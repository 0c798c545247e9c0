//! `/scale`: one number of an object, whatever its kind.

use serde_json::{Map, Value, json};
use supercargo_api::selector::Selector;

use crate::field_error::FieldError;
use crate::gvk::Gvk;
use crate::http::Call;
use crate::http::answer::Answer;
use crate::resources::ScalePaths;
use crate::status::ApiError;
use crate::verbs::{Change, Seen, check_type, write};

/// The scale of an object, in the version of the call.
pub(crate) fn scale_of(call: &Call, object: &Value) -> Result<Value, ApiError> {
    let paths = call.version.scale.as_ref().ok_or_else(ApiError::no_such_resource)?;
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut spec = json!({});
    match at(object, &paths.spec_replicas) {
        Some(replicas) => spec["replicas"] = replicas.clone(),
        None if call.resource.definition.is_some() => {
            let message =
                format!("the spec replicas field \".{}\" does not exist", paths.spec_replicas.join("."));
            return Err(ApiError::internal(message));
        }
        None => {}
    }
    let mut status =
        json!({ "replicas": at(object, &paths.status_replicas).and_then(Value::as_i64).unwrap_or(0) });
    if let Some(selector) = paths.selector.as_ref().and_then(|path| at(object, path)) {
        let text = match selector {
            Value::String(text) => text.clone(),
            selector => selector_text(selector),
        };
        if !text.is_empty() {
            status["selector"] = json!(text);
        }
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": metadata, "spec": spec, "status": status,
    }))
}

/// Changes the number wanted.
pub(crate) async fn update_scale(
    call: &mut Call,
    make: &(dyn Fn(&Value) -> Result<Value, ApiError> + Send + Sync),
) -> Result<Answer, ApiError> {
    let paths = call.version.scale.clone().ok_or_else(ApiError::no_such_resource)?;
    let reader = call.clone();
    let change = |live: &Value| {
        let mut scale = make(&scale_of(&reader, live)?)?;
        check_type(&mut scale, "autoscaling/v1", "Scale")?;
        let replicas = wanted(&reader, &scale)?;
        let mut object = live.clone();
        set(&mut object, &paths, replicas);
        object["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
        Ok(object)
    };
    let change = Change { make: &change, notes_managers: false, seen: Seen::AllButManagers, is_whole: false };
    let answer = write(call, &change).await?;
    let object = match answer.payload {
        crate::http::answer::Payload::Stored(stored) => call.in_version(stored.value()),
        crate::http::answer::Payload::Unstored(value) | crate::http::answer::Payload::Other(value) => {
            call.in_version(value)
        }
    };
    Ok(Answer::other(scale_of(call, &object)?))
}

/// The number that a scale asks for.
fn wanted(call: &Call, scale: &Value) -> Result<i64, ApiError> {
    let gvk = Gvk::new("autoscaling", "v1", "Scale");
    let refuse = |error: FieldError| Err(ApiError::invalid(&gvk, &call.path.name, &[error]));
    let name = scale["metadata"]["name"].as_str().unwrap_or("");
    if !name.is_empty() && name != call.path.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.path.name
        )));
    }
    match scale["spec"].get("replicas") {
        None | Some(Value::Null) => Ok(0),
        Some(value) => match value.as_i64() {
            Some(replicas) if replicas > i64::from(i32::MAX) => {
                refuse(FieldError::invalid("spec.replicas", replicas, "must fit into 32 bits"))
            }
            Some(replicas) if replicas < 0 => {
                refuse(FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0"))
            }
            Some(replicas) => Ok(replicas),
            None => Err(ApiError::bad_request(
                "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal a value into Go struct field ScaleSpec.spec.replicas of type int32",
            )),
        },
    }
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| value.get(step.as_str())).filter(|value| !value.is_null())
}

fn set(object: &mut Value, paths: &ScalePaths, replicas: i64) {
    let mut here = object;
    for step in &paths.spec_replicas {
        if !here.is_object() {
            *here = json!({});
        }
        here = &mut here[step.as_str()];
    }
    *here = json!(replicas);
}

/// A selector as a text: `a=b,c in (d,e)`. Plain maps are those of replication controllers.
fn selector_text(selector: &Value) -> String {
    let mut terms = Vec::new();
    let is_structured = selector.get("matchLabels").is_some_and(Value::is_object)
        || selector.get("matchExpressions").is_some_and(Value::is_array);
    let labels = if is_structured { selector.get("matchLabels") } else { Some(selector) };
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or("")));
    }
    for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or("");
        let mut values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        values.sort_unstable();
        match expression["operator"].as_str().unwrap_or("") {
            "In" => terms.push(format!("{key} in ({})", values.join(","))),
            "NotIn" => terms.push(format!("{key} notin ({})", values.join(","))),
            "Exists" => terms.push(key.to_owned()),
            "DoesNotExist" => terms.push(format!("!{key}")),
            _ => {}
        }
    }
    terms.sort_unstable();
    let text = terms.join(",");
    debug_assert!(text.is_empty() || text.parse::<Selector>().is_ok());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_become_texts() {
        assert_eq!(selector_text(&json!({"b": "2", "a": "1"})), "a=1,b=2");
        assert_eq!(
            selector_text(&json!({"matchLabels": {"a": "1"}, "matchExpressions": [
                {"key": "b", "operator": "In", "values": ["y", "x"]}, {"key": "c", "operator": "DoesNotExist"}]})),
            "!c,a=1,b in (x,y)"
        );
        assert_eq!(selector_text(&json!({})), "");
    }
}
