//! Which claims and instances have lost their other half.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_types::REGISTERED;
use supercargo_api::{NodeClaim, is_true};
use supercargo_cloud::{Instance, ProviderId, tags};
use supercargo_reconcile::{Key, State};

use crate::conditions;
use crate::lifecycle::{node_pool_of, provider_id};

/// Younger instances are spared (reference section 3.6).
const YOUNG: Duration = Duration::from_secs(30);

/// What was seen of the cloud, and when it was asked.
#[derive(Clone, Debug)]
pub struct Seen {
    /// All instances of the cluster that have not ended.
    pub instances: Vec<Instance>,
    /// When they were asked for.
    pub asked_at: Timestamp,
}

/// Something that has lost its other half.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waste {
    /// A claim whose instance is gone.
    Claim(Key),
    /// An instance that no claim knows, by id, with the id that nodes know it by.
    Instance {
        /// `i-…`
        id: String,
        /// `aws:///us-east-1a/i-…`
        provider_id: String,
    },
}

/// Everything that has lost its other half, by what was seen of the cloud.
pub fn waste(seen: &Seen, state: &State) -> Vec<Waste> {
    let there: BTreeSet<String> = seen.instances.iter().map(provider_id_of).collect();
    let claims =
        state.node_claims.iter().filter(|(_, claim)| has_lost_its_instance(claim, &there, seen, state));
    let mut waste: Vec<Waste> = claims.map(|(key, _)| Waste::Claim(key.clone())).collect();
    let unheard = Unheard::new(state);
    for instance in &seen.instances {
        if is_stray(instance, seen, state) && !unheard.may_own(instance) {
            waste.push(Waste::Instance { id: instance.id.clone(), provider_id: provider_id_of(instance) });
        }
    }
    waste
}

fn provider_id_of(instance: &Instance) -> String {
    ProviderId { zone: instance.zone.clone(), instance_id: instance.id.clone() }.to_string()
}

/// Whether a claim that had registered before the cloud was asked has no instance, and no node that is ready either.
fn has_lost_its_instance(claim: &NodeClaim, there: &BTreeSet<String>, seen: &Seen, state: &State) -> bool {
    let Some(id) = provider_id(claim) else { return false };
    let conditions = claim.conditions();
    if claim.metadata.deletion_timestamp.is_some() || !is_true(conditions, REGISTERED) || there.contains(id) {
        return false;
    }
    // claims of other clouds are none of ours
    if id.parse::<ProviderId>().is_err()
        || conditions::since(conditions, REGISTERED).is_none_or(|at| at >= seen.asked_at)
    {
        return false;
    }
    !state.nodes_of_instance(id).any(|(_, node)| is_ready(node))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether an instance that was launched for a NodePool is known to no claim, and old enough to be.
fn is_stray(instance: &Instance, seen: &Seen, state: &State) -> bool {
    let is_ours = instance.tags.contains_key(tags::NODEPOOL);
    let is_old = instance.launched_at.checked_add(YOUNG).is_ok_and(|grown| grown <= seen.asked_at);
    is_ours
        && is_old
        && !instance.state.is_ending()
        && state.claims_of_instance(&provider_id_of(instance)).next().is_none()
}

/// Claims that have not heard of an instance of theirs: by NodePool, when the oldest of them was made. Any instance that
/// is younger may be its.
struct Unheard<'a>(Vec<(&'a str, Timestamp)>);

impl<'a> Unheard<'a> {
    fn new(state: &'a State) -> Self {
        let claims = state.node_claims.values().filter(|claim| provider_id(claim).is_none());
        Self(
            claims
                .map(|claim| {
                    let created = claim.metadata.creation_timestamp.as_ref();
                    (node_pool_of(claim).unwrap_or_default(), created.map_or(Timestamp::MIN, |time| time.0))
                })
                .collect(),
        )
    }

    fn may_own(&self, instance: &Instance) -> bool {
        let pool = instance.tags.get(tags::NODEPOOL).map(String::as_str).unwrap_or_default();
        self.0.iter().any(|(of, created)| *of == pool && *created <= instance.launched_at)
    }
}
