//! Bodies of requests: limits, media types, and the way to a JSON value.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::schema::{JsonText, parse_json};
use crate::status::ApiError;

/// The longest body that is read, in bytes.
pub(crate) const LONGEST_BODY: usize = 3 << 20;

/// Reads the whole body.
pub(super) async fn read(body: axum::body::Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(LONGEST_BODY)),
        Err(error) => Err(ApiError::bad_request(format!("the body could not be read: {error}"))),
    }
}

/// The media type without its parameters, in lower case; JSON if there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if media.is_empty() { "application/json".to_owned() } else { media }
}

/// An object as it was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decoded {
    /// The object.
    pub value: Value,
    /// Paths of fields that came twice.
    pub duplicates: Vec<String>,
}

/// Decodes an object by its media type.
pub(crate) fn decode(bytes: &[u8], media_type: &str) -> Result<Decoded, ApiError> {
    match media_type {
        "application/json" => decode_json(bytes),
        "application/yaml" | "application/x-yaml" | "text/yaml" => decode_yaml(bytes),
        "application/vnd.kubernetes.protobuf" => crate::protobuf::decode(bytes)
            .map(|value| Decoded { value, duplicates: Vec::new() })
            .map_err(|error| ApiError::bad_request(error.to_string())),
        _ => Err(ApiError::unsupported_media_type(
            &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
            "",
        )),
    }
}

/// Decodes JSON.
pub(crate) fn decode_json(bytes: &[u8]) -> Result<Decoded, ApiError> {
    match parse_json(bytes) {
        Ok(JsonText { value, duplicates }) => Ok(Decoded { value, duplicates }),
        Err(error) => {
            Err(ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}")))
        }
    }
}

/// Decodes YAML, of which JSON is a part.
pub(crate) fn decode_yaml(bytes: &[u8]) -> Result<Decoded, ApiError> {
    if let Ok(JsonText { value, duplicates }) = parse_json(bytes) {
        return Ok(Decoded { value, duplicates });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ApiError::bad_request(format!("error decoding YAML: not UTF-8: {error}")))?;
    let value: Value = serde_saphyr::from_str(text)
        .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))?;
    Ok(Decoded { value, duplicates: Vec::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_give_the_same_value() {
        let yaml = decode(b"a: 1\nb:\n- x\n- y: true\n", "application/yaml").unwrap();
        let json = decode(br#"{"a": 1, "b": ["x", {"y": true}]}"#, "application/json").unwrap();
        assert_eq!(yaml.value, json.value);
        assert_eq!(json.value, json!({"a": 1, "b": ["x", {"y": true}]}));
    }

    #[test]
    fn what_cannot_be_read_is_refused_as_upstream_does() {
        assert_eq!(decode(b"{", "application/json").unwrap_err().code(), 400);
        assert_eq!(decode(b"a: [", "application/yaml").unwrap_err().code(), 400);
        assert_eq!(decode(b"\x00\x01", "application/vnd.kubernetes.protobuf").unwrap_err().code(), 400);
        assert_eq!(decode(b"", "text/plain").unwrap_err().code(), 415);
    }
}
