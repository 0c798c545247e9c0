//! The loop: waits for a batch, has it planned, and makes the NodeClaims.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, NodePool, Pod, condition_types, is_true};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Object, Outcome, Part, State, Verb};

use super::notices::Notices;
use super::plan::solve_options;
use super::record;
use super::{BatchTimes, Names, Planned, PlannedPod, PlannedRoom, Window, node_claim, plan};
use crate::cluster::{Overdue, inputs, is_leaving, is_provisionable, kinds, overdue};
use crate::knowledge::Knowledge;
use crate::outside::Computation;

/// How long after a batch pods that still wait are looked at again (row S1).
const RETRY: Duration = Duration::from_secs(10);
/// How often buffers are looked at though nothing changes (row S1).
const BUFFERS: Duration = Duration::from_secs(30);
/// Nodes are kept for the pods that were planned onto them at least this long (reference section 2.12).
const NOMINATED: Duration = Duration::from_secs(20);
/// Events written in one turn, so that many pods do not hold up the loops.
const NOTES_IN_A_TURN: usize = 64;
/// This loop, in metrics.
const CONTROLLER: &str = "provisioner";
/// Who says so in Events.
const COMPONENT: &str = "karpenter";

/// A plan that is being made.
#[derive(Debug)]
struct UnderWay {
    ticket: u64,
    since: Timestamp,
    /// NodePools that somebody else makes claims for meanwhile.
    touched: BTreeSet<String>,
}

/// What a plan followed from, beside the mirrored state.
type Stamp = (u64, u64);

/// Buys nodes for pods that wait.
#[derive(Debug)]
pub struct Provisioner {
    knowledge: Arc<Knowledge>,
    names: Names,
    notices: Notices,
    /// Pods that wait for a node, also those for which one is on its way, and since when.
    waiting: BTreeMap<Key, Timestamp>,
    /// Nodes that go away.
    leaving: BTreeSet<String>,
    window: Option<Window>,
    under_way: Option<UnderWay>,
    planned: Option<(Planned, UnderWay)>,
    notes: VecDeque<Action>,
    tickets: u64,
    /// Something that a plan follows from has changed since the last one.
    changed: bool,
    /// Pods were planned onto nodes that are there; whether they went there has to be seen.
    unsettled: bool,
    stamp: Option<Stamp>,
    retry: Option<Timestamp>,
    /// Claims whose node should have come by now.
    overdue: Overdue,
}

impl Provisioner {
    /// The loop. The seed decides the names of claims.
    pub fn new(knowledge: Arc<Knowledge>, seed: u64) -> Self {
        Self {
            knowledge,
            names: Names::new(seed),
            notices: Notices::default(),
            waiting: BTreeMap::new(),
            leaving: BTreeSet::new(),
            window: None,
            under_way: None,
            planned: None,
            notes: VecDeque::new(),
            tickets: 0,
            changed: true,
            unsettled: false,
            stamp: None,
            retry: None,
            overdue: Overdue::default(),
        }
    }

    fn trigger(&mut self, now: Timestamp) {
        self.changed = true;
        match &mut self.window {
            Some(window) => window.extend(now),
            None => self.window = Some(Window::open(now)),
        }
    }

    fn closes(&self) -> Option<Timestamp> {
        let settings = &self.knowledge.settings;
        let window = self.window.filter(|_| self.under_way.is_none() && self.planned.is_none())?;
        Some(window.closes(settings.batch_idle_duration, settings.batch_max_duration))
    }

    /// Looks again later if there is anything that may still need a node.
    fn look_again(&mut self, now: Timestamp) {
        let is_open = !self.waiting.is_empty() || !self.leaving.is_empty();
        self.retry = if is_open {
            Some(now + RETRY)
        } else if self.knowledge.settings.gates.capacity_buffer {
            Some(now + BUFFERS)
        } else {
            None
        };
    }

    /// Prices and offerings as they are known now.
    fn market_stamp(&self, now: Timestamp) -> Stamp {
        let prices = self.knowledge.prices().changes();
        let mut unavailable = self.knowledge.unavailable();
        unavailable.sweep(now);
        (prices, unavailable.changes())
    }

    /// Sees which claims are overdue, and has the pods that were planned onto them planned anew.
    fn see_overdue(&mut self, state: &State, now: Timestamp) {
        let known = std::mem::replace(&mut self.overdue, overdue(state, now));
        let mut news = false;
        for (name, taken) in self.overdue.claims.iter().filter(|(name, _)| !known.claims.contains_key(*name))
        {
            let Some(claim) = state.node_claims.get(&Key::cluster(name)) else { continue };
            let seconds = taken.as_secs();
            tracing::warn!(node_claim = name, seconds, "node overdue");
            let message = format!(
                "No node is ready after {seconds}s, longer than others take; its pods are planned anew"
            );
            self.notes.push_back(Action::warn(&**claim, COMPONENT, "NodeOverdue", message));
            news = true;
        }
        if news {
            self.trigger(now);
        }
    }

    fn retry(&mut self, state: &State, now: Timestamp) {
        self.look_again(now);
        self.see_overdue(state, now);
        let due = self.changed || self.unsettled || self.stamp != Some(self.market_stamp(now));
        // pods for which a node was bought, which has been ready for long: the scheduler did not want it
        let is_stale = || {
            let assignments = self.knowledge.assignments();
            assignments.claims().any(|claim| state.node_claims.get(&Key::cluster(claim)).is_some())
        };
        if due || is_stale() {
            self.trigger(now);
        }
    }

    /// Has the batch planned, if there is anything to plan.
    fn fire(&mut self, state: &State, now: Timestamp) -> Option<Action> {
        self.window = None;
        self.look_again(now);
        let inputs = inputs(state, &self.knowledge, now);
        let has_buffers = self.knowledge.settings.gates.capacity_buffer && !state.capacity_buffers.is_empty();
        if inputs.waiting() == 0 && !has_buffers && !self.has_pods_to_move(state) {
            self.knowledge.metrics.unschedulable_pods(CONTROLLER, 0);
            self.knowledge.metrics.pending_pods_by_zone(CONTROLLER, &BTreeMap::new());
            return None;
        }
        tracing::info!(pods = inputs.waiting(), "found provisionable pods");
        self.changed = false;
        self.unsettled = false;
        self.stamp = Some(self.market_stamp(now));
        self.tickets += 1;
        let pods = inputs.waiting();
        self.knowledge.metrics.planning(CONTROLLER, &self.tickets.to_string(), pods, Duration::ZERO);
        self.under_way = Some(UnderWay { ticket: self.tickets, since: now, touched: BTreeSet::new() });
        let options = solve_options(&self.knowledge.settings);
        let work = Computation::new("provisioning", move || plan(&inputs, options));
        Some(Action::ask(Kind::NodePool, Key::cluster("provisioner"), self.tickets, work))
    }

    /// Whether pods on nodes that go away need another place.
    fn has_pods_to_move(&self, state: &State) -> bool {
        let is_moved = |pod: &Pod| {
            let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
            let is_fixed = owners.iter().any(|owner| owner.kind == "DaemonSet" || owner.kind == "Node");
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            !is_fixed && !matches!(phase, Some("Succeeded" | "Failed"))
        };
        self.leaving.iter().any(|node| state.pods_on(node).any(|(_, pod)| is_moved(pod)))
    }

    /// Makes the claims of a plan.
    fn act(&mut self, planned: Planned, under_way: &UnderWay, state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let nominated_until = now + NOMINATED.max(self.knowledge.settings.batch_max_duration * 2);
        self.knowledge.nominated().retain(|_, until| *until > now);
        self.unsettled = planned.placed.iter().any(|(pod, room)| pod.waits && room.is_ready);
        self.explain(&planned, state, now);
        self.measure(&planned, under_way, now);
        for (pod, room) in &planned.placed {
            self.nominate(pod, room, nominated_until);
        }
        let count = planned.claims.len();
        let mut put_off = 0;
        for claim in planned.claims {
            let pool_key = Key::cluster(&claim.shape.node_pool);
            let pool =
                state.node_pools.get(&pool_key).filter(|pool| pool.metadata.deletion_timestamp.is_none());
            let Some(pool) = pool else {
                put_off += 1;
                continue;
            };
            // somebody else has used up what this counted on, so it is planned anew: limits hold (reference section 2.11)
            if pool.spec.limits.is_some() && under_way.touched.contains(&claim.shape.node_pool) {
                put_off += 1;
                continue;
            }
            let name =
                self.names.next(&claim.shape.node_pool, |name| state.node_claims.named("", name).is_some());
            let mut assignments = self.knowledge.assignments();
            for pod in &claim.pods {
                assignments.assign(pod.key.clone(), &pod.uid, &name);
            }
            drop(assignments);
            self.knowledge.nominated().insert(name.clone(), nominated_until);
            tracing::info!(
                node_claim = name,
                node_pool = claim.shape.node_pool,
                pods = claim.pods.len(),
                types = claim.shape.instance_types.len(),
                cheapest = claim.shape.instance_types.first().map_or("", String::as_str),
                price = %claim.shape.price,
                "creating node claim"
            );
            self.tell_nominated(&claim.pods, &format!("nodeclaim/{name}"), state, now);
            self.knowledge.journal.record(record::bought(&name, &claim.shape, &claim.pods, now));
            actions.push(Action::create(node_claim(&claim.shape, pool, name)));
        }
        if count > 0 {
            tracing::info!(claims = count - put_off, price = %planned.price, bound = %planned.lower_bound, "planned new nodes");
        }
        if put_off > 0 {
            self.trigger(now);
        }
        let times = BatchTimes { closed: under_way.since, planned: now, claims: count - put_off };
        self.knowledge.batches().push(times);
        *self.knowledge.buffers() = planned.buffers;
        self.look_again(now);
        actions
    }

    /// Counts what was decided.
    fn measure(&mut self, planned: &Planned, under_way: &UnderWay, now: Timestamp) {
        let metrics = &self.knowledge.metrics;
        metrics.planned(CONTROLLER, now.duration_since(under_way.since).unsigned_abs());
        metrics.planning_ended(CONTROLLER, &under_way.ticket.to_string());
        metrics.unschedulable_pods(CONTROLLER, planned.failed.iter().filter(|(pod, _)| pod.waits).count());
        metrics.ignored_pods(planned.ignored.len());
        metrics.pending_pods_by_zone(CONTROLLER, &planned.pending_by_zone);
        for (pod, _) in planned.failed.iter().filter(|(pod, _)| pod.waits) {
            metrics.pod_planned(&pod.uid, false, now);
        }
        let bought = planned.claims.iter().flat_map(|claim| &claim.pods);
        for pod in bought.chain(planned.placed.iter().map(|(pod, _)| pod)).filter(|pod| pod.waits) {
            metrics.pod_planned(&pod.uid, true, now);
        }
    }

    /// A pod shall go to a room that is paid for.
    fn nominate(&mut self, pod: &PlannedPod, room: &PlannedRoom, until: Timestamp) {
        let mut nominated = self.knowledge.nominated();
        for name in [&room.node, &room.claim].into_iter().flatten() {
            nominated.insert(name.clone(), until);
        }
        drop(nominated);
        if let (Some(claim), false) = (&room.claim, room.is_ready) {
            self.knowledge.assignments().assign(pod.key.clone(), &pod.uid, claim);
        }
    }

    /// Writes down where pods go and why others stay (reference section 6.2).
    fn explain(&mut self, planned: &Planned, state: &State, now: Timestamp) {
        for (pod, room) in &planned.placed {
            let place = match (&room.node, &room.claim) {
                (Some(node), _) => format!("node/{node}"),
                (None, Some(claim)) => format!("nodeclaim/{claim}"),
                (None, None) => continue,
            };
            self.tell_nominated(std::slice::from_ref(pod), &place, state, now);
        }
        let mut told = false;
        for (pod, why) in planned.failed.iter().filter(|(pod, _)| pod.waits) {
            told |= self.tell_failed(&pod.key, why, state, now);
        }
        if told {
            for entry in record::stranded(&planned.failed, now) {
                self.knowledge.journal.record(entry);
            }
        }
        for (key, why) in &planned.ignored {
            self.tell_failed(key, why, state, now);
        }
        for name in &planned.without_types {
            let Some(pool) = state.node_pools.named("", name) else { continue };
            if self.notices.no_types(pool.metadata.uid.as_deref().unwrap_or_default(), now) {
                let message = "no instance type satisfies its requirements".to_owned();
                self.notes.push_back(Action::warn(&**pool, COMPONENT, "NoCompatibleInstanceTypes", message));
            }
        }
    }

    fn tell_nominated(&mut self, pods: &[PlannedPod], place: &str, state: &State, now: Timestamp) {
        for planned in pods.iter().filter(|pod| pod.waits) {
            let Some(pod) = state.pods.get(&planned.key) else { continue };
            if self.notices.nominated(&planned.uid, now) {
                let message = format!("Pod should schedule on: {place}");
                self.notes.push_back(Action::note(&**pod, COMPONENT, "Nominated", message));
            }
        }
    }

    /// Returns whether it was worth saying.
    fn tell_failed(&mut self, key: &Key, why: &str, state: &State, now: Timestamp) -> bool {
        let Some(pod) = state.pods.get(key) else { return false };
        let is_news = self.notices.failed(pod.metadata.uid.as_deref().unwrap_or_default(), now);
        if is_news {
            let message = format!("Failed to schedule pod, {why}");
            self.notes.push_back(Action::warn(&**pod, COMPONENT, "FailedScheduling", message));
        }
        is_news
    }

    fn see_pod(&mut self, key: &Key, old: Option<&Pod>, new: Option<&Pod>, now: Timestamp) {
        let waits = new.is_some_and(is_provisionable);
        let uid = |pod: Option<&Pod>| pod.and_then(|pod| pod.metadata.uid.clone());
        if waits {
            let is_new = !self.waiting.contains_key(key) || uid(old) != uid(new);
            if is_new {
                self.waiting.insert(key.clone(), now);
            }
            let has_claim = self.knowledge.assignments().of(key, uid(new).as_deref()).is_some();
            if is_new && !has_claim {
                self.trigger(now);
            }
            return;
        }
        self.waiting.remove(key);
        let node = |pod: Option<&Pod>| pod.and_then(supercargo_reconcile::node_of).map(str::to_owned);
        let (before, after) = (node(old), node(new));
        if new.is_none() || before != after {
            self.knowledge.assignments().release(key);
        }
        let is_over = |pod: Option<&Pod>| {
            pod.is_none_or(|pod| {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some()
            })
        };
        // room was freed
        self.changed |= before.is_some() && is_over(new) && !is_over(old);
    }

    fn see_node(&mut self, key: &Key, old: Option<&Node>, new: Option<&Node>, now: Timestamp) {
        match new.filter(|node| is_leaving(node)) {
            Some(_) => {
                if self.leaving.insert(key.name.clone()) {
                    self.trigger(now);
                }
            }
            None => {
                self.leaving.remove(&key.name);
            }
        }
        let facts = |node: Option<&Node>| {
            node.map(|node| {
                let allocatable = node.status.as_ref().and_then(|status| status.allocatable.clone());
                (node.spec.clone(), node.metadata.labels.clone(), allocatable)
            })
        };
        self.changed |= facts(old) != facts(new);
    }

    fn see_claim(&mut self, key: &Key, old: Option<&NodeClaim>, new: Option<&NodeClaim>, now: Timestamp) {
        if let (None, Some(claim), Some(under_way)) = (old, new, &mut self.under_way) {
            let pool = claim.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL));
            under_way.touched.extend(pool.cloned());
        }
        self.changed = true;
        if new.is_none_or(|claim| claim.metadata.deletion_timestamp.is_some()) {
            let pods = self.knowledge.assignments().release_claim(&key.name);
            self.knowledge.nominated().remove(&key.name);
            if pods.iter().any(|pod| self.waiting.contains_key(pod)) {
                self.trigger(now);
            }
        }
    }

    fn see_pool(&mut self, old: Option<&NodePool>, new: Option<&NodePool>, now: Timestamp) {
        let facts = |pool: Option<&NodePool>| {
            pool.map(|pool| {
                let status = pool.status.as_ref();
                let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
                let is_leaving = pool.metadata.deletion_timestamp.is_some();
                (pool.spec.clone(), is_true(conditions, condition_types::READY), is_leaving)
            })
        };
        if facts(old) != facts(new) {
            self.see_other(now);
        }
    }

    /// Something else changed that decides what can be bought.
    fn see_other(&mut self, now: Timestamp) {
        self.changed = true;
        if !self.waiting.is_empty() {
            self.trigger(now);
        }
    }
}

impl Part for Provisioner {
    fn name(&self) -> &'static str {
        "provisioner"
    }

    fn kinds(&self) -> &'static [Kind] {
        kinds(self.knowledge.settings.gates.capacity_buffer)
    }

    fn observe(&mut self, change: &Change, _: &State, now: Timestamp) {
        match (&change.old, &change.new) {
            (None, Some(Object::Pod(new))) => self.see_pod(&change.key, None, Some(new), now),
            (Some(Object::Pod(old)), None) => self.see_pod(&change.key, Some(old), None, now),
            (Some(Object::Pod(old)), Some(Object::Pod(new))) => {
                self.see_pod(&change.key, Some(old), Some(new), now);
            }
            (None, Some(Object::Node(new))) => self.see_node(&change.key, None, Some(new), now),
            (Some(Object::Node(old)), None) => self.see_node(&change.key, Some(old), None, now),
            (Some(Object::Node(old)), Some(Object::Node(new))) => {
                self.see_node(&change.key, Some(old), Some(new), now);
            }
            (None, Some(Object::NodeClaim(new))) => self.see_claim(&change.key, None, Some(new), now),
            (Some(Object::NodeClaim(old)), None) => self.see_claim(&change.key, Some(old), None, now),
            (Some(Object::NodeClaim(old)), Some(Object::NodeClaim(new))) => {
                self.see_claim(&change.key, Some(old), Some(new), now);
            }
            (None, Some(Object::NodePool(new))) => self.see_pool(None, Some(new), now),
            (Some(Object::NodePool(old)), None) => self.see_pool(Some(old), None, now),
            (Some(Object::NodePool(old)), Some(Object::NodePool(new))) => {
                self.see_pool(Some(old), Some(new), now);
            }
            // these change what can be bought; the others only what fits where, which the retry sees
            _ if matches!(change.kind, Kind::NodeOverlay | Kind::CapacityBuffer) => self.see_other(now),
            _ => self.changed = true,
        }
        if self.retry.is_none() {
            self.look_again(now);
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if let Some((planned, under_way)) = self.planned.take() {
            return self.act(planned, &under_way, state, now);
        }
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry(state, now);
        } else if self.overdue.next.is_some_and(|next| next <= now) {
            self.see_overdue(state, now);
        }
        if self.closes().is_some_and(|closes| closes <= now)
            && let Some(action) = self.fire(state, now)
        {
            return vec![action];
        }
        let count = self.notes.len().min(NOTES_IN_A_TURN);
        self.notes.drain(..count).collect()
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        let Verb::Create(object) = &action.verb else { return };
        let Err(refusal) = outcome else {
            let metadata = object.metadata();
            let pool = metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL));
            let relaxed = metadata.annotations.as_ref().and_then(|all| all.get(keys::MIN_VALUES_RELAXED));
            let relaxed = relaxed.is_some_and(|value| value == "true");
            let pool = pool.map_or("", String::as_str);
            self.knowledge.metrics.node_claim_created(pool, "provisioned", relaxed);
            return;
        };
        tracing::warn!(node_claim = %action.key, %refusal, "node claim not created");
        self.knowledge.assignments().release_claim(&action.key.name);
        self.knowledge.nominated().remove(&action.key.name);
        self.changed = true;
        if refusal.already_exists() {
            self.trigger(now);
        }
        self.look_again(now);
    }

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) {
        let Some(under_way) = self.under_way.take_if(|under_way| under_way.ticket == ticket) else { return };
        match answer.downcast::<Planned>() {
            Ok(planned) => {
                let took = now.duration_since(under_way.since);
                tracing::debug!(seconds = took.as_secs_f64(), claims = planned.claims.len(), "planned");
                self.planned = Some((*planned, under_way));
            }
            Err(_) => {
                tracing::error!("a plan could not be made; it is tried again");
                self.changed = true;
                self.look_again(now);
            }
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.planned.is_some() || !self.notes.is_empty() {
            return Some(Timestamp::MIN);
        }
        [self.closes(), self.retry, self.overdue.next].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::{FeatureGates, Settings};
    use crate::test_world::{self, answer_computations};

    /// A toy cluster with the provisioner, a NodePool and its class.
    fn world(knowledge: &Arc<Knowledge>) -> Toy {
        let mut toy = Toy::new(vec![Box::new(Provisioner::new(Arc::clone(knowledge), 1))]);
        test_world::pool_and_class(&mut toy, "general");
        toy
    }

    fn create_pods(toy: &mut Toy, names: std::ops::Range<usize>, cpu: &str) {
        for index in names {
            toy.create(Kind::Pod, test_world::waiting_pod(&format!("web-{index:03}"), cpu));
        }
    }

    /// Lets time pass, a tenth of a second at a time, and answers what is asked.
    fn run(toy: &mut Toy, tenths: u32) {
        for _ in 0..tenths {
            toy.run(Duration::from_millis(100));
            answer_computations(toy);
        }
        toy.run(Duration::ZERO);
    }

    #[test]
    fn s2_pods_that_come_together_are_planned_together_once_it_is_quiet_for_a_second() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        create_pods(&mut toy, 0..5, "1");
        run(&mut toy, 5);
        create_pods(&mut toy, 5..10, "1");
        run(&mut toy, 9);
        assert!(toy.state.node_claims.is_empty());
        run(&mut toy, 2);
        assert!(!toy.state.node_claims.is_empty());
        assert_eq!(knowledge.assignments().len(), 10);
        let claims = toy.state.node_claims.len();
        run(&mut toy, 600);
        assert_eq!(toy.state.node_claims.len(), claims, "claims in flight are room (row 9.2-1)");
        assert_eq!(toy.said("web-000", "Nominated").len(), 1);
    }

    #[test]
    fn section_2_14_claims_that_are_not_launched_do_not_stop_the_loop() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        create_pods(&mut toy, 0..1, "1");
        run(&mut toy, 12);
        assert_eq!(toy.state.node_claims.len(), 1);
        create_pods(&mut toy, 1..2, "100");
        run(&mut toy, 12);
        assert_eq!(toy.state.node_claims.len(), 2);
    }

    #[test]
    fn a_pod_whose_claim_goes_is_planned_anew() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        create_pods(&mut toy, 0..1, "1");
        run(&mut toy, 12);
        let first = toy.state.node_claims.iter().next().unwrap().0.clone();
        toy.patch(Kind::NodeClaim, &first, json!({"metadata": {"finalizers": null}}));
        toy.delete(Kind::NodeClaim, &first);
        run(&mut toy, 12);
        let second = toy.state.node_claims.iter().next().unwrap().0.clone();
        assert_ne!(first, second);
    }

    #[test]
    fn a_pod_whose_node_is_overdue_gets_another() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        let condition = |kind: &str, at: Timestamp| json!({"type": kind, "status": "True", "lastTransitionTime": at.to_string()});
        for number in 0..20 {
            let launched = toy.now - Duration::from_secs(600);
            let conditions = [
                condition("Launched", launched),
                condition("Registered", launched + Duration::from_secs(30)),
                condition("Initialized", launched + Duration::from_secs(30)),
            ];
            toy.create(
                Kind::NodeClaim,
                json!({
                    "metadata": {"name": format!("swift-{number}"), "labels": {"karpenter.sh/nodepool": "general"}},
                    "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []},
                    "status": {"conditions": conditions},
                }),
            );
        }
        let ghost_launched = toy.now - Duration::from_secs(600);
        let ghost = condition("Launched", ghost_launched);
        toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {"name": "ghost", "labels": {"karpenter.sh/nodepool": "general"}},
                "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []},
                "status": {"conditions": [ghost]},
            }),
        );
        let is_bought = |name: &str| name.starts_with("general-");
        let bought = |toy: &Toy| -> Vec<Key> {
            toy.state
                .node_claims
                .iter()
                .map(|(key, _)| key.clone())
                .filter(|key| is_bought(&key.name))
                .collect()
        };
        create_pods(&mut toy, 0..1, "1");
        run(&mut toy, 12);
        let first = bought(&toy);
        assert_eq!(first.len(), 1);
        let launched = condition("Launched", toy.now);
        toy.patch_status(Kind::NodeClaim, &first[0], json!({"conditions": [launched]}));
        run(&mut toy, 300);
        assert_eq!(bought(&toy), first);
        // one fewer is overdue when the first becomes so: it is the names that count
        let came = ["Registered", "Initialized"]
            .map(|kind| condition(kind, ghost_launched + Duration::from_secs(30)));
        let [registered, initialized] = came;
        let conditions = json!({"conditions": [ghost, registered, initialized]});
        toy.patch_status(Kind::NodeClaim, &Key::cluster("ghost"), conditions);
        run(&mut toy, 60);
        assert_eq!(bought(&toy).len(), 2);
        assert_eq!(toy.said(&first[0].name, "NodeOverdue").len(), 1);
        run(&mut toy, 300);
        assert_eq!(bought(&toy).len(), 2, "the second has its time as well");
    }

    #[test]
    fn a_pod_that_no_type_can_hold_is_told_why_once_in_five_minutes() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        create_pods(&mut toy, 0..1, "5000");
        run(&mut toy, 1_000);
        let said = toy.said("web-000", "FailedScheduling");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("needs 5000 cpu"), "{said:?}");
        assert!(toy.state.node_claims.is_empty());
    }

    #[test]
    fn pods_that_wait_are_not_planned_again_while_nothing_changes() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        create_pods(&mut toy, 0..1, "5000");
        run(&mut toy, 300);
        let part = format!("{:?}", toy.journal.len());
        run(&mut toy, 600);
        assert_eq!(format!("{:?}", toy.journal.len()), part);
    }

    #[test]
    fn section_2_11_limits_hold_and_the_lighter_pool_takes_the_rest() {
        let knowledge = test_world::knowledge();
        let mut toy = Toy::new(vec![Box::new(Provisioner::new(Arc::clone(&knowledge), 1))]);
        toy.create(Kind::EC2NodeClass, test_world::node_class());
        let mut heavy = test_world::node_pool("heavy");
        heavy["spec"]["weight"] = json!(100);
        heavy["spec"]["limits"] = json!({"cpu": "8"});
        toy.create(Kind::NodePool, heavy);
        let mut light = test_world::node_pool("light");
        light["spec"]["weight"] = json!(10);
        toy.create(Kind::NodePool, light);
        create_pods(&mut toy, 0..20, "1");
        run(&mut toy, 12);
        let pools: BTreeSet<&str> = toy
            .state
            .node_claims
            .values()
            .filter_map(|claim| claim.metadata.labels.as_ref()?.get(keys::NODEPOOL).map(String::as_str))
            .collect();
        assert_eq!(pools, BTreeSet::from(["heavy", "light"]));
        let planned = knowledge.assignments().len();
        assert_eq!(planned, 20);
    }

    #[rstest]
    #[case::with_the_gate(true)]
    #[case::without_it(false)]
    fn section_2_13_buffers_are_kept_free_if_they_are_switched_on(#[case] gate: bool) {
        let gates = FeatureGates { capacity_buffer: gate, ..FeatureGates::default() };
        let knowledge = test_world::with_settings(Settings { gates, ..Settings::default() });
        let mut toy = world(&knowledge);
        toy.create(
            Kind::PodTemplate,
            json!({
                "metadata": {"name": "chunk", "namespace": "shop"},
                "template": {"spec": {"containers": [
                    {"name": "c", "resources": {"requests": {"cpu": "2", "memory": "4Gi"}}},
                ]}},
            }),
        );
        toy.create(
            Kind::CapacityBuffer,
            json!({
                "metadata": {"name": "spare", "namespace": "shop"},
                "spec": {"podTemplateRef": {"name": "chunk"}, "replicas": 3},
            }),
        );
        run(&mut toy, 700);
        assert_eq!(!toy.state.node_claims.is_empty(), gate);
        let buffers = knowledge.buffers();
        let fit = buffers.get(&Key::new("shop", "spare"));
        assert_eq!(fit.map(|fit| fit.existing.values().sum::<u32>() + fit.new), gate.then_some(3));
        assert!(knowledge.assignments().is_empty());
    }

    #[test]
    fn s1_pods_on_a_node_that_goes_away_get_a_place_before_they_leave_it() {
        let knowledge = test_world::knowledge();
        let mut toy = world(&knowledge);
        let mut pod = test_world::waiting_pod("web-000", "1");
        pod["spec"]["nodeName"] = json!("old");
        pod["status"] = json!({"phase": "Running"});
        toy.create(Kind::Pod, pod);
        let taint = json!({"key": "karpenter.sh/disrupted", "effect": "NoSchedule"});
        toy.create(
            Kind::Node,
            json!({
                "metadata": {"name": "old"},
                "spec": {"taints": [taint]},
                "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "20"}},
            }),
        );
        run(&mut toy, 12);
        assert_eq!(toy.state.node_claims.len(), 1);
        run(&mut toy, 300);
        assert_eq!(toy.state.node_claims.len(), 1);
        assert!(toy.said("web-000", "Nominated").is_empty());
    }
}
