//! Machines that are paid for before their nodes are there.
//!
//! A cloud bills an instance from its launch; its Node comes when it has booted. Where a NodeClaim says when that was, the
//! time between the two is the node's, and idle: nobody could run there. An instance that never becomes a node is told by
//! the name of its claim.

use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus};
use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::{ConditionStatus, NodeClaim};

use crate::collector::nodes::node_fact;
use crate::collector::view::{Seen, View};
use crate::facts::NodeFact;
use crate::interval::Interval;

/// The condition that says that there is an instance.
const LAUNCHED: &str = "Launched";

/// Launches of instances, as far as NodeClaims know them.
pub(super) struct Launches<'a> {
    /// When, by provider id.
    times: FxHashMap<&'a str, i64>,
    /// Those without a node: the claim, and when.
    waiting: Vec<(Seen<'a, NodeClaim>, i64)>,
}

impl<'a> Launches<'a> {
    pub fn of(view: &View<'a>) -> Launches<'a> {
        let mut launches = Launches { times: FxHashMap::default(), waiting: Vec::new() };
        if view.claims.is_empty() {
            return launches;
        }
        let booted: FxHashSet<&str> = view.nodes.iter().filter_map(|seen| provider_id(seen.object)).collect();
        for seen in &view.claims {
            let Some((instance, at)) = launched(seen.object) else { continue };
            launches.times.insert(instance, at);
            let status = seen.object.status.as_ref();
            // one that had a node is on its way out
            let had_node =
                status.and_then(|status| status.node_name.as_deref()).is_some_and(|name| !name.is_empty());
            if !had_node && !booted.contains(instance) {
                launches.waiting.push((*seen, at));
            }
        }
        launches
    }

    /// The second from which a node is paid for, which was created at another.
    pub fn beginning(&self, node: &Node, created: i64) -> i64 {
        let launched = provider_id(node).and_then(|instance| self.times.get(instance));
        launched.map_or(created, |launched| created.min(*launched))
    }

    /// The instances that have no node yet, as far as they were there in a stretch.
    pub fn waiting(&self, inside: Interval) -> impl Iterator<Item = NodeFact> {
        self.waiting.iter().filter_map(move |(seen, at)| {
            let there = seen.since(*at).overlap(inside);
            (!there.is_empty()).then(|| claim_fact(seen.object, there))?
        })
    }
}

fn provider_id(node: &Node) -> Option<&str> {
    node.spec.as_ref()?.provider_id.as_deref().filter(|id| !id.is_empty())
}

/// The instance of a claim, and when it was launched.
fn launched(claim: &NodeClaim) -> Option<(&str, i64)> {
    let status = claim.status.as_ref()?;
    let instance = status.provider_id.as_deref().filter(|id| !id.is_empty())?;
    let conditions = status.conditions.iter().flatten();
    let condition = conditions
        .into_iter()
        .find(|condition| condition.type_ == LAUNCHED && condition.status == ConditionStatus::True)?;
    Some((instance, condition.last_transition_time.as_ref()?.0.as_second()))
}

/// The node that an instance is going to be.
fn claim_fact(claim: &NodeClaim, there: Interval) -> Option<NodeFact> {
    let status = claim.status.as_ref()?;
    let node = Node {
        metadata: claim.metadata.clone(),
        spec: Some(NodeSpec { provider_id: status.provider_id.clone(), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            capacity: status.capacity.as_deref().cloned(),
            allocatable: status.allocatable.as_deref().cloned(),
            ..NodeStatus::default()
        }),
    };
    let mut fact = node_fact(&node, there)?;
    if fact.region.is_empty() {
        // us-east-1 of us-east-1a
        fact.region = fact.zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase()).into();
    }
    Some(fact)
}
