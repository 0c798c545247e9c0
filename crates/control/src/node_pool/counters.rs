//! What the nodes of a NodePool have together (rows N15 and N16).

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::condition_types::INITIALIZED;
use supercargo_api::resources::{CPU, EPHEMERAL_STORAGE, MEMORY, NODES, PODS};
use supercargo_api::{NodeClaim, ResourceList, Resources, is_true};
use supercargo_reconcile::State;

use crate::lifecycle::{node_pool_of, provider_id};

/// Resources that are listed even if there is nothing of them.
const ALWAYS_LISTED: [&str; 5] = [CPU, MEMORY, PODS, EPHEMERAL_STORAGE, NODES];

/// What the nodes of a NodePool have together.
#[derive(Clone, Debug, PartialEq)]
pub struct Counters {
    /// How many there are.
    pub nodes: i64,
    /// What they have, `nodes` among it.
    pub resources: ResourceList,
}

/// Counts the nodes of a NodePool that were launched and do not go. What a node that is starting does not show yet counts
/// as its claim promises.
pub fn counters(node_pool: &str, state: &State) -> Counters {
    let mut sum = Resources::new();
    let mut nodes = 0_i64;
    for claim in state.node_claims.values() {
        if node_pool_of(claim) != Some(node_pool) || claim.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let Some(id) = provider_id(claim) else { continue };
        nodes += 1;
        let node = state.nodes_of_instance(id).next().map(|(_, node)| &**node);
        for (name, amount) in capacity(claim, node).iter() {
            sum.set(name, sum.get(name).saturating_add(amount));
        }
    }
    sum.set(NODES, nodes);
    let mut resources = ResourceList::from(sum.to_quantities());
    for name in ALWAYS_LISTED {
        if !resources.contains_key(name) {
            resources.insert(name.to_owned(), Quantity("0".to_owned()));
        }
    }
    Counters { nodes, resources }
}

/// What a node has (reference section 2.14).
fn capacity(claim: &NodeClaim, node: Option<&Node>) -> Resources {
    let promised = claim.status.as_ref().and_then(|status| status.capacity.as_ref());
    let promised = promised.and_then(|capacity| capacity.resources().ok()).unwrap_or_default();
    let shown = node.and_then(|node| node.status.as_ref()?.capacity.as_ref());
    let mut shown =
        shown.and_then(|capacity| Resources::from_quantities(capacity.iter()).ok()).unwrap_or_default();
    if is_true(claim.conditions(), INITIALIZED) && node.is_some() {
        return shown;
    }
    for (name, amount) in promised.iter() {
        if shown.get(name) == 0 {
            shown.set(name, amount);
        }
    }
    shown
}
