//! The node of a launched claim joins (reference rows R1 and R2).

use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use supercargo_api::condition_reasons::node_claim as reasons;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, taint};

use crate::conditions::Finding;

/// How far the registration of a claim is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Registration {
    /// It cannot be registered yet.
    Waits(Finding),
    /// The node has to become this first; it lacked the taint that keeps pods away until then, or not.
    Sync {
        /// The node as it shall be.
        node: Box<Node>,
        /// Whether the taint for nodes that are not registered yet was missing.
        taint_missing: bool,
    },
    /// It is registered, and this is the name of its node.
    Done(String),
}

/// How far the registration of a claim with these nodes is.
pub(super) fn register(claim: &NodeClaim, nodes: &[&Node]) -> Registration {
    let node = match nodes {
        [] => {
            let finding = Finding::unknown(reasons::NODE_NOT_FOUND, "Node not registered with cluster");
            return Registration::Waits(finding);
        }
        [node] => node,
        _ => {
            let message = format!("{} nodes say they are this instance, there must be one", nodes.len());
            return Registration::Waits(Finding::fails(reasons::MULTIPLE_NODES_FOUND, message));
        }
    };
    if node.metadata.deletion_timestamp.is_some() {
        let finding = Finding::unknown(reasons::NODE_NOT_FOUND, "Node is being deleted before it registered");
        return Registration::Waits(finding);
    }
    let wanted = synced(claim, node);
    if wanted == **node {
        return Registration::Done(node.metadata.name.clone().unwrap_or_default());
    }
    let has_registered = label_is(node, keys::REGISTERED, "true");
    let taint_missing = !has_registered && !taints(node).iter().any(is_unregistered);
    Registration::Sync { node: Box::new(wanted), taint_missing }
}

/// The node with everything that its claim says of it.
fn synced(claim: &NodeClaim, node: &Node) -> Node {
    let mut wanted = node.clone();
    let has_registered = label_is(node, keys::REGISTERED, "true");
    let metadata = &mut wanted.metadata;
    let finalizers = metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|name| name == keys::TERMINATION_FINALIZER) {
        finalizers.push(keys::TERMINATION_FINALIZER.to_owned());
    }
    let owners = metadata.owner_references.get_or_insert_default();
    if !owners.iter().any(|owner| Some(&owner.uid) == claim.metadata.uid.as_ref()) {
        owners.push(owner_reference(claim));
    }
    if has_registered {
        // what others changed since then is theirs
        return wanted;
    }
    if let Some(annotations) = &claim.metadata.annotations {
        // which launches were called for together is of no use on a node
        let told = annotations.iter().filter(|(key, _)| !key.starts_with(keys::LAUNCHED_TOGETHER));
        let told = told.map(|(key, value)| (key.clone(), value.clone()));
        metadata.annotations.get_or_insert_default().extend(told);
    }
    let labels = metadata.labels.get_or_insert_default();
    labels.extend(claim.metadata.labels.clone().unwrap_or_default());
    labels.insert(keys::REGISTERED.to_owned(), "true".to_owned());
    let spec = wanted.spec.get_or_insert_default();
    let mut all = spec.taints.take().unwrap_or_default();
    // the kubelet brings its taints itself where its user data tells it to
    if !label_is(node, keys::DO_NOT_SYNC_TAINTS, "true") {
        let missing: Vec<Taint> = claim
            .spec
            .taints()
            .iter()
            .chain(claim.spec.startup_taints())
            .filter(|wanted| {
                !all.iter().any(|known| known.key == wanted.key && known.effect == wanted.effect)
            })
            .cloned()
            .collect();
        all.extend(missing);
    }
    all.retain(|taint| !is_unregistered(taint));
    spec.taints = (!all.is_empty()).then_some(all);
    wanted
}

fn owner_reference(claim: &NodeClaim) -> OwnerReference {
    OwnerReference {
        api_version: format!("{}/v1", keys::KARPENTER_GROUP),
        kind: "NodeClaim".to_owned(),
        name: claim.metadata.name.clone().unwrap_or_default(),
        uid: claim.metadata.uid.clone().unwrap_or_default(),
        block_owner_deletion: Some(true),
        controller: None,
    }
}

/// Whether a taint is the one of nodes that are not registered yet.
fn is_unregistered(found: &Taint) -> bool {
    let unregistered = taint::unregistered();
    found.key == unregistered.key && found.effect == unregistered.effect
}

/// The taints of a node.
pub(super) fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default()
}

/// Whether a label of a node has this value.
pub(super) fn label_is(node: &Node, key: &str, value: &str) -> bool {
    node.metadata.labels.as_ref().and_then(|labels| labels.get(key)).is_some_and(|found| found == value)
}
