//! What answers and errors are wrapped in (reference sections 2.6 and 2.7).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::query::ParameterError;

/// The longest form that is read, in bytes.
pub const LONGEST_FORM: usize = 1 << 20;

/// Why a request gets no answer.
#[derive(Debug)]
pub enum Refusal {
    /// A parameter cannot be.
    Parameter(ParameterError),
    /// There is no such path.
    NotFound(String),
    /// The path has no such method.
    Method(String),
    /// The body is longer than any form.
    TooLong,
    /// The body is no form.
    NoForm(String),
    /// Prices could not be fetched.
    Prices(String),
    /// The answer could not be computed.
    Failed,
}

impl From<ParameterError> for Refusal {
    fn from(error: ParameterError) -> Refusal {
        Refusal::Parameter(error)
    }
}

/// An answer, with a warning if there is reason for one.
pub fn success(data: Value, warning: Option<String>) -> Response {
    let mut body = json!({"code": 200, "status": "success", "data": data});
    if let (Some(warning), Value::Object(fields)) = (warning, &mut body) {
        fields.insert("warning".to_owned(), Value::String(warning));
    }
    json_response(StatusCode::OK, &body)
}

/// An answer whose data is JSON already.
pub fn success_text(data: &[u8], warning: Option<String>) -> Response {
    let mut body = Vec::with_capacity(data.len() + 100);
    body.extend_from_slice(b"{\"code\":200,\"status\":\"success\",\"data\":");
    body.extend_from_slice(data);
    if let Some(warning) = warning {
        body.extend_from_slice(format!(",\"warning\":{}", Value::String(warning)).as_bytes());
    }
    body.push(b'}');
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (StatusCode::OK, [kind], body).into_response()
}

/// Writes an object, row by row.
pub fn write_map<'a>(text: &mut Vec<u8>, rows: impl Iterator<Item = (&'a str, Map<String, Value>)>) {
    text.push(b'{');
    for (index, (name, row)) in rows.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(Value::from(name).to_string().as_bytes());
        text.push(b':');
        text.extend_from_slice(Value::Object(row).to_string().as_bytes());
    }
    text.push(b'}');
}

/// A document as it is.
pub fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [kind], body.to_string()).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            // clients compare this text
            Refusal::Parameter(error @ ParameterError::Window(_)) => {
                let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                return (StatusCode::BAD_REQUEST, [kind], format!("{error}\n")).into_response();
            }
            Refusal::Parameter(error) => (StatusCode::BAD_REQUEST, error.to_string()),
            Refusal::NotFound(path) => {
                (StatusCode::NOT_FOUND, format!("no such path: {path}; /openapi.json says which there are"))
            }
            Refusal::Method(method) => {
                (StatusCode::METHOD_NOT_ALLOWED, format!("no such method: {method}; expected GET or POST"))
            }
            Refusal::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the form is too long; expected at most {LONGEST_FORM} bytes"),
            ),
            Refusal::NoForm(kind) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("the body is {kind}; expected parameters as application/x-www-form-urlencoded"),
            ),
            Refusal::Prices(reason) => {
                (StatusCode::BAD_GATEWAY, format!("prices could not be fetched: {reason}"))
            }
            Refusal::Failed => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be computed".to_owned())
            }
        };
        json_response(
            status,
            &json!({"code": status.as_u16(), "status": "error", "data": null, "message": message}),
        )
    }
}
