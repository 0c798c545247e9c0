//! What must hold of every outcome, checked from the snapshot alone.
//!
//! Nothing here asks the solver's own books: resources, rules and counts are worked out again from the pods, the nodes
//! and the market. Tests, simulations and debug builds share this one list.
//!
//! ```text
//! Snapshot, Outcome ──> pods placed once ──> each place: rules, room, ports ──> each domain: neighbours, spreads
//!                                        └─> each NodePool: limits, minValues, reservations
//! ```

mod neighbours;
mod places;
mod purchases;
mod spreads;
mod suitability;

use std::collections::BTreeMap;

use supercargo_catalog::Usd;

use crate::snapshot::Snapshot;
use crate::solve::Outcome;
use places::Places;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A pending pod is neither placed nor refused.
    #[error("pod {pod} is pending, but appears nowhere")]
    Lost {
        /// The pod.
        pod: String,
    },
    /// A pod is placed or refused more than once.
    #[error("pod {pod} appears {times} times")]
    Repeated {
        /// The pod.
        pod: String,
        /// How often.
        times: usize,
    },
    /// A pod is placed that was not to be.
    #[error("pod {pod} appears, but is not pending")]
    Uncalled {
        /// The pod.
        pod: String,
    },
    /// A node's books disagree with its pods.
    #[error("{place} books {booked}, but its pods make {counted}")]
    Miscounted {
        /// The node.
        place: String,
        /// What it says.
        booked: String,
        /// What it should say.
        counted: String,
    },
    /// A node without pods is bought.
    #[error("{place} is bought for no pod")]
    Idle {
        /// The node.
        place: String,
    },
    /// The pods of a node need more than it has.
    #[error("{place} lacks {resource}: its pods need {needed}, it has {available}")]
    Overfull {
        /// The node, with the type it might be.
        place: String,
        /// The resource.
        resource: String,
        /// Base units its pods and DaemonSets take.
        needed: i64,
        /// Base units it has.
        available: i64,
    },
    /// A pod may not run on its node.
    #[error("pod {pod} may not be on {place}: {reason}")]
    Unsuitable {
        /// The pod.
        pod: String,
        /// The node, with the type it might be.
        place: String,
        /// Why not.
        reason: String,
    },
    /// Two pods want one port.
    #[error("{place}: pod {pod} wants host port {port}, which is taken")]
    PortTaken {
        /// The node.
        place: String,
        /// The pod.
        pod: String,
        /// The port.
        port: i32,
    },
    /// Two pods are together although one of them objects.
    #[error("{domain}: a pod of {owner} shuns a pod of {other} there")]
    Together {
        /// Topology key and domain.
        domain: String,
        /// A pod of the class that objects.
        owner: String,
        /// A pod of the class that it objects to.
        other: String,
    },
    /// A pod that must be near others is not.
    #[error("{domain}: a pod of {owner} finds none of those it must be near")]
    Lonely {
        /// Topology key and domain.
        domain: String,
        /// A pod of the class.
        owner: String,
    },
    /// A spread is broken.
    #[error(
        "{domain}: {count} pods of {owner}'s spread, {least} in the emptiest domain, at most {max_skew} more allowed"
    )]
    Skewed {
        /// Topology key and domain.
        domain: String,
        /// A pod of the class.
        owner: String,
        /// Pods in the domain.
        count: i64,
        /// Pods in the emptiest domain.
        least: i64,
        /// Allowed difference.
        max_skew: i64,
    },
    /// A pod with a rule about domains is on a node whose domain is open.
    #[error(
        "{place}: the pod {owner} has a rule about {key}, but the node may have {domains} of its domains"
    )]
    Unpinned {
        /// The node.
        place: String,
        /// A pod of the class.
        owner: String,
        /// Topology key.
        key: String,
        /// How many domains the node may have.
        domains: usize,
    },
    /// A NodePool may grow past its limit.
    #[error("NodePool {pool}: the new nodes may have {needed} of {resource}, the limit leaves {left}")]
    OverLimit {
        /// The NodePool.
        pool: String,
        /// The resource, or `nodes`.
        resource: String,
        /// The most that the new nodes may have together.
        needed: i64,
        /// What the limit leaves.
        left: i64,
    },
    /// A node offers too little choice.
    #[error("{place}: {found} values of {key}, minValues asks for {least}")]
    Inflexible {
        /// The node.
        place: String,
        /// Label key.
        key: String,
        /// Values found.
        found: usize,
        /// Values asked for.
        least: u32,
    },
    /// The type a node is bought as is not one it lists, not at that price, or not the cheapest.
    #[error("{place} is bought for {price}: {reason}")]
    Mispriced {
        /// The node.
        place: String,
        /// What it is said to cost.
        price: Usd,
        /// What is wrong.
        reason: String,
    },
    /// More instances are bought from a reservation than it has.
    #[error("reservation {reservation}: {bought} instances of {instance_type} bought, {count} free")]
    Oversold {
        /// Id.
        reservation: String,
        /// Type.
        instance_type: String,
        /// Instances bought.
        bought: u32,
        /// Instances free.
        count: u32,
    },
    /// The bound is no bound.
    #[error("the lower bound {bound} is above the price {price}")]
    BoundAbovePrice {
        /// The bound.
        bound: Usd,
        /// The price.
        price: Usd,
    },
}

/// Everything that is wrong with an outcome; nothing when all is well.
pub fn check(snapshot: &Snapshot, outcome: &Outcome) -> Vec<Violation> {
    let mut violations = Vec::new();
    check_once_each(snapshot, outcome, &mut violations);
    let places = Places::new(snapshot, outcome);
    suitability::check(&places, &mut violations);
    purchases::check(&places, &mut violations);
    let matcher = neighbours::Matcher::new(snapshot);
    neighbours::check(&places, &matcher, &mut violations);
    spreads::check(&places, &matcher, &mut violations);
    violations
}

/// Every pending pod exactly once: on a room, on a planned node, or refused.
fn check_once_each(snapshot: &Snapshot, outcome: &Outcome, violations: &mut Vec<Violation>) {
    let on_rooms = outcome.on_rooms.iter().map(|(_, pod)| *pod);
    let on_nodes = outcome.nodes.iter().flat_map(|node| &node.pods).copied();
    let refused = outcome.unplaced.iter().flat_map(|unplaced| &unplaced.pods).copied();
    let mut times: BTreeMap<u32, usize> = snapshot.pending.iter().map(|pod| (*pod, 0)).collect();
    for pod in on_rooms.chain(on_nodes).chain(refused) {
        match times.get_mut(&pod) {
            Some(times) => *times += 1,
            None => violations.push(Violation::Uncalled { pod: snapshot.pod_name(pod) }),
        }
    }
    for (pod, times) in times {
        match times {
            1 => {}
            0 => violations.push(Violation::Lost { pod: snapshot.pod_name(pod) }),
            _ => violations.push(Violation::Repeated { pod: snapshot.pod_name(pod), times }),
        }
    }
}
