//! What is asked of the server, as admission sees it, and how admission answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gvk::{Gvk, Gvr};

/// What is to be done with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It is new.
    Create,
    /// It changes; patches are updates too.
    Update,
    /// It goes away.
    Delete,
    /// A connection to it is opened (exec, proxy, ...).
    Connect,
}

impl Operation {
    /// The word that rules and reviews use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The name of the user.
    pub username: String,
    /// The identity behind the name; may be empty.
    pub uid: String,
    /// The groups that the user is in.
    pub groups: Vec<String>,
}

impl UserInfo {
    /// The `userInfo` of reviews.
    pub fn to_value(&self) -> Value {
        let mut value = json!({ "username": self.username, "groups": self.groups });
        if !self.uid.is_empty() {
            value["uid"] = json!(self.uid);
        }
        value
    }
}

/// A write that is to be admitted.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be done.
    pub operation: Operation,
    /// The kind of the object; of a subresource with an object of its own (such as Eviction) that object's kind.
    pub gvk: Gvk,
    /// The resource that the request is for.
    pub gvr: Gvr,
    /// The subresource, such as `status`; empty if none.
    pub subresource: String,
    /// The name; empty while it is still to be generated.
    pub name: String,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// The object as it would be stored; `None` for deletions.
    pub object: Option<Value>,
    /// The object as it is stored; `None` for creations.
    pub old_object: Option<Arc<Value>>,
    /// Who asks.
    pub user: UserInfo,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// The options of the request (`CreateOptions` and so on, with kind and apiVersion); null if none.
    pub options: Value,
    /// The identity of the request that webhooks are told.
    pub uid: String,
    /// When the request came.
    pub now: Timestamp,
}

impl Request {
    /// The object, or for deletions the one that goes away; null if there is neither.
    pub(crate) fn subject(&self) -> &Value {
        match (&self.object, &self.old_object) {
            (Some(object), _) => object,
            (None, Some(old)) => old,
            (None, None) => &Value::Null,
        }
    }

    /// Whether the request creates an object of this resource itself, not of a subresource.
    pub(crate) fn creates(&self, group: &str, resource: &str) -> bool {
        self.operation == Operation::Create && self.is_for(group, resource)
    }

    /// Whether the request is for this resource itself, not for a subresource.
    pub(crate) fn is_for(&self, group: &str, resource: &str) -> bool {
        self.gvr.group == group && self.gvr.resource == resource && self.subresource.is_empty()
    }
}

/// What the client is told beside the answer (a `Warning` header each).
pub type Warning = String;

/// What admission has to say about a write that it lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// What the client is told.
    pub warnings: Vec<Warning>,
    /// What an audit log would note, by key.
    pub audit_annotations: BTreeMap<String, String>,
}

impl Admitted {
    /// Adds what a later step had to say.
    pub fn merge(&mut self, later: Admitted) {
        self.warnings.extend(later.warnings);
        self.audit_annotations.extend(later.audit_annotations);
    }
}

/// A write that is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .status["message"].as_str().unwrap_or("the request was refused"))]
pub struct Rejection {
    /// The Status to answer with; its `code` is the status of the response.
    pub status: Value,
    /// What the client is told beside it.
    pub warnings: Vec<Warning>,
}

impl Rejection {
    /// A refusal with this Status.
    pub fn new(status: Value) -> Self {
        Self { status, warnings: Vec::new() }
    }

    /// The refusal, with the warnings of earlier steps before its own.
    pub(super) fn after(mut self, earlier: &mut Admitted) -> Self {
        let own = std::mem::take(&mut self.warnings);
        self.warnings = std::mem::take(&mut earlier.warnings);
        self.warnings.extend(own);
        self
    }

    /// The HTTP status of the answer.
    pub fn code(&self) -> u16 {
        self.status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500)
    }

    /// 403: `pods "x" is forbidden: because`.
    pub fn forbidden(request: &Request, because: &str) -> Self {
        Self::new(status(403, "Forbidden", &forbidden_text(request, because), Some(request)))
    }

    /// 404: `namespaces "x" not found`.
    pub fn not_found(resource: &Gvr, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified_resource());
        let mut status = status(404, "NotFound", &message, None);
        status["details"] = json!({ "name": name, "group": resource.group, "kind": resource.resource });
        Self::new(status)
    }

    /// 500: `Internal error occurred: because`.
    pub fn internal(because: &str) -> Self {
        let message = format!("Internal error occurred: {because}");
        let mut status = status(500, "InternalError", &message, None);
        status["details"] = json!({ "causes": [{ "message": because }] });
        Self::new(status)
    }

    /// 422: the object is not valid.
    pub fn invalid(request: &Request, errors: &[crate::field_error::FieldError]) -> Self {
        Self::new(crate::field_error::invalid_status(&request.gvk, &request.name, errors))
    }
}

fn forbidden_text(request: &Request, because: &str) -> String {
    let resource = request.gvr.qualified_resource();
    if request.name.is_empty() {
        format!("{resource} is forbidden: {because}")
    } else {
        format!("{resource} {:?} is forbidden: {because}", request.name)
    }
}

/// A failure Status; `about` names the object in `details`.
pub(crate) fn status(code: u16, reason: &str, message: &str, about: Option<&Request>) -> Value {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    });
    if let Some(request) = about {
        let mut details = json!({});
        for (field, value) in
            [("name", &request.name), ("group", &request.gvr.group), ("kind", &request.gvr.resource)]
        {
            if !value.is_empty() {
                details[field] = json!(value);
            }
        }
        status["details"] = details;
    }
    status["code"] = json!(code);
    status
}
