//! How much of an object a change looks at. What it does not look at is neither read nor written again.
//!
//! | seen | when |
//! |---|---|
//! | all of it | webhooks or policies see the object, nothing is to be stored, the change names managers |
//! | all but the managers | any other change |
//! | metadata and status | a patch of the status that touches nothing else |
//!
//! All three come to the same; the narrower ones are faster.

use serde_json::{Map, Value};

use crate::http::Call;
use crate::server::Server;
use crate::store::Stored;

/// How much of an object a change looks at, from little to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// Type, metadata without managers, status, and all else but the spec.
    Status,
    /// All but `metadata.managedFields`.
    AllButManagers,
    /// Everything.
    All,
}

/// Kinds of which a write of the status depends on nothing in the spec but what [`stand_in`] has.
const INDEPENDENT: [(&str, &str); 8] = [
    ("", "pods"),
    ("", "nodes"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "jobs"),
    ("policy", "poddisruptionbudgets"),
];

/// Fields of a spec that a write of the status depends on.
const NEEDED: [&str; 2] = ["spec.nodeName", "spec.restartPolicy"];

impl Seen {
    /// What a merge patch or strategic merge patch looks at.
    pub fn by_merge(patch: &Value, is_of_status: bool) -> Self {
        let Some(members) = patch.as_object() else { return Self::All };
        match members.get("metadata") {
            // What a directive does is not looked into.
            Some(Value::Object(metadata))
                if !metadata.keys().any(|key| key == "managedFields" || key.starts_with('$')) => {}
            None => {}
            Some(_) => return Self::All,
        }
        let is_narrow = |key: &String| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status");
        match (members.keys().any(|key| key.starts_with('$')), members.keys().all(is_narrow)) {
            (true, _) => Self::All,
            (false, true) if is_of_status => Self::Status,
            (false, _) => Self::AllButManagers,
        }
    }

    /// What a JSON patch looks at.
    pub fn by_operations(patch: &Value, is_of_status: bool) -> Self {
        let Some(operations) = patch.as_array() else { return Self::All };
        let seen_at = |path: &str| match path {
            "" | "/metadata" => Self::All,
            _ if path.starts_with("/metadata/managedFields") => Self::All,
            // A name may be written in another way.
            _ if path.starts_with("/metadata/") && path.contains('~') => Self::All,
            _ if is_of_status && (path == "/status" || path.starts_with("/status/")) => Self::Status,
            _ => Self::AllButManagers,
        };
        let text =
            |operation: &Value, field: &str| operation.get(field).map(|path| path.as_str().map(seen_at));
        operations
            .iter()
            .flat_map(|operation| [text(operation, "path"), text(operation, "from")])
            .flatten()
            .map(|seen| seen.unwrap_or(Self::All))
            .max()
            .unwrap_or(Self::All)
    }

    /// What has to be looked at of this object, whatever the change itself looks at.
    pub fn at_least_for(self, call: &Call, live: &Stored, is_dry_run: bool) -> Self {
        let server = &call.server;
        if is_dry_run
            || live.managers.is_empty()
            || call.manager.is_empty()
            || server.has_admission_hooks()
            || call.resource.kept_schema().is_none()
        {
            return Self::All;
        }
        let is_independent = INDEPENDENT.iter().any(|(group, plural)| call.resource.is(group, plural));
        if self == Self::Status
            && !(is_independent
                && live.has_spec()
                && call.is_storage_version()
                && !server.has_quotas(live.namespace()))
        {
            return Self::AllButManagers;
        }
        self
    }

    /// The object, as far as it is looked at.
    pub fn of(self, call: &Call, live: &Stored) -> Value {
        match self {
            Self::All => live.value(),
            Self::AllButManagers => live.value_without_managers(),
            Self::Status => live.value_with_spec(&stand_in(call, live)),
        }
    }
}

/// A spec with what a write of the status depends on.
fn stand_in(call: &Call, live: &Stored) -> String {
    let mut spec = Map::new();
    for (path, value) in call.resource.fields.iter().zip(&live.fields) {
        if NEEDED.contains(&path.label.as_str())
            && !value.is_empty()
            && let Some((_, name)) = path.label.split_once('.')
        {
            spec.insert(name.to_owned(), Value::from(&**value));
        }
    }
    Value::Object(spec).to_string()
}

impl Server {
    /// Whether anything registered sees what is written.
    pub(crate) fn has_admission_hooks(&self) -> bool {
        self.shared.store.has_any_of(&self.shared.hook_tables)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({ "status": { "phase": "Running" } }), true, Seen::Status)]
    #[case(json!({ "kind": "Pod", "metadata": { "labels": { "a": "b" } }, "status": null }), true, Seen::Status)]
    #[case(json!({ "status": {} }), false, Seen::AllButManagers)]
    #[case(json!({ "spec": {}, "status": {} }), true, Seen::AllButManagers)]
    #[case(json!({ "metadata": { "managedFields": [{}] } }), true, Seen::All)]
    #[case(json!({ "metadata": null }), true, Seen::All)]
    #[case(json!({ "$patch": "replace", "status": {} }), true, Seen::All)]
    #[case(json!({ "metadata": { "$patch": "replace" } }), true, Seen::All)]
    #[case(json!([]), true, Seen::All)]
    fn a_merge_sees_what_it_names(#[case] patch: Value, #[case] is_of_status: bool, #[case] seen: Seen) {
        assert_eq!(Seen::by_merge(&patch, is_of_status), seen);
    }

    #[rstest]
    #[case(json!([{ "op": "add", "path": "/status/phase" }]), Seen::Status)]
    #[case(json!([{ "op": "add", "path": "/status/phase" }, { "op": "copy", "from": "/spec/x", "path": "/status/y" }]), Seen::AllButManagers)]
    #[case(json!([{ "op": "test", "path": "/metadata/managedFields/0" }]), Seen::All)]
    #[case(json!([{ "op": "test", "path": "/metadata/managed~0Fields" }]), Seen::All)]
    #[case(json!([{ "op": "replace", "path": "" }]), Seen::All)]
    #[case(json!([{ "op": "replace", "path": 1 }]), Seen::All)]
    #[case(json!([]), Seen::All)]
    fn operations_see_where_they_go(#[case] patch: Value, #[case] seen: Seen) {
        assert_eq!(Seen::by_operations(&patch, true), seen);
    }
}
