//! The node of a registered claim becomes ready for pods (reference section 3.3).

use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_reasons::node_claim as reasons;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, Resources, taint};

use super::registration::{label_is, taints};
use crate::conditions::Finding;

/// How far the initialization of a claim is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Initialization {
    /// Something is missing.
    Waits(Finding),
    /// Nothing is missing; the node has to say so first.
    Label(Box<Node>),
    /// The node is initialized.
    Done,
}

/// How far the initialization of a claim with this node is.
pub(super) fn initialize(claim: &NodeClaim, node: Option<&Node>) -> Initialization {
    let waits = |reason: &str, message: String| Initialization::Waits(Finding::unknown(reason, message));
    let Some(node) = node else {
        return waits(reasons::NODE_NOT_FOUND, "Node not registered with cluster".to_owned());
    };
    if label_is(node, keys::INITIALIZED, "true") {
        return Initialization::Done;
    }
    if !is_ready(node) {
        return waits(reasons::NODE_NOT_READY, "Node status is NotReady".to_owned());
    }
    let startup = claim.spec.startup_taints();
    let is_startup = |found: &&k8s_openapi::api::core::v1::Taint| {
        startup.iter().any(|taint| taint.key == found.key && taint.effect == found.effect)
    };
    if let Some(found) = taints(node).iter().find(is_startup) {
        let message = format!("StartupTaint {:?} still exists", taint::describe(found));
        return waits(reasons::STARTUP_TAINTS_EXIST, message);
    }
    if let Some(found) = taints(node).iter().find(|found| taint::is_known_ephemeral(found)) {
        let message = format!("KnownEphemeralTaint {:?} still exists", taint::describe(found));
        return waits(reasons::KNOWN_EPHEMERAL_TAINTS_EXIST, message);
    }
    if let Some(name) = missing_resource(claim, node) {
        let message = format!("Resource {name:?} was requested but not registered");
        return waits(reasons::RESOURCE_NOT_REGISTERED, message);
    }
    let mut wanted = node.clone();
    wanted.metadata.labels.get_or_insert_default().insert(keys::INITIALIZED.to_owned(), "true".to_owned());
    Initialization::Label(Box::new(wanted))
}

/// Whether the kubelet says that the node is ready.
pub(super) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// A resource that was asked for and that the node does not have (yet).
fn missing_resource(claim: &NodeClaim, node: &Node) -> Option<String> {
    let requests = claim.spec.requests()?.resources().ok()?;
    let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    let allocatable =
        allocatable.and_then(|found| Resources::from_quantities(found.iter()).ok()).unwrap_or_default();
    let mut asked = requests.iter().filter(|(_, amount)| *amount > 0);
    asked.find(|(name, _)| allocatable.get(name) == 0).map(|(name, _)| name.to_owned())
}
