//! Refusals, as the Status objects that every Kubernetes client understands.
//!
//! The reason, the code, the details and the shape of the message are those of upstream, because clients act on them.

use std::fmt;

use serde_json::{Value, json};

use crate::field_error::{FieldError, invalid_status};
use crate::gvk::Gvk;

/// A request that failed: a `Status` with its HTTP code.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The Status object, as it is sent.
    pub status: Box<Value>,
    /// Seconds to wait before trying again, sent as `Retry-After`.
    pub retry_after: Option<u32>,
    /// What the client is to be warned of besides.
    pub warnings: Vec<String>,
}

impl ApiError {
    fn new(code: u16, reason: &str, message: impl Into<String>, details: Option<Value>) -> Self {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message.into(),
            "reason": reason,
        });
        if let Some(details) = details {
            status["details"] = details;
        }
        status["code"] = json!(code);
        Self { status: Box::new(status), retry_after: None, warnings: Vec::new() }
    }

    /// A Status that somebody else made. Anything that is not a failure with a code counts as an internal error.
    pub fn from_status(status: Value) -> Self {
        match status.get("code").and_then(Value::as_u64) {
            Some(400..=599) => Self { status: Box::new(status), retry_after: None, warnings: Vec::new() },
            _ => Self::internal(format!("a status without an error code: {status}")),
        }
    }

    /// 404 for an object. `resource` is the qualified plural, such as `deployments.apps`.
    pub fn not_found(resource: &str, name: &str) -> Self {
        let details = details(resource, name);
        Self::new(404, "NotFound", format!("{resource} {name:?} not found"), Some(details))
    }

    /// 404 for a path that no resource answers to.
    pub fn no_such_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
            Some(
                json!({ "causes": [{ "reason": "UnexpectedServerResponse", "message": "404 page not found" }] }),
            ),
        )
    }

    /// 409: there is one of this name already.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        let details = details(resource, name);
        Self::new(409, "AlreadyExists", format!("{resource} {name:?} already exists"), Some(details))
    }

    /// 409: a generated name was taken, again and again.
    pub fn generated_name_taken(resource: &str, name: &str) -> Self {
        let message = format!(
            "{resource} {name:?} already exists, the server was not able to generate a unique name for the object"
        );
        Self::new(409, "AlreadyExists", message, Some(details(resource, name)))
    }

    /// 409: the write cannot be done on what the object is now.
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(409, "Conflict", message, Some(details(resource, name)))
    }

    /// 409: somebody else wrote in between.
    pub fn stale(resource: &str, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 422: fields are wrong.
    pub fn invalid(gvk: &Gvk, name: &str, errors: &[FieldError]) -> Self {
        Self { status: Box::new(invalid_status(gvk, name, errors)), retry_after: None, warnings: Vec::new() }
    }

    /// 403 for an object.
    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message, Some(details(resource, name)))
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized", None)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            Some(json!({})),
        )
    }

    /// 406: nothing that the client accepts is on offer.
    pub fn not_acceptable() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml",
            None,
        )
    }

    /// 410: a revision that is no longer known.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, None)
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"), None)
    }

    /// 415. `accepted` are the media types that would do.
    pub fn unsupported_media_type(accepted: &[&str], hint: &str) -> Self {
        let mut message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        if !hint.is_empty() {
            message.push_str("; ");
            message.push_str(hint);
        }
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    /// 429: a disruption budget says not now.
    pub fn too_many_evictions(cause: &str) -> Self {
        Self::new(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
            Some(json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }] })),
        )
    }

    /// 429 with a time to wait.
    pub fn too_many_requests(message: impl Into<String>, seconds: u32) -> Self {
        let mut error =
            Self::new(429, "TooManyRequests", message, Some(json!({ "retryAfterSeconds": seconds })));
        error.retry_after = Some(seconds);
        error
    }

    /// 500.
    pub fn internal(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        let details = json!({ "causes": [{ "message": text }] });
        Self::new(500, "InternalError", format!("Internal error occurred: {text}"), Some(details))
    }

    /// 504: a revision that does not exist yet.
    pub fn too_large_revision(asked: u64, current: u64) -> Self {
        let mut error = Self::new(
            504,
            "Timeout",
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
            Some(json!({
                "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
                "retryAfterSeconds": 1,
            })),
        );
        error.retry_after = Some(1);
        error
    }

    /// 501.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(501, "NotImplemented", message, None)
    }

    /// The HTTP code.
    pub fn code(&self) -> u16 {
        self.status
            .get("code")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or(500)
    }

    /// The reason in one word.
    pub fn reason(&self) -> &str {
        self.status.get("reason").and_then(Value::as_str).unwrap_or("")
    }

    /// The message.
    pub fn message(&self) -> &str {
        self.status.get("message").and_then(Value::as_str).unwrap_or("")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ApiError {}

/// Name, group and plural of what an error is about.
fn details(resource: &str, name: &str) -> Value {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let mut details = json!({});
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    details["kind"] = json!(plural);
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_that_kubectl_prints() {
        assert_eq!(ApiError::not_found("pods", "a").message(), r#"pods "a" not found"#);
        assert_eq!(
            ApiError::already_exists("deployments.apps", "a").message(),
            r#"deployments.apps "a" already exists"#
        );
        assert_eq!(
            ApiError::stale("pods", "a").message(),
            r#"Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again"#
        );
        assert_eq!(ApiError::not_found("deployments.apps", "a").status["details"]["group"], "apps");
        assert_eq!(ApiError::expired("x").code(), 410);
    }

    #[test]
    fn a_status_without_an_error_code_is_an_internal_error() {
        assert_eq!(ApiError::from_status(json!({"status": "Success"})).code(), 500);
        assert_eq!(ApiError::from_status(json!({"code": 403, "reason": "Forbidden"})).reason(), "Forbidden");
    }
}
