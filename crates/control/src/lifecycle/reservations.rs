//! Instances that leave their capacity reservation, and capacity blocks that end (reference section 5.8; gate
//! ReservedCapacity).
//!
//! An instance whose reservation ended or was taken away goes on as an on-demand one: claim and node are told so, and then
//! drift and consolidation see it as what it is. Of a capacity block EC2 takes the instances back at its end; their pods
//! move before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::labels::keys;
use supercargo_api::{CapacityReservationType, NodeClaim};
use supercargo_catalog::CapacityType;
use supercargo_cloud::{BLOCK_EXPIRES_AHEAD, Instance, InstanceQuery, ProviderId};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use super::claims::{capacity_type, is_leaving, label, node_pool_of, provider_id};
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often it is looked (reference section 5.8).
const EVERY: Duration = Duration::from_secs(60);

/// Looks after claims in capacity reservations.
pub struct Reservations {
    knowledge: Arc<Knowledge>,
    next: Option<Timestamp>,
    last_ticket: u64,
    seen: Option<Vec<Instance>>,
}

impl Reservations {
    /// A part that has seen nothing yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, next: Some(Timestamp::MIN), last_ticket: 0, seen: None }
    }

    /// Deletes claims whose capacity block is about to end.
    fn expire(&self, state: &State, now: Timestamp) -> Vec<Action> {
        let ends = block_ends(state);
        let mut actions = Vec::new();
        for claim in reserved(state) {
            let id = label(claim, keys::CAPACITY_RESERVATION_ID).unwrap_or_default();
            let Some(end) = ends.get(id).filter(|end| end.duration_since(now) <= BLOCK_EXPIRES_AHEAD) else {
                continue;
            };
            let pool = node_pool_of(claim).unwrap_or_default();
            self.knowledge.metrics.node_claim_disrupted(
                pool,
                capacity_type(claim),
                "capacity_block_expiring",
            );
            let sentence = "deleted it: its capacity block is about to end";
            self.knowledge.journal.record(
                Entry::new(now, EntryKind::Expiry, Subject::of(&**claim), sentence)
                    .given("reservation", id)
                    .given("ends", end),
            );
            actions.push(Action::delete(Kind::NodeClaim, &**claim));
        }
        actions
    }
}

/// When capacity blocks end, by id, as the classes tell.
fn block_ends(state: &State) -> BTreeMap<String, Timestamp> {
    let classes =
        state.node_classes.values().filter_map(|class| class.status.as_ref()?.capacity_reservations.as_ref());
    let blocks =
        classes.flatten().filter(|one| one.reservation_type() == CapacityReservationType::CapacityBlock);
    blocks.filter_map(|block| Some((block.id.clone(), block.end_time.as_ref()?.0))).collect()
}

/// Claims in reservations that stay.
fn reserved(state: &State) -> impl Iterator<Item = &Arc<NodeClaim>> {
    let claims = state.node_claims.values();
    claims.filter(|claim| capacity_type(claim) == keys::CAPACITY_TYPE_RESERVED && !is_leaving(claim))
}

/// Takes the reservation off the labels; whether it was on them.
fn demote(metadata: &mut ObjectMeta) -> bool {
    let Some(labels) = &mut metadata.labels else { return false };
    if labels.get(keys::CAPACITY_TYPE).is_none_or(|kind| kind != keys::CAPACITY_TYPE_RESERVED) {
        return false;
    }
    labels.insert(keys::CAPACITY_TYPE.to_owned(), keys::CAPACITY_TYPE_ON_DEMAND.to_owned());
    for key in [
        keys::CAPACITY_RESERVATION_ID,
        keys::CAPACITY_RESERVATION_TYPE,
        keys::CAPACITY_RESERVATION_INTERRUPTIBLE,
    ] {
        labels.remove(key);
    }
    true
}

/// Claims and nodes whose instances are in no reservation any more.
fn demotions(instances: &[Instance], state: &State) -> Vec<Action> {
    let by_id: BTreeMap<&str, &Instance> =
        instances.iter().map(|instance| (instance.id.as_str(), instance)).collect();
    let mut actions = Vec::new();
    for claim in reserved(state) {
        let Some(id) = provider_id(claim) else { continue };
        let Some(instance) =
            id.parse::<ProviderId>().ok().and_then(|id| by_id.get(id.instance_id.as_str()).copied())
        else {
            continue;
        };
        if instance.capacity_type == CapacityType::Reserved && instance.reservation_id.is_some() {
            continue;
        }
        let mut wanted = (**claim).clone();
        if demote(&mut wanted.metadata) {
            actions.extend(Action::update(Kind::NodeClaim, &**claim, &wanted));
        }
        for (_, node) in state.nodes_of_instance(id) {
            let mut wanted = (**node).clone();
            if demote(&mut wanted.metadata) {
                actions.extend(Action::update(Kind::Node, &**node, &wanted));
            }
        }
    }
    actions
}

impl Part for Reservations {
    fn name(&self) -> &'static str {
        "reservations"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodeClaim, Kind::Node, Kind::EC2NodeClass]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if let Some(instances) = self.seen.take() {
            return demotions(&instances, state);
        }
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        self.next = Some(now + EVERY);
        if !self.knowledge.settings.gates.reserved_capacity || reserved(state).next().is_none() {
            return Vec::new();
        }
        let mut actions = self.expire(state, now);
        self.next = None;
        self.last_ticket += 1;
        let request =
            CloudRequest::DescribeInstances(InstanceQuery::of_cluster(&self.knowledge.cluster.name));
        actions.push(Action::ask(Kind::NodeClaim, Key::cluster(""), self.last_ticket, request));
        actions
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, _: u64, answer: Answer, _: &State, now: Timestamp) {
        self.next = Some(now + EVERY);
        if let Ok(CloudAnswer::Instances(Ok(instances))) =
            answer.downcast::<CloudAnswer>().map(|answer| *answer)
        {
            self.seen = Some(instances);
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.seen.is_some() { Some(Timestamp::MIN) } else { self.next }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::Settings;
    use crate::stage::{self, Stage};

    fn labels() -> Value {
        json!({
            "karpenter.sh/nodepool": "general", "karpenter.sh/capacity-type": "reserved",
            "karpenter.k8s.aws/capacity-reservation-id": "cr-1",
            "karpenter.k8s.aws/capacity-reservation-type": "capacity-block",
        })
    }

    fn stage() -> (Stage, Arc<Knowledge>) {
        let knowledge = stage::knowledge(Settings::default());
        (Stage::new(vec![Box::new(Reservations::new(Arc::clone(&knowledge)))]), knowledge)
    }

    fn claim(provider_id: &str) -> Value {
        let mut claim = stage::node_claim("a", "general", "default");
        claim["metadata"]["labels"] = labels();
        claim["status"] = json!({"providerID": provider_id});
        claim
    }

    #[test]
    fn section_5_8_an_instance_that_left_its_reservation_is_told_to_be_on_demand() {
        let (mut stage, _) = stage();
        let id = stage.launch_stray("general", "one");
        let provider_id = stage.region.machine(&id).unwrap().provider_id().to_string();
        stage.toy.create(Kind::NodeClaim, claim(&provider_id));
        stage.toy.create(
            Kind::Node,
            json!({"metadata": {"name": "n", "labels": labels()}, "spec": {"providerID": provider_id}}),
        );
        stage.run(Duration::from_secs(61));
        for (kind, name) in [(Kind::NodeClaim, "a"), (Kind::Node, "n")] {
            let labels = stage.get(kind, name)["metadata"]["labels"].clone();
            assert_eq!(
                labels,
                json!({"karpenter.sh/nodepool": "general", "karpenter.sh/capacity-type": "on-demand"})
            );
        }
    }

    #[test]
    fn section_5_8_claims_of_a_capacity_block_go_40_minutes_before_its_end() {
        let (mut stage, knowledge) = stage();
        let mut class = stage::node_class("default");
        class["status"] = json!({"capacityReservations": [{
            "id": "cr-1", "availabilityZone": "us-east-1a", "instanceMatchCriteria": "targeted", "ownerID": "123456789012",
            "instanceType": "p5.48xlarge", "reservationType": "capacity-block", "endTime": "2026-03-02T10:00:00Z",
        }]});
        stage.toy.create(Kind::EC2NodeClass, class);
        stage.toy.create(Kind::NodeClaim, claim("aws:///us-east-1a/i-0123456789abcdef0"));
        stage.run(Duration::from_secs(19 * 60));
        assert_eq!(stage.toy.state.node_claims.len(), 1);
        stage.run(Duration::from_secs(2 * 60));
        assert!(stage.toy.state.node_claims.is_empty());
        assert_eq!(knowledge.journal.last(), 1);
    }
}
