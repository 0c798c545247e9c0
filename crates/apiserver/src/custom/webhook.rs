//! Objects brought from version to version by a webhook (`ConversionReview`).

use serde_json::{Map, Value, json};

use crate::builtin::read::{items, set, text};

/// What a conversion is asked with.
pub(crate) fn review(uid: &str, api_version: &str, objects: &[&Value], review_version: &str) -> Value {
    json!({
        "kind": "ConversionReview",
        "apiVersion": format!("apiextensions.k8s.io/{review_version}"),
        "request": { "uid": uid, "desiredAPIVersion": api_version, "objects": objects },
    })
}

/// The version in which a webhook is asked: the first of its own that is spoken.
pub(crate) fn review_version(webhook: &Value) -> Option<&'static str> {
    items(webhook, "conversionReviewVersions")
        .iter()
        .filter_map(Value::as_str)
        .find_map(|wanted| ["v1", "v1beta1"].into_iter().find(|known| *known == wanted))
}

/// The converted objects of an answer. Of metadata, only labels and annotations may differ from what was sent.
///
/// # Errors
/// What is wrong with the answer, in upstream's words, which follow the name of the kind: `failed: ...`.
pub(crate) fn converted(
    answer: &[u8],
    uid: &str,
    api_version: &str,
    sent: &[&Value],
    review_version: &str,
) -> Result<Vec<Value>, String> {
    let failed = |why: String| format!("failed: {why}");
    let mut answer: Value = serde_json::from_slice(answer)
        .map_err(|error| failed(format!("could not decode the response: {error}")))?;
    let expected = format!("apiextensions.k8s.io/{review_version}");
    let (kind, version) = (text(&answer, "kind"), text(&answer, "apiVersion"));
    if kind != "ConversionReview" || version != expected {
        return Err(failed(format!(
            "expected webhook response of {expected}, Kind=ConversionReview, got {version}, Kind={kind}"
        )));
    }
    let response = answer["response"].take();
    if !response.is_object() {
        return Err(failed("no response provided".to_owned()));
    }
    if text(&response, "uid") != uid {
        return Err(failed(format!("expected response.uid={uid:?}, got {:?}", text(&response, "uid"))));
    }
    let result = &response["result"];
    if text(result, "status") != "Success" {
        let message = text(result, "message");
        return Err(failed(if message.is_empty() {
            format!("response.result.status was '{}', not 'Success'", text(result, "status"))
        } else {
            message.to_owned()
        }));
    }
    let received = items(&response, "convertedObjects");
    if received.len() != sent.len() {
        return Err(format!("returned {} objects, expected {}", received.len(), sent.len()));
    }
    let pairs = received.iter().zip(sent).enumerate();
    pairs.map(|(index, (received, sent))| checked(index, received, sent, api_version)).collect()
}

fn checked(index: usize, received: &Value, sent: &Value, api_version: &str) -> Result<Value, String> {
    let wrong = |why: String| format!("returned invalid converted object at index {index}: {why}");
    let version = text(received, "apiVersion");
    if version != api_version {
        return Err(wrong(format!("invalid apiVersion (expected {api_version}, received {version})")));
    }
    let (expected, kind) = (text(sent, "kind"), text(received, "kind"));
    if kind != expected {
        return Err(wrong(format!("invalid kind (expected {expected}, received {kind})")));
    }
    let (before, after) = (&sent["metadata"], &received["metadata"]);
    let invalid = |why: String| format!("returned invalid metadata at index {index}: {why}");
    if !after.is_object() {
        return Err(invalid("missing metadata in converted object".to_owned()));
    }
    for field in ["name", "namespace", "uid"] {
        let (expected, found) = (text(before, field), text(after, field));
        if expected != found {
            return Err(invalid(format!("must have the same {field}: {found} != {expected}")));
        }
    }
    let mut object = received.clone();
    let mut metadata: Map<String, Value> = before.as_object().cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        match after.get(field).filter(|value| !value.is_null()) {
            Some(value) => {
                metadata.insert(field.to_owned(), value.clone());
            }
            None => {
                metadata.shift_remove(field);
            }
        }
    }
    set(&mut object, "metadata", Value::Object(metadata));
    Ok(object)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn response(response: Value) -> Vec<u8> {
        let review = json!({ "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": response });
        review.to_string().into_bytes()
    }

    fn success(objects: Value) -> Vec<u8> {
        response(json!({ "uid": "u", "result": { "status": "Success" }, "convertedObjects": objects }))
    }

    #[rstest]
    #[case::nonsense(b"{".to_vec(), "failed: could not decode the response: EOF while parsing an object at line 1 column 1")]
    #[case::another_kind(b"{}".to_vec(), "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got , Kind=")]
    #[case::nothing(response(Value::Null), "failed: no response provided")]
    #[case::another_uid(response(json!({ "uid": "x" })), "failed: expected response.uid=\"u\", got \"x\"")]
    #[case::failed(response(json!({ "uid": "u", "result": { "status": "Failure", "message": "no" } })), "failed: no")]
    #[case::no_result(response(json!({ "uid": "u" })), "failed: response.result.status was '', not 'Success'")]
    #[case::too_few(success(json!([])), "returned 0 objects, expected 1")]
    #[case::another_version(success(json!([{ "apiVersion": "a/v1", "kind": "A" }])),
        "returned invalid converted object at index 0: invalid apiVersion (expected a/v2, received a/v1)")]
    #[case::another_kind_of_object(success(json!([{ "apiVersion": "a/v2", "kind": "B" }])),
        "returned invalid converted object at index 0: invalid kind (expected A, received B)")]
    #[case::another_name(success(json!([{ "apiVersion": "a/v2", "kind": "A", "metadata": { "name": "y" } }])),
        "returned invalid metadata at index 0: must have the same name: y != x")]
    fn answers_that_are_none_are_refused(#[case] answer: Vec<u8>, #[case] why: &str) {
        let sent = json!({ "apiVersion": "a/v1", "kind": "A", "metadata": { "name": "x" } });
        assert_eq!(converted(&answer, "u", "a/v2", &[&sent], "v1"), Err(why.to_owned()));
    }

    #[test]
    fn metadata_stays_but_for_labels_and_annotations() {
        let sent = json!({ "apiVersion": "a/v1", "kind": "A", "metadata": { "name": "x", "generation": 3, "labels": { "a": "b" } } });
        let answer = success(json!([{ "apiVersion": "a/v2", "kind": "A", "spec": 1,
            "metadata": { "name": "x", "generation": 7, "annotations": { "c": "d" } } }]));
        let found = converted(&answer, "u", "a/v2", &[&sent], "v1").unwrap();
        assert_eq!(
            found,
            [json!({ "apiVersion": "a/v2", "kind": "A", "spec": 1,
            "metadata": { "name": "x", "generation": 3, "annotations": { "c": "d" } } })]
        );
    }
}
