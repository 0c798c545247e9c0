//! Instances get the names of their node and claim as tags once these are known (reference sections 1.6 and 5.4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_api::condition_types::REGISTERED;
use supercargo_api::is_true;
use supercargo_api::labels::keys;
use supercargo_cloud::{ProviderId, tags};
use supercargo_reconcile::{Action, Answer, Change, Controller, Decision, Key, Kind, Object, State};

use crate::knowledge::Knowledge;
use crate::lifecycle::provider_id;
use crate::outside::{CloudAnswer, CloudRequest};

/// How long a call that failed waits to be made again.
const RETRY: Duration = Duration::from_secs(30);
/// Calls under way at once: tags are in no hurry, and other calls share the quota.
const AT_ONCE: usize = 10;

/// The controller of tags of instances.
pub struct InstanceTags {
    knowledge: Arc<Knowledge>,
    last_ticket: u64,
    under_way: BTreeMap<u64, Key>,
    /// Claims whose instance has its tags, by uid; and those whose call failed, with the time of the next.
    tagged: BTreeMap<Key, Option<String>>,
    retry: BTreeMap<Key, Timestamp>,
    /// Claims that wait until fewer calls are under way.
    waiting: BTreeSet<Key>,
}

impl InstanceTags {
    /// A controller that has tagged nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            knowledge,
            last_ticket: 0,
            under_way: BTreeMap::new(),
            tagged: BTreeMap::new(),
            retry: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }
}

fn has(claim: &NodeClaim, key: &str) -> bool {
    claim.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(key))
}

/// Whether the claim says that its instance has all its tags.
fn says_so(claim: &NodeClaim) -> bool {
    has(claim, keys::TAGGED) && has(claim, keys::CLUSTER_NAME_TAGGED)
}

impl Controller for InstanceTags {
    const NAME: &'static str = "tagging";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match &change.new {
            Some(Object::NodeClaim(claim)) if is_true(claim.conditions(), REGISTERED) && !says_so(claim) => {
                vec![change.key.clone()]
            }
            None => vec![change.key.clone()],
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(claim) =
            state.node_claims.get(key).filter(|claim| claim.metadata.deletion_timestamp.is_none())
        else {
            self.tagged.remove(key);
            self.retry.remove(key);
            return Decision::nothing();
        };
        let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref());
        let id = provider_id(claim).and_then(|id| id.parse::<ProviderId>().ok());
        let (Some(node), Some(id)) = (node, id) else { return Decision::nothing() };
        if says_so(claim) || self.under_way.values().any(|asked| asked == key) {
            return Decision::nothing();
        }
        let mut decision = Decision::nothing();
        if self.tagged.get(key) == Some(&claim.metadata.uid) {
            let mut wanted = (**claim).clone();
            let annotations = wanted.metadata.annotations.get_or_insert_default();
            annotations.insert(keys::TAGGED.to_owned(), "true".to_owned());
            annotations.insert(keys::CLUSTER_NAME_TAGGED.to_owned(), "true".to_owned());
            decision.actions.extend(Action::update(Kind::NodeClaim, &**claim, &wanted));
            return decision;
        }
        if let Some(at) = self.retry.get(key).filter(|at| now < **at) {
            decision.look_again(*at);
            return decision;
        }
        if self.under_way.len() >= AT_ONCE {
            self.waiting.insert(key.clone());
            return decision;
        }
        let mut all = tags::of_node(&key.name, node);
        all.insert(tags::EKS_CLUSTER.to_owned(), self.knowledge.cluster.name.clone());
        self.last_ticket += 1;
        self.under_way.insert(self.last_ticket, key.clone());
        let request = CloudRequest::CreateTags(vec![id.instance_id], all);
        decision.actions.push(Action::ask(Kind::NodeClaim, key.clone(), self.last_ticket, request));
        decision
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) -> Vec<Key> {
        let Some(key) = self.under_way.remove(&ticket) else { return Vec::new() };
        let uid = state.node_claims.get(&key).and_then(|claim| claim.metadata.uid.clone());
        match answer.downcast::<CloudAnswer>().map(|answer| *answer) {
            Ok(CloudAnswer::Done(Ok(()))) => {
                self.tagged.insert(key.clone(), uid);
            }
            Ok(CloudAnswer::Done(Err(problem))) => {
                tracing::debug!(node_claim = %key, %problem, "the instance could not be tagged");
                self.retry.insert(key.clone(), now + RETRY);
            }
            _ => {
                self.retry.insert(key.clone(), now + RETRY);
            }
        }
        std::iter::once(key).chain(self.waiting.pop_first()).collect()
    }
}
