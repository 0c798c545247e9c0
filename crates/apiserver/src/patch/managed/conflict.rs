//! What an apply is refused for.

use super::entries::{ManagerId, Operation};
use crate::patch::fields::FieldSet;

/// A field that the apply would change and another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: ManagerId,
    /// The field: `.spec.replicas`.
    pub field: String,
}

/// All conflicts of an apply, by manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// At least one. Of conflicts in fields whose names are megabytes long, not all are listed.
    pub conflicts: Vec<Conflict>,
    /// All fields in conflict.
    pub fields: FieldSet,
}

/// Why an apply was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own what it would change: status 409, reason `Conflict`, with a cause for each.
    #[error("{}", .0.message())]
    Conflict(Conflicts),
    /// The applied object may not be applied: status 400, reason `BadRequest`.
    #[error("{0}")]
    BadRequest(String),
    /// The applied object does not fit its type: status 500, reason `InternalError`, as upstream.
    #[error("{0}")]
    Untyped(String),
}

impl Conflict {
    /// The message of the cause, whose `reason` is `FieldManagerConflict`: `conflict with "kubectl" using apps/v1`.
    pub fn message(&self) -> String {
        format!("conflict with {}", shown(&self.manager))
    }
}

impl Conflicts {
    /// The message of the whole: `Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas`.
    pub fn message(&self) -> String {
        if let [only] = self.conflicts.as_slice() {
            return format!("Apply failed with 1 conflict: {}: {}", only.message(), only.field);
        }
        let mut lines = Vec::new();
        let mut last = None;
        for conflict in &self.conflicts {
            if last != Some(&conflict.manager) {
                lines.push(format!("conflicts with {}:", shown(&conflict.manager)));
                last = Some(&conflict.manager);
            }
            lines.push(format!("- {}", conflict.field));
        }
        format!("Apply failed with {} conflicts: {}", self.conflicts.len(), lines.join("\n"))
    }
}

/// `"kubectl" with subresource "scale" using apps/v1`.
fn shown(id: &ManagerId) -> String {
    let mut text = format!("{:?}", id.manager);
    if !id.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", id.subresource));
    }
    if id.operation == Operation::Update {
        text.push_str(&format!(" using {}", id.api_version));
    }
    text
}
