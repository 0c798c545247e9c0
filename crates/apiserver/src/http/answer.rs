//! Answers: one object in the shape and writing that the client accepts.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::negotiate::{Encoding, Form, Include, Negotiated};
use crate::resources::{Conversion, convert};
use crate::status::ApiError;
use crate::store::Stored;
use crate::tables::Columns;

/// What a verb came to.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// The object.
    pub payload: Payload,
}

/// An object to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// As it is kept.
    Stored(Arc<Stored>),
    /// An object of the resource in its storage version, which was not kept.
    Unstored(Value),
    /// Something else, sent as it is.
    Other(Value),
}

impl Answer {
    /// 200 with a kept object.
    pub fn ok(object: Arc<Stored>) -> Self {
        Self { code: 200, payload: Payload::Stored(object) }
    }

    /// 200 with something else.
    pub fn other(value: Value) -> Self {
        Self { code: 200, payload: Payload::Other(value) }
    }
}

impl Call {
    /// Whether objects are kept as they are asked for. Custom ones may have been kept when another version was the stored one.
    fn is_kept_so(&self) -> bool {
        let may_differ =
            self.resource.definition.is_some() && self.version.conversion == Conversion::ApiVersionOnly;
        self.is_storage_version() && !may_differ
    }

    /// An object in the version asked for.
    pub fn in_version(&self, mut object: Value) -> Value {
        if !self.is_kept_so() {
            convert(&mut object, self.version.conversion, false, &self.api_version());
        }
        object
    }

    /// Writes the JSON of a kept object in the version asked for.
    pub fn put_json(&self, object: &Arc<Stored>, out: &mut bytes::BytesMut) {
        if self.is_kept_so() && self.is_control_plane {
            object.put_json_without_managers(out);
        } else if self.is_kept_so() {
            object.put_json(out);
        } else {
            out.extend_from_slice(&self.json(object));
        }
    }

    /// The JSON of a kept object in the version asked for.
    pub fn json(&self, object: &Arc<Stored>) -> Bytes {
        if self.is_kept_so() && self.is_control_plane {
            return object.json_without_managers();
        }
        if self.is_kept_so() {
            return object.json();
        }
        if self.version.conversion == Conversion::ApiVersionOnly {
            let mut json = head(&self.api_version(), &self.resource.kind);
            object.put_body(&mut json);
            return json.into();
        }
        to_json(&self.in_version(object.value()))
    }

    /// The response for an answer.
    pub fn respond(&self, answer: Answer) -> Response<Body> {
        let Negotiated { form, encoding } = self.negotiated;
        let value = match (answer.payload, form) {
            (Payload::Stored(object), Form::Object) if encoding == Encoding::Json => {
                return respond(answer.code, "application/json", self.json(&object), &self.warnings);
            }
            (Payload::Stored(object), _) => self.shaped(self.in_version(object.value())),
            (Payload::Unstored(value), _) => self.shaped(self.in_version(value)),
            (Payload::Other(value), Form::Table) if value["kind"] == "Scale" => {
                self.table_of(&crate::tables::scale_columns(), &value)
            }
            (Payload::Other(value), _) => value,
        };
        respond_value(answer.code, &value, encoding, &self.warnings)
    }

    fn shaped(&self, object: Value) -> Value {
        match self.negotiated.form {
            Form::Object => object,
            Form::Metadata => metadata_only(&object),
            Form::Table => self.table_of_one(&object),
        }
    }

    /// A table of one row, of an object in the version asked for.
    pub fn table_of_one(&self, object: &Value) -> Value {
        self.table_of(&crate::tables::columns(&self.resource, &self.version.name), object)
    }

    /// A table of one row.
    fn table_of(&self, columns: &Columns, object: &Value) -> Value {
        let row = crate::tables::row(columns, object, self.server.now(), self.include());
        let mut table = crate::tables::table(columns, vec![row]);
        table["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        table
    }

    /// What the rows of a table are to carry.
    pub fn include(&self) -> Include {
        match self.query.get("includeObject") {
            "Object" => Include::Object,
            "None" => Include::Nothing,
            _ => Include::Metadata,
        }
    }
}

/// The beginning of an object in JSON: the brace, `apiVersion`, `kind` and a comma.
pub(super) fn head(api_version: &str, kind: &str) -> Vec<u8> {
    format!("{{\"apiVersion\":{},\"kind\":{},", json!(api_version), json!(kind)).into_bytes()
}

/// A value as JSON.
pub(crate) fn to_json(value: &Value) -> Bytes {
    // A JSON value can always be written.
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// The metadata of an object, as an object.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or(Value::Null),
    })
}

/// A response with a value for a body.
pub(crate) fn respond_value(
    code: u16,
    value: &Value,
    encoding: Encoding,
    warnings: &[String],
) -> Response<Body> {
    match encoding {
        Encoding::Json => respond(code, "application/json", to_json(value), warnings),
        Encoding::PrettyJson => {
            let mut json = serde_json::to_vec_pretty(value).unwrap_or_default();
            json.push(b'\n');
            respond(code, "application/json", json.into(), warnings)
        }
        Encoding::Yaml => {
            let yaml = serde_saphyr::to_string(value).unwrap_or_default();
            respond(code, "application/yaml", yaml.into(), warnings)
        }
    }
}

/// A response with these bytes for a body.
pub(crate) fn respond(
    code: u16,
    media_type: &'static str,
    body: Bytes,
    warnings: &[String],
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert("cache-control", HeaderValue::from_static("no-cache, private"));
    for warning in warnings {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{escaped}\"")) {
            headers.append(WARNING, value);
        }
    }
    response
}

/// The response for a refusal.
pub(crate) fn respond_error(error: &ApiError) -> Response<Body> {
    let mut response = respond(error.code(), "application/json", to_json(&error.status), &error.warnings);
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
