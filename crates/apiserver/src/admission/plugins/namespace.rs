//! The namespace of what is written must be there, and not on its way out (`NamespaceLifecycle`).

use serde_json::json;

use crate::admission::lookup::Lookup;
use crate::admission::request::{Operation, Rejection, Request};
use crate::builtin::read::{has, text};
use crate::gvk::Gvr;

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

pub(super) fn check(request: &Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    if request.is_for("", "namespaces") {
        if request.operation == Operation::Delete && IMMORTAL.contains(&request.name.as_str()) {
            return Err(Rejection::forbidden(request, "this namespace may not be deleted"));
        }
        return Ok(());
    }
    if request.namespace.is_empty() || request.operation != Operation::Create || is_review(request) {
        return Ok(());
    }
    let namespaces = Gvr::new("", "v1", "namespaces");
    let Some(namespace) = lookup.get(&namespaces, "", &request.namespace) else {
        return Err(Rejection::not_found(&namespaces, &request.namespace));
    };
    let is_going = text(&namespace["status"], "phase") == "Terminating"
        || has(&namespace["metadata"], "deletionTimestamp");
    // Something about a namespace that goes may still be noted down in it.
    if !is_going || request.gvr.resource == "events" {
        return Ok(());
    }
    let because = format!(
        "unable to create new content in namespace {} because it is being terminated",
        request.namespace
    );
    let mut rejection = Rejection::forbidden(request, &because);
    rejection.status["details"]["causes"] = json!([{
        "reason": "NamespaceTerminating",
        "message": format!("namespace {} is being terminated", request.namespace),
        "field": "metadata.namespace",
    }]);
    Err(rejection)
}

/// Questions are not stored, so that it does not matter where they are asked.
fn is_review(request: &Request) -> bool {
    matches!(request.gvr.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
}
