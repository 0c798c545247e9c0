//! Questions: resources that are only ever created, and answered at once.

use serde_json::{Value, json};

use super::check_type;
use crate::http::{ResourcePath, User};
use crate::server::Server;
use crate::status::ApiError;

/// Which question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    /// May somebody do something?
    Access,
    /// What may I do?
    Rules,
    /// Who am I?
    Myself,
    /// Whose token is this?
    Token,
}

/// What discovery says of the questions: group, plural, kind, whether they are asked in a namespace.
pub(crate) const REVIEWS: &[(&str, &str, &str, bool)] = &[
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false),
    ("authentication.k8s.io", "tokenreviews", "TokenReview", false),
    ("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false),
];

/// The question that a path asks, if it does.
pub(crate) fn review(path: &ResourcePath) -> Option<(Review, &'static str)> {
    if path.version != "v1" || !path.name.is_empty() {
        return None;
    }
    let (_, _, kind, _) = REVIEWS.iter().find(|(group, plural, _, is_namespaced)| {
        *group == path.group && *plural == path.resource && *is_namespaced != path.namespace.is_empty()
    })?;
    let review = match *kind {
        "SelfSubjectReview" => Review::Myself,
        "TokenReview" => Review::Token,
        "SelfSubjectRulesReview" => Review::Rules,
        _ => Review::Access,
    };
    Some((review, kind))
}

impl Review {
    /// Answers. Everybody who is let in may do everything, as the administrator of a cluster may.
    pub fn answer(
        self,
        kind: &str,
        server: &Server,
        user: &User,
        mut review: Value,
    ) -> Result<Value, ApiError> {
        let group =
            if matches!(self, Self::Myself | Self::Token) { "authentication" } else { "authorization" };
        check_type(&mut review, &format!("{group}.k8s.io/v1"), kind)?;
        if !review["metadata"].is_object() {
            review["metadata"] = json!({});
        }
        review["metadata"]["creationTimestamp"] = Value::Null;
        match self {
            Self::Access => {
                check_access(&review)?;
                review["status"] = json!({ "allowed": true, "reason": "everybody who is authenticated is an administrator here" });
            }
            Self::Rules => {
                review["status"] = json!({
                    "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
                    "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
                    "incomplete": false,
                });
            }
            Self::Myself => {
                review["metadata"]["creationTimestamp"] = json!(server.now_text());
                review["status"] = json!({ "userInfo": user.to_json() });
            }
            Self::Token => {
                let token = review["spec"]["token"].as_str().unwrap_or("").to_owned();
                if token.is_empty() {
                    return Err(ApiError::bad_request("token is required for TokenReview in authentication"));
                }
                review["status"] = match server.user_of_token(&token) {
                    Some(found) => json!({
                        "authenticated": true,
                        "user": found.to_json(),
                        "audiences": ["https://kubernetes.default.svc"],
                    }),
                    None => json!({ "user": {}, "error": "invalid bearer token" }),
                };
            }
        }
        Ok(review)
    }
}

/// A question about access says about what: a resource or a path, not both.
fn check_access(review: &Value) -> Result<(), ApiError> {
    let spec = &review["spec"];
    let has = |field: &str| spec.get(field).is_some_and(|value| !value.is_null());
    match (has("resourceAttributes"), has("nonResourceAttributes")) {
        (true, false) | (false, true) => Ok(()),
        _ => {
            let gvk = crate::gvk::Gvk::of(review).unwrap_or_default();
            let error = crate::field_error::FieldError::invalid(
                "spec.resourceAttributes",
                spec.get("resourceAttributes").cloned().unwrap_or(Value::Null),
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            );
            Err(ApiError::invalid(&gvk, "", &[error]))
        }
    }
}
