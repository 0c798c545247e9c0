//! Tokens for service accounts.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::gvk::Gvk;
use crate::http::Call;
use crate::http::answer::{Answer, Payload};
use crate::server::seconds_text;
use crate::status::ApiError;

/// Seconds that a token is good for if nobody says otherwise.
const DEFAULT_SECONDS: i64 = 3600;
/// The shortest and the longest life of a token, in seconds.
const SHORTEST_SECONDS: i64 = 600;
const LONGEST_SECONDS: i64 = 1 << 32;

/// Issues a token for the service account of the call's path.
pub(super) fn issue(call: &Call, mut request: Value) -> Result<Answer, ApiError> {
    let account =
        call.server.shared.store.get(call.resource.table, &call.key()).ok_or_else(|| call.not_found())?;
    let spec = &request["spec"];
    let seconds = spec.get("expirationSeconds").and_then(Value::as_i64).unwrap_or(DEFAULT_SECONDS);
    let refuse = |why: &str| {
        let error = FieldError::invalid("spec.expirationSeconds", seconds, why);
        ApiError::invalid(&Gvk::new("authentication.k8s.io", "v1", "TokenRequest"), "", &[error])
    };
    if seconds < SHORTEST_SECONDS {
        return Err(refuse("may not specify a duration less than 10 minutes"));
    }
    if seconds > LONGEST_SECONDS {
        return Err(refuse("may not specify a duration larger than 2^32 seconds"));
    }
    let audiences = match spec.get("audiences") {
        Some(Value::Array(list)) if !list.is_empty() => json!(list),
        _ => json!(["https://kubernetes.default.svc"]),
    };
    let now = call.server.now();
    let until = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
    let (namespace, name) = (account.namespace(), account.name());
    let claims = json!({
        "aud": audiences,
        "exp": until.as_second(),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "iss": "https://kubernetes.default.svc",
        "jti": call.server.new_uid(),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": &*account.uid } },
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let token = call.server.sign_token(&claims).map_err(ApiError::internal)?;
    request["metadata"] =
        json!({ "name": name, "namespace": namespace, "creationTimestamp": seconds_text(now) });
    request["spec"]["audiences"] = audiences;
    request["spec"]["expirationSeconds"] = json!(seconds);
    request["status"] = json!({ "token": token, "expirationTimestamp": seconds_text(until) });
    Ok(Answer { code: 201, payload: Payload::Other(request) })
}
