//! The condition Drifted: whether a node still is what is asked for (reference section 4.7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::condition_types::{DRIFTED, LAUNCHED};
use supercargo_api::labels::{INSTANCE_TYPE, NODEPOOL};
use supercargo_api::{ConditionStatus, EC2NodeClass, NodeClaim, NodePool, is_true};
use supercargo_cloud::{Instance, InstanceQuery, ProviderId, drift};
use supercargo_engine::disruption::drift_of;
use supercargo_engine::market::Market;
use supercargo_reconcile::{Action, Answer, Change, Controller, Decision, Key, Kind, Object, State};

use crate::knowledge::Knowledge;
use crate::lifecycle::expired_in_turn;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often a claim is looked at though nothing changes (reference section 4.7).
const PERIOD: Duration = Duration::from_secs(300);
/// The key under which EC2 is asked what the instances are made of.
const INSTANCES: &str = "";

/// Keeps the condition Drifted.
pub struct Drifted {
    knowledge: Arc<Knowledge>,
    /// Instances as last described, by id.
    instances: BTreeMap<String, Instance>,
    asked_at: Option<Timestamp>,
    tickets: u64,
    market: Option<(Timestamp, Arc<Market>)>,
}

impl Drifted {
    /// The controller.
    pub fn new(knowledge: Arc<Knowledge>) -> Drifted {
        Drifted { knowledge, instances: BTreeMap::new(), asked_at: None, tickets: 0, market: None }
    }

    /// Asks EC2 what the instances are made of: subnets and security groups are told by nobody else.
    fn ask(&mut self, state: &State, now: Timestamp) -> Decision {
        let due = self.asked_at.map_or(now, |at| later(at, PERIOD));
        if state.node_claims.is_empty() {
            return Decision::nothing();
        }
        if due > now {
            return Decision { actions: Vec::new(), again: Some(due) };
        }
        self.asked_at = Some(now);
        self.tickets += 1;
        let request =
            CloudRequest::DescribeInstances(InstanceQuery::of_cluster(&self.knowledge.cluster.name));
        let action = Action::ask(Kind::NodeClaim, Key::cluster(INSTANCES), self.tickets, request);
        Decision { actions: vec![action], again: Some(later(now, PERIOD)) }
    }

    /// The market of this turn.
    fn market(&mut self, state: &State, now: Timestamp) -> Arc<Market> {
        if let Some((at, market)) = &self.market
            && *at == now
        {
            return Arc::clone(market);
        }
        let classes: Vec<Arc<EC2NodeClass>> = state.node_classes.values().cloned().collect();
        let market = self.knowledge.market(&classes, false, now);
        self.market = Some((now, Arc::clone(&market)));
        market
    }

    /// In which respect a claim has drifted: a reason and a sentence.
    fn drift(&mut self, claim: &NodeClaim, state: &State, now: Timestamp) -> Option<(String, String)> {
        let pool = pool_of(claim).and_then(|pool| state.node_pools.get(&Key::cluster(pool)))?;
        let class = state.node_classes.get(&Key::cluster(&claim.spec.node_class_ref.name));
        let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref());
        let node = node.and_then(|node| state.nodes.get(&Key::cluster(node)));
        let labels = node.and_then(|node| node.metadata.labels.clone()).unwrap_or_default();
        let market = self.market(state, now);
        let table = market.table(&claim.spec.node_class_ref.name).map(|table| &**table);
        let pool: &NodePool = pool;
        if let Some(found) = drift_of(claim, &labels, pool, class.map(|class| &**class), table, now) {
            return Some((found.reason.as_str().to_owned(), found.detail));
        }
        let instance = claim.status.as_ref().and_then(|status| status.provider_id.as_deref())?;
        let instance = self.instances.get(&instance.parse::<ProviderId>().ok()?.instance_id)?;
        let name = claim.metadata.labels.as_ref()?.get(INSTANCE_TYPE)?;
        let index = table?.types.binary_search_by(|known| known.name.cmp(name)).ok()?;
        let type_labels: BTreeMap<String, String> = table?.types[index]
            .labels
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        let group = self.knowledge.placement_group(&claim.spec.node_class_ref.name);
        let reason = drift(claim, class?, instance, &type_labels, group.as_ref())?;
        Some((reason.as_str().to_owned(), String::new()))
    }
}

impl Controller for Drifted {
    const NAME: &'static str = "drift";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim, Kind::NodePool, Kind::EC2NodeClass, Kind::Node];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (change.kind, &change.old, &change.new) {
            (Kind::NodeClaim, None, Some(_)) => vec![change.key.clone(), Key::cluster(INSTANCES)],
            (Kind::NodeClaim, ..) => vec![change.key.clone()],
            (Kind::NodePool, Some(Object::NodePool(old)), Some(Object::NodePool(new)))
                if old.spec == new.spec && old.metadata.annotations == new.metadata.annotations =>
            {
                Vec::new()
            }
            (Kind::NodePool, ..) => claims_of_pool(state, &change.key.name),
            (Kind::EC2NodeClass, Some(Object::EC2NodeClass(old)), Some(Object::EC2NodeClass(new)))
                if old.spec == new.spec
                    && old.metadata.annotations == new.metadata.annotations
                    && found(old) == found(new) =>
            {
                Vec::new()
            }
            (Kind::EC2NodeClass, ..) => {
                let of_class = |claim: &NodeClaim| claim.spec.node_class_ref.name == change.key.name;
                let claims = state.node_claims.iter().filter(|(_, claim)| of_class(claim));
                claims.map(|(key, _)| key.clone()).collect()
            }
            // the labels of a node are those of its claim, but for what people do by hand, which the next round sees
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        if key.name == INSTANCES {
            return self.ask(state, now);
        }
        let Some(claim) = state.node_claims.get(key) else { return Decision::nothing() };
        if claim.metadata.deletion_timestamp.is_some() || !is_true(claim.conditions(), LAUNCHED) {
            return Decision::nothing();
        }
        let mut changed = NodeClaim::clone(claim);
        let expired = expired_in_turn(&self.knowledge.settings, claim, now);
        match self.drift(claim, state, now).or(expired) {
            Some((reason, detail)) => {
                changed.set_condition(DRIFTED, ConditionStatus::True, &reason, &detail, now);
            }
            None => {
                changed.remove_condition(DRIFTED);
            }
        }
        let actions = Action::update_status(Kind::NodeClaim, &**claim, &changed).into_iter().collect();
        Decision { actions, again: Some(later(now, PERIOD)) }
    }

    fn answered(&mut self, _: u64, answer: Answer, state: &State, _: Timestamp) -> Vec<Key> {
        let Ok(answer) = answer.downcast::<CloudAnswer>() else { return Vec::new() };
        match *answer {
            CloudAnswer::Instances(Ok(instances)) => {
                self.instances = instances.into_iter().map(|one| (one.id.clone(), one)).collect();
                state.node_claims.iter().map(|(key, _)| key.clone()).collect()
            }
            CloudAnswer::Instances(Err(error)) => {
                tracing::warn!(%error, "instances could not be described, so drift of subnets and security groups is not known");
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

/// What a class has found.
fn found(class: &EC2NodeClass) -> impl PartialEq + use<'_> {
    class
        .status
        .as_ref()
        .map(|status| (&status.subnets, &status.security_groups, &status.amis, &status.capacity_reservations))
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The NodePool of a claim.
fn pool_of(claim: &NodeClaim) -> Option<&str> {
    claim.metadata.labels.as_ref()?.get(NODEPOOL).map(String::as_str)
}

/// The claims of a NodePool.
fn claims_of_pool(state: &State, pool: &str) -> Vec<Key> {
    let claims = state.node_claims.iter().filter(|(_, claim)| pool_of(claim) == Some(pool));
    claims.map(|(key, _)| key.clone()).collect()
}
