//! How a namespace goes: its contents first, then itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::lifecycle::DeleteOptions;
use crate::server::Server;

impl Server {
    /// Deletes what is left in a namespace that is going away; if nothing is, the namespace goes.
    pub(crate) fn empty_namespace(&self, name: &str) {
        let registry = self.registry();
        let Some(namespaces) = registry.get("", "namespaces") else { return };
        let store = &self.shared.store;
        match store.get(namespaces.table, name) {
            Some(namespace) if namespace.is_deleting => {}
            _ => return,
        }
        // How many objects are left by resource, and by finalizer.
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
        for resource in registry.all().filter(|resource| resource.is_namespaced) {
            if resource.group != resource.storage_group {
                continue;
            }
            for object in store.range(resource.table, Some(name)).0 {
                if !object.is_deleting {
                    // An object that is gone already is as good as deleted.
                    let _ = self.delete_object(resource, &object.key, &DeleteOptions::background());
                }
                let Some(kept) = store.get(resource.table, &object.key) else { continue };
                *left.entry(resource.qualified()).or_default() += 1;
                for finalizer in kept.value()["metadata"]["finalizers"].as_array().into_iter().flatten() {
                    *finalizers.entry(finalizer.as_str().unwrap_or("").to_owned()).or_default() += 1;
                }
            }
        }
        if left.is_empty() {
            self.edit(namespaces, name, |namespace| {
                let Some(list) = namespace["spec"]["finalizers"].as_array_mut() else { return false };
                let before = list.len();
                list.retain(|finalizer| finalizer != "kubernetes");
                list.len() < before
            });
        } else {
            let now = self.now_text();
            self.edit(namespaces, name, |namespace| set_conditions(namespace, &left, &finalizers, &now));
        }
    }
}

/// Says in the status what is left. The words are those of upstream, which people search for.
fn set_conditions(
    namespace: &mut Value,
    left: &BTreeMap<String, usize>,
    finalizers: &BTreeMap<String, usize>,
    now: &str,
) -> bool {
    let list = |counts: &BTreeMap<String, usize>, what: &str| {
        let items: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} has {count} resource instances{what}"))
            .collect();
        items.join(", ")
    };
    let in_finalizers: Vec<String> =
        finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
    let remaining = format!("Some resources are remaining: {}", list(left, ""));
    let unfinished =
        format!("Some content in the namespace has finalizers remaining: {}", in_finalizers.join(", "));
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        ("NamespaceContentRemaining", true, "SomeResourcesRemain", remaining),
        if finalizers.is_empty() {
            (
                "NamespaceFinalizersRemaining",
                false,
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished".to_owned(),
            )
        } else {
            ("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", unfinished)
        },
    ];
    let before = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let after: Vec<Value> = conditions
        .into_iter()
        .map(|(kind, is_true, reason, message)| {
            let status = if is_true { "True" } else { "False" };
            let known = before.iter().find(|known| known["type"] == kind && known["status"] == status);
            let since = known.map_or_else(|| json!(now), |known| known["lastTransitionTime"].clone());
            json!({ "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message })
        })
        .collect();
    if before == after {
        return false;
    }
    namespace["status"]["conditions"] = json!(after);
    true
}
