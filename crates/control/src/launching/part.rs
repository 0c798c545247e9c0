//! The loop that launches: all claims of a batch at once, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_api::labels::keys;
use supercargo_cloud::launch::{LaunchError, LaunchFailure, LaunchPlan, LaunchWarning, Launched, Observed};
use supercargo_cloud::{FleetError, ReservationPreference};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Object, Outcome, Part, Queue, State, Verb};

use super::budget::Numbers;
use super::outcome::{observed, with_failure, with_instance, with_labels};
use super::plans::Ready;
use super::together::Told;
use super::{Budget, Company, Dryness, Plans, Standing, Step, decide};
use crate::journal::{Alternative, Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::lifecycle::owning_pool;
use crate::metrics::CloudCall;
use crate::outside::{CloudAnswer, CloudRequest, Launch};

/// The wait after the first failure that is not a lack of capacity (row L1).
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait after a failure (row L1).
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// How long an answer is remembered against lost status writes (row L3).
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Alternatives that are written down with a launch.
const ALTERNATIVES: usize = 5;
/// Who says so in Events.
const COMPONENT: &str = "karpenter";

/// Why a claim goes.
#[derive(Clone, Debug)]
struct Hopeless {
    /// As in metrics: `insufficient_capacity`.
    reason: &'static str,
    message: String,
}

/// What is remembered of a claim, by its uid.
#[derive(Debug)]
struct Memory {
    key: Key,
    standing: Standing,
    attempts: u32,
    /// Fleets that were made and gave nothing: EC2 would answer a call with their token as it did.
    fleets: u32,
    /// Whether EC2 may know the present token already.
    is_called: bool,
    observed: Option<Observed>,
    failure: Option<(String, String)>,
    hopeless: Option<Hopeless>,
    /// When it may be forgotten.
    until: Option<Timestamp>,
}

/// A call under way.
#[derive(Debug)]
struct Call {
    uid: String,
    plan: LaunchPlan,
    offerings: Numbers,
    since: Timestamp,
}

/// Launches instances for NodeClaims.
#[derive(Debug)]
pub struct Launching {
    knowledge: Arc<Knowledge>,
    queue: Queue,
    memories: BTreeMap<String, Memory>,
    calls: BTreeMap<u64, Call>,
    tickets: u64,
    plans: Plans,
    budget: Budget,
    dryness: Dryness,
    /// Instances that nobody wants any more.
    unwanted: Vec<String>,
    told: Told,
    /// Whether it has had its first turn.
    has_begun: bool,
    /// Uids of claims without an instance that were there before: another controller may have called for them.
    inherited: BTreeSet<String>,
}

impl Launching {
    /// The loop.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            knowledge,
            queue: Queue::default(),
            memories: BTreeMap::new(),
            calls: BTreeMap::new(),
            tickets: 0,
            plans: Plans::default(),
            budget: Budget::default(),
            dryness: Dryness::default(),
            unwanted: Vec::new(),
            told: Told::default(),
            has_begun: false,
            inherited: BTreeSet::new(),
        }
    }

    fn memory(&mut self, claim: &NodeClaim) -> &mut Memory {
        let uid = claim.metadata.uid.clone().unwrap_or_default();
        let key = Key::of(&claim.metadata);
        let is_inherited = self.inherited.contains(&uid);
        self.memories.entry(uid).or_insert_with(|| Memory {
            key,
            standing: Standing::New,
            attempts: 0,
            fleets: 0,
            is_called: is_inherited,
            observed: None,
            failure: None,
            hopeless: None,
            until: None,
        })
    }

    /// What is to be done about one claim, done.
    fn act(&mut self, key: &Key, state: &State, now: Timestamp) -> Vec<Action> {
        let Some(claim) = state.node_claims.get(key) else { return Vec::new() };
        let standing = self.memory(claim).standing;
        match decide(claim, standing, now) {
            Step::Rest => Vec::new(),
            Step::Wait(at) => {
                self.queue.add_at(key.clone(), at);
                Vec::new()
            }
            Step::AddFinalizer => {
                let mut held = NodeClaim::clone(claim);
                held.metadata.finalizers.get_or_insert_default().push(keys::TERMINATION_FINALIZER.to_owned());
                Action::update(Kind::NodeClaim, &**claim, &held).into_iter().collect()
            }
            Step::Launch => self.launch(claim, state, now),
            Step::TellFailure => self.tell_failure(claim, now),
            Step::WriteLabels => self.write_labels(claim, state),
            Step::WriteStatus => self.write_status(claim, now),
            Step::GiveUp => self.give_up(claim, now),
            Step::TimeOut => self.time_out(claim, state, now),
        }
    }

    fn launch(&mut self, claim: &NodeClaim, state: &State, now: Timestamp) -> Vec<Action> {
        let class_name = &claim.spec.node_class_ref.name;
        let class = state.node_classes.get(&Key::cluster(class_name));
        let planned = match class {
            Some(class) => self.plans.plan(claim, class, state, &self.knowledge, &mut self.budget, now),
            None => Err(LaunchError::NodeClassNotReady {
                name: class_name.clone(),
                reason: "it does not exist".to_owned(),
            }),
        };
        match planned {
            Ok(ready) => self.call(claim, ready, now),
            Err(error) => {
                let reason = error.reason();
                if error.ends_claim() {
                    self.memory(claim).hopeless = Some(Hopeless { reason, message: error.to_string() });
                    self.memory(claim).standing = Standing::Hopeless;
                    self.give_up(claim, now)
                } else {
                    self.fail(claim, reason, &error.to_string(), now);
                    self.tell_failure(claim, now)
                }
            }
        }
    }

    fn call(&mut self, claim: &NodeClaim, ready: Ready, now: Timestamp) -> Vec<Action> {
        let Ready { mut plan, offerings } = ready;
        let key = Key::of(&claim.metadata);
        if !self.budget.take(&offerings) {
            // looked at again as soon as another launch has ended, at the latest when the claim is given up
            self.memory(claim).standing = Standing::Parked;
            self.queue.add(key);
            return Vec::new();
        }
        let uid = claim.metadata.uid.clone().unwrap_or_default();
        let memory = self.memory(claim);
        memory.standing = Standing::UnderWay;
        let token = token(&uid, memory.fleets);
        let is_called = std::mem::replace(&mut memory.is_called, true);
        let company = match self.told.of(&token) {
            Some(together) => Company::Known(Arc::clone(together)),
            None if is_called => Company::Nobody,
            None => Company::Any,
        };
        plan.request.client_token = Some(token);
        let mut actions = Vec::new();
        for warning in &plan.warnings {
            if let LaunchWarning::FewTypesForSpot { types } = warning {
                tracing::warn!(
                    node_claim = %key,
                    types,
                    "launched on demand although spot would do: few instance types are left"
                );
            }
        }
        self.knowledge.addresses().add(&plan.addresses);
        self.knowledge.launches().insert(uid.clone());
        self.tickets += 1;
        let launch = Launch { plan: plan.clone(), claim: key.name.clone(), company };
        let request = CloudRequest::Launch(Box::new(launch));
        self.calls.insert(self.tickets, Call { uid, plan, offerings, since: now });
        actions.push(Action::ask(Kind::NodeClaim, key, self.tickets, request));
        actions
    }

    /// A failure that is worth another try.
    fn fail(&mut self, claim: &NodeClaim, reason: &str, message: &str, now: Timestamp) {
        let memory = self.memory(claim);
        let wait = FIRST_BACKOFF.saturating_mul(1 << memory.attempts.min(16)).min(LONGEST_BACKOFF);
        memory.attempts = memory.attempts.saturating_add(1);
        memory.standing = Standing::Failed { retry_at: now + wait, is_untold: true };
        memory.failure = Some((reason.to_owned(), message.to_owned()));
        let key = memory.key.clone();
        self.queue.add_at(key, now + wait);
    }

    fn tell_failure(&mut self, claim: &NodeClaim, now: Timestamp) -> Vec<Action> {
        let memory = self.memory(claim);
        if let Standing::Failed { is_untold, .. } = &mut memory.standing {
            *is_untold = false;
        }
        let key = memory.key.clone();
        let Some((reason, message)) = memory.failure.clone() else { return Vec::new() };
        tracing::warn!(node_claim = %key, reason, message, "launch failed, tried again");
        self.queue.add(key);
        let told = with_failure(claim, &reason, &message, now);
        Action::update_status(Kind::NodeClaim, claim, &told).into_iter().collect()
    }

    fn write_labels(&mut self, claim: &NodeClaim, state: &State) -> Vec<Action> {
        let class = state.node_classes.get(&Key::cluster(&claim.spec.node_class_ref.name)).cloned();
        let ca_bundle = self.knowledge.cluster.ca_bundle.clone();
        let memory = self.memory(claim);
        let Some(observed) = &memory.observed else { return Vec::new() };
        let labelled = with_labels(claim, observed, class.as_deref(), ca_bundle.as_deref());
        match Action::update(Kind::NodeClaim, claim, &labelled) {
            Some(action) => vec![action],
            None => {
                memory.standing = Standing::Launched { has_labels: true };
                let key = memory.key.clone();
                self.queue.add(key);
                Vec::new()
            }
        }
    }

    fn write_status(&mut self, claim: &NodeClaim, now: Timestamp) -> Vec<Action> {
        let memory = self.memory(claim);
        let Some(observed) = &memory.observed else { return Vec::new() };
        let written = with_instance(claim, observed, now);
        Action::update_status(Kind::NodeClaim, claim, &written).into_iter().collect()
    }

    fn give_up(&mut self, claim: &NodeClaim, now: Timestamp) -> Vec<Action> {
        let Some(Hopeless { reason, message }) = self.memory(claim).hopeless.clone() else {
            return Vec::new();
        };
        let event =
            if reason == "nodeclass_not_ready" { "NodeClassNotReady" } else { "InsufficientCapacityError" };
        self.delete(claim, reason, event, &message, now)
    }

    fn time_out(&mut self, claim: &NodeClaim, state: &State, now: Timestamp) -> Vec<Action> {
        let told = || ("LaunchFailed".to_owned(), "no instance within five minutes".to_owned());
        let (reason, message) = self.memory(claim).failure.clone().unwrap_or_else(told);
        if let Some(uid) = owning_pool(claim, state) {
            self.knowledge.registration_health().gave_up(&uid, &reason, &message);
        }
        let pool = node_pool(claim);
        self.knowledge.metrics.node_claim_disrupted(pool, capacity_type(claim), "launch_timeout");
        self.note(claim, now, "given up: the launch took too long", &message);
        vec![Action::delete(Kind::NodeClaim, claim)]
    }

    fn delete(
        &mut self,
        claim: &NodeClaim,
        reason: &'static str,
        event: &'static str,
        message: &str,
        now: Timestamp,
    ) -> Vec<Action> {
        let key = Key::of(&claim.metadata);
        tracing::info!(node_claim = %key, reason, message, "node claim given up");
        self.knowledge.metrics.node_claim_disrupted(node_pool(claim), capacity_type(claim), reason);
        self.note(claim, now, "given up: its pods are planned anew", message);
        let short: String = message.chars().take(300).collect();
        vec![Action::delete(Kind::NodeClaim, claim), Action::warn(claim, COMPONENT, event, short)]
    }

    fn note(&self, claim: &NodeClaim, now: Timestamp, decision: &str, why: &str) {
        let entry = Entry::new(now, EntryKind::Launching, Subject::of(claim), decision)
            .given("NodePool", node_pool(claim))
            .because(why);
        self.knowledge.journal.record(entry);
    }

    /// Takes in what came of a launch.
    fn take_in(
        &mut self,
        call: &Call,
        result: Result<Launched, LaunchFailure>,
        state: &State,
        now: Timestamp,
    ) {
        let knowledge = Arc::clone(&self.knowledge);
        let metrics = &knowledge.metrics;
        let cloud_call = CloudCall { controller: "launching", method: "Create", provider: "aws" };
        metrics.cloud_called(cloud_call, now.duration_since(call.since).unsigned_abs());
        self.knowledge.launches().remove(&call.uid);
        let used = result.as_ref().ok().map(|launched| launched.chosen.subnet_id.as_str());
        self.knowledge.addresses().settle(&call.plan.addresses, used);
        let errors: &[FleetError] = match &result {
            Ok(launched) => &launched.errors,
            Err(failure) => &failure.errors,
        };
        self.mark(call, errors, now);
        if let Err(failure) = &result {
            metrics.cloud_call_failed(cloud_call, &failure.reason);
            if failure.reason == "SpotSLRCreationFailed" {
                self.knowledge.unavailable().mark_capacity_type(call.plan.capacity_type, now);
            }
        }
        let Some(memory) = self.memories.get(&call.uid) else { return };
        let claim = state.node_claims.get(&memory.key).filter(|claim| is_uid(claim, &call.uid)).cloned();
        match result {
            Ok(launched) => self.launched(call, &launched, claim.as_deref(), state, now),
            Err(failure) => {
                self.budget.settle(&call.offerings, None);
                let Some(claim) = claim else { return };
                if failure.is_insufficient_capacity {
                    let hopeless = Hopeless { reason: "insufficient_capacity", message: failure.message };
                    let memory = self.memory(&claim);
                    memory.hopeless = Some(hopeless);
                    memory.standing = Standing::Hopeless;
                } else {
                    self.fail(&claim, &failure.reason, &failure.message, now);
                    // otherwise no fleet was made, or nobody knows: the same token finds out
                    if !failure.errors.is_empty() {
                        let is_inherited = self.inherited.contains(&call.uid);
                        let memory = self.memory(&claim);
                        memory.fleets = memory.fleets.saturating_add(1);
                        memory.is_called = is_inherited;
                    }
                }
                self.queue.add(Key::of(&claim.metadata));
            }
        }
    }

    /// Puts aside what was refused, and what is likely to be.
    fn mark(&mut self, call: &Call, errors: &[FleetError], now: Timestamp) {
        let mut unavailable = self.knowledge.unavailable();
        for error in errors {
            let reservation =
                call.plan.templates.iter().find(|template| template.name == error.launch_template).and_then(
                    |template| match &template.data.reservation {
                        ReservationPreference::Only { reservation_id } => Some(reservation_id.as_str()),
                        _ => None,
                    },
                );
            unavailable.mark_error(error, reservation, now);
            let refused = &error.refused;
            let (instance_type, zone) = (refused.instance_type.as_str(), refused.zone.as_str());
            self.knowledge.metrics.launch_failed(zone, "", call.plan.capacity_type.as_str(), &error.code);
            if is_about_the_pool(&error.code) {
                self.budget.refused(call.plan.capacity_type, instance_type, zone);
                let inferred =
                    self.dryness.refused(call.plan.capacity_type, instance_type, zone, &mut unavailable, now);
                if inferred > 0 {
                    tracing::info!(
                        instance_type,
                        zone,
                        capacity_type = call.plan.capacity_type.as_str(),
                        inferred,
                        "offerings near one that was refused are put aside for a while"
                    );
                }
            }
        }
    }

    fn launched(
        &mut self,
        call: &Call,
        launched: &Launched,
        claim: Option<&NodeClaim>,
        state: &State,
        now: Timestamp,
    ) {
        let chosen = &launched.chosen;
        let (instance_type, zone) = (chosen.instance_type.as_str(), chosen.zone.as_str());
        self.budget.settle(&call.offerings, Some((launched.capacity_type, instance_type, zone)));
        self.dryness.launched(launched.capacity_type, instance_type, zone, now);
        let Some(claim) = claim else {
            tracing::info!(instance = launched.instance_id, "launched for a claim that is gone; ended");
            self.unwanted.push(launched.instance_id.clone());
            return;
        };
        let table = self.plans.table(claim, state, &self.knowledge);
        let known = table.as_deref().and_then(|table| {
            let index = table.types.binary_search_by(|known| known.name.as_str().cmp(instance_type)).ok()?;
            table.types.get(index)
        });
        let reservations = {
            let resources = self.knowledge.class_resources();
            resources.get(&claim.spec.node_class_ref.name).map(|known| known.reservations.clone())
        };
        let observed =
            observed(launched, &call.plan, known, &reservations.unwrap_or_default(), Some(claim), now);
        let offering = known.and_then(|known| {
            let mut offerings = known.offerings.iter();
            offerings.find(|one| one.zone == chosen.zone && one.capacity_type == launched.capacity_type)
        });
        let what = format!("{instance_type} {} in {zone}", launched.capacity_type);
        let mut entry = Entry::new(now, EntryKind::Launching, Subject::of(claim), format!("launched {what}"))
            .given("instance", &launched.instance_id)
            .given("types", call.plan.instance_types.len())
            .given("offerings", call.offerings.len())
            .given("refused", launched.errors.len())
            .among(alternatives(&call.plan, launched))
            .because(format!(
                "EC2 chose among the offerings of the request ({})",
                call.plan.request.strategy.as_str()
            ));
        entry.price_after = offering.map(|offering| offering.price);
        self.knowledge.journal.record(entry);
        tracing::info!(
            node_claim = %Key::of(&claim.metadata),
            instance = launched.instance_id,
            instance_type,
            zone,
            capacity_type = launched.capacity_type.as_str(),
            "launched node claim"
        );
        let memory = self.memory(claim);
        memory.observed = Some(observed);
        memory.standing = Standing::Launched { has_labels: false };
        memory.until = Some(now + REMEMBERED);
        let key = memory.key.clone();
        self.queue.add(key);
    }

    /// The name that a claim is remembered under.
    fn key_of(&self, uid: &str) -> Key {
        self.memories.get(uid).map_or_else(|| Key::cluster(""), |memory| memory.key.clone())
    }

    /// Lets claims go that waited for others.
    fn unpark(&mut self) {
        for memory in self.memories.values_mut() {
            if memory.standing == Standing::Parked {
                memory.standing = Standing::New;
                self.queue.add(memory.key.clone());
            }
        }
    }
}

/// The same claim gets the same token until a fleet was made for it, so that a launch that was forgotten is not made twice.
fn token(uid: &str, fleets: u32) -> String {
    if fleets == 0 { uid.to_owned() } else { format!("{uid}-{fleets}") }
}

/// Whether an error says that a pool has nothing left, as opposed to a quota or a subnet.
fn is_about_the_pool(code: &str) -> bool {
    matches!(code, "InsufficientInstanceCapacity" | "UnfulfillableCapacity")
}

fn is_uid(claim: &NodeClaim, uid: &str) -> bool {
    claim.metadata.uid.as_deref() == Some(uid)
}

fn node_pool(claim: &NodeClaim) -> &str {
    claim.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL)).map_or("", String::as_str)
}

fn capacity_type(claim: &NodeClaim) -> &str {
    let labels = claim.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(keys::CAPACITY_TYPE)).map_or("", String::as_str)
}

/// The types the instance could have been, the cheapest first.
fn alternatives(plan: &LaunchPlan, launched: &Launched) -> Vec<Alternative> {
    let refused = |name: &str| launched.errors.iter().find(|error| error.refused.instance_type == name);
    let names = plan.instance_types.iter().filter(|name| **name != launched.chosen.instance_type);
    names
        .take(ALTERNATIVES)
        .map(|name| {
            let alternative = Alternative::new(name.as_str());
            match refused(name) {
                Some(error) => alternative.but(format!("{} in {}", error.code, error.refused.zone)),
                None => alternative.but("EC2 chose another"),
            }
        })
        .collect()
}

impl Part for Launching {
    fn name(&self) -> &'static str {
        "launching"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodeClaim, Kind::EC2NodeClass, Kind::NodePool, Kind::NodeOverlay]
    }

    fn observe(&mut self, change: &Change, _: &State, _: Timestamp) {
        if change.kind != Kind::NodeClaim {
            return;
        }
        if let Some(Object::NodeClaim(claim)) = &change.new {
            self.told.hear(claim);
            let status = claim.status.as_ref();
            if !self.has_begun && status.is_none_or(|status| status.provider_id.is_none()) {
                self.inherited.extend(claim.metadata.uid.clone());
            }
        }
        match &change.new {
            Some(_) => self.queue.add(change.key.clone()),
            None => {
                if let Some(Object::NodeClaim(claim)) = &change.old {
                    self.told.forget(claim);
                }
                let uid = change.old.as_ref().and_then(|old| old.metadata().uid.clone()).unwrap_or_default();
                self.inherited.remove(&uid);
                // while a call is under way its answer still has to find out that the claim is gone
                if !self.knowledge.launches().contains(&uid) {
                    self.memories.remove(&uid);
                }
            }
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.has_begun = true;
        let mut actions = Vec::new();
        if !self.unwanted.is_empty() {
            let ids = std::mem::take(&mut self.unwanted);
            self.tickets += 1;
            let request = CloudRequest::TerminateInstances(ids);
            actions.push(Action::ask(Kind::NodeClaim, Key::cluster("launching"), self.tickets, request));
        }
        self.plans.refresh(state, &self.knowledge, now);
        while let Some(key) = self.queue.next(now) {
            actions.extend(self.act(&key, state, now));
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        if action.kind != Kind::NodeClaim || matches!(action.verb, Verb::Record(_) | Verb::Outside { .. }) {
            return;
        }
        match outcome {
            Ok(()) => self.queue.succeeded(&action.key),
            Err(refusal) if refusal.is_not_found() => {}
            Err(_) => self.queue.failed(action.key.clone(), now),
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        let Some(call) = self.calls.remove(&ticket) else { return };
        let answer = answer.downcast::<CloudAnswer>().ok().map(|answer| *answer);
        let result = match answer {
            Some(CloudAnswer::Launched(result)) => result,
            _ => Err(LaunchFailure {
                is_insufficient_capacity: false,
                reason: "LaunchFailed".to_owned(),
                message: "the call was not answered".to_owned(),
                is_retryable: true,
                errors: Vec::new(),
            }),
        };
        self.take_in(&call, result, state, now);
        if state.node_claims.get(&self.key_of(&call.uid)).is_none_or(|claim| !is_uid(claim, &call.uid)) {
            self.memories.remove(&call.uid);
        }
        self.unpark();
        self.memories.retain(|_, memory| memory.until.is_none_or(|until| until > now));
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.unwanted.is_empty() && self.has_begun { self.queue.wake() } else { Some(Timestamp::MIN) }
    }
}
