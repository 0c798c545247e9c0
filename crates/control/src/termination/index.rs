//! Nodes and claims by the instance they stand for.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;
use supercargo_api::NodeClaim;
use supercargo_reconcile::{Change, Key, Kind, Object};

/// Nodes and claims by provider id.
#[derive(Debug, Default)]
pub(super) struct Index {
    nodes: BTreeMap<String, BTreeSet<Key>>,
    claims: BTreeMap<String, BTreeSet<Key>>,
}

impl Index {
    /// Takes in a change of either kind.
    pub(super) fn observe(&mut self, change: &Change) {
        let ids = match change.kind {
            Kind::Node => &mut self.nodes,
            Kind::NodeClaim => &mut self.claims,
            _ => return,
        };
        let (old, new) =
            (change.old.as_ref().and_then(provider_of), change.new.as_ref().and_then(provider_of));
        if old == new {
            return;
        }
        if let Some(old) = old
            && let Some(keys) = ids.get_mut(old)
        {
            keys.remove(&change.key);
            if keys.is_empty() {
                ids.remove(old);
            }
        }
        if let Some(new) = new {
            ids.entry(new.to_owned()).or_default().insert(change.key.clone());
        }
    }

    /// The nodes of an instance.
    pub(super) fn nodes(&self, provider_id: &str) -> impl Iterator<Item = &Key> {
        self.nodes.get(provider_id).into_iter().flatten()
    }

    /// The claims of an instance.
    pub(super) fn claims(&self, provider_id: &str) -> impl Iterator<Item = &Key> {
        self.claims.get(provider_id).into_iter().flatten()
    }
}

/// The provider id of a node, if it has one.
pub(super) fn provider_of_node(node: &Node) -> Option<&str> {
    node.spec.as_ref()?.provider_id.as_deref().filter(|id| !id.is_empty())
}

/// The provider id of a claim, once it is launched.
pub(super) fn provider_of_claim(claim: &NodeClaim) -> Option<&str> {
    claim.status.as_ref()?.provider_id.as_deref().filter(|id| !id.is_empty())
}

fn provider_of(object: &Object) -> Option<&str> {
    match object {
        Object::Node(node) => provider_of_node(node),
        Object::NodeClaim(claim) => provider_of_claim(claim),
        _ => None,
    }
}
