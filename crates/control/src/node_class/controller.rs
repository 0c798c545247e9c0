//! The loop of the EC2NodeClasses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_api::{EC2NodeClass, NodeClaim, NodeClassReference};
use supercargo_reconcile::{Action, Answer, Change, Controller, Decision, Key, Kind, Object, State};

use super::found::Found;
use super::question::{Question, Wants};
use super::release::Release;
use super::status::{StatusInput, status};
use super::{ClassResources, hash};
use crate::conditions;
use crate::digest::VERSION;
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::node_pool::take_over;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often subnets, security groups, reservations and placement groups are asked for (reference section 5.1).
const NETWORK_EVERY: Duration = Duration::from_secs(60);
/// How often machine images are asked for (reference section 5.1).
const IMAGES_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often the instance profile is asked for: with every validation (reference section 5.1).
const PROFILE_EVERY: Duration = Duration::from_secs(10 * 60);
/// How long the outcome of dry runs counts (reference section 5.1).
const REHEARSAL_EVERY: Duration = Duration::from_secs(30 * 60);
/// The longest wait before a failed call is made again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often it is said that a class waits for its claims (reference section 1.4).
const TOLD_EVERY: Duration = Duration::from_secs(10 * 60);
/// Claims that are named in it (reference section 6.2).
const CLAIMS_NAMED: usize = 5;

/// The controller of EC2NodeClasses.
pub struct NodeClasses {
    knowledge: Arc<Knowledge>,
    known: BTreeMap<Key, Known>,
    asked: BTreeMap<u64, Asked>,
    last_ticket: u64,
}

/// What is known of one class, of one generation of it.
#[derive(Default)]
struct Known {
    uid: Option<String>,
    generation: Option<i64>,
    found: Found,
    due: Due,
    waits_for: Option<u64>,
    failures: u32,
    told: Option<Timestamp>,
    not_before: Option<Timestamp>,
    released: bool,
}

/// When each aspect is to be asked for again.
#[derive(Clone, Copy)]
struct Due {
    images: Timestamp,
    network: Timestamp,
    profile: Timestamp,
    rehearsal: Timestamp,
}

impl Default for Due {
    fn default() -> Self {
        let always = Timestamp::MIN;
        Self { images: always, network: always, profile: always, rehearsal: always }
    }
}

impl Due {
    fn wants(self, now: Timestamp) -> Wants {
        Wants {
            images: self.images <= now,
            network: self.network <= now,
            profile: self.profile <= now,
            rehearsal: self.rehearsal <= now,
        }
    }

    fn first(self, rehearses: bool) -> Timestamp {
        let first = self.images.min(self.network).min(self.profile);
        if rehearses { first.min(self.rehearsal) } else { first }
    }
}

/// What a request was about.
struct Asked {
    key: Key,
    uid: Option<String>,
    generation: Option<i64>,
    wants: Wants,
}

impl NodeClasses {
    /// A controller that knows nothing of any class yet.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, known: BTreeMap::new(), asked: BTreeMap::new(), last_ticket: 0 }
    }

    /// Finalizer, digest and its version: on the claims first, so that the class still tells by which version they were
    /// made until all are taken over.
    fn metadata(&self, node_class: &EC2NodeClass, state: &State) -> Vec<Action> {
        let digest = hash(node_class, self.knowledge.cluster.ca_bundle.as_deref());
        let stamps: Vec<Action> = claims_of(node_class, state)
            .filter_map(|claim| restamped(claim, node_class, &digest))
            .filter_map(|(old, new)| Action::update(Kind::NodeClaim, old, &new))
            .collect();
        let owner = node_class.metadata.annotations.as_ref();
        let says =
            |key: &str, value: &str| owner.and_then(|all| all.get(key)).is_some_and(|found| found == value);
        let is_stamped =
            says(keys::EC2_NODE_CLASS_HASH, &digest) && says(keys::EC2_NODE_CLASS_HASH_VERSION, VERSION);
        if stamps.is_empty() && is_stamped && is_held(node_class) {
            return Vec::new();
        }
        let mut wanted = node_class.clone();
        if !is_held(node_class) {
            let finalizers = wanted.metadata.finalizers.get_or_insert_default();
            finalizers.push(keys::EC2_NODE_CLASS_FINALIZER.to_owned());
        }
        if stamps.is_empty() {
            let annotations = wanted.metadata.annotations.get_or_insert_default();
            annotations.insert(keys::EC2_NODE_CLASS_HASH.to_owned(), digest);
            annotations.insert(keys::EC2_NODE_CLASS_HASH_VERSION.to_owned(), VERSION.to_owned());
        }
        Action::update(Kind::EC2NodeClass, node_class, &wanted).into_iter().chain(stamps).collect()
    }

    fn ticket(&mut self, key: &Key, node_class: &EC2NodeClass, wants: Wants) -> u64 {
        self.last_ticket += 1;
        let (uid, generation) = (node_class.metadata.uid.clone(), node_class.metadata.generation);
        self.asked.insert(self.last_ticket, Asked { key: key.clone(), uid, generation, wants });
        self.last_ticket
    }

    /// A class that stays: its status, and what is to be asked for.
    fn stays(&mut self, key: &Key, node_class: &Arc<EC2NodeClass>, now: Timestamp) -> Decision {
        let (uid, generation) = (node_class.metadata.uid.clone(), node_class.metadata.generation);
        let known = self.known.entry(key.clone()).or_default();
        if known.uid != uid || known.generation != generation {
            *known = Known { uid, generation, ..Known::default() };
        }
        let mut wanted = (**node_class).clone();
        wanted.status = Some(status(StatusInput {
            node_class,
            found: &known.found,
            cluster: &self.knowledge.cluster,
            uses_reservations: self.knowledge.settings.gates.reserved_capacity,
            now,
        }));
        let mut decision = Decision::nothing();
        if wanted.status != node_class.status {
            let told_of =
                |object: &EC2NodeClass| object.status.as_ref().and_then(|status| status.conditions.clone());
            let (before, after) = (told_of(node_class), told_of(&wanted));
            if let Some(told) = conditions::readiness_change(before.as_deref(), after.as_deref()) {
                let entry = Entry::new(now, EntryKind::NodeClass, Subject::of(&**node_class), told);
                self.knowledge.journal.record(entry);
            }
            decision.actions.extend(Action::update_status(Kind::EC2NodeClass, &**node_class, &wanted));
        }
        if known.waits_for.is_some() {
            return decision;
        }
        let mut wants = known.due.wants(now);
        wants.rehearsal &= !self.knowledge.settings.disable_dry_run;
        if wants.any() {
            let question = Question {
                node_class: Arc::clone(node_class),
                cluster: self.knowledge.cluster.name.clone(),
                kubernetes_version: self.knowledge.cluster.kubernetes_version.clone(),
                wants,
                now,
            };
            let ticket = self.ticket(key, node_class, wants);
            if let Some(known) = self.known.get_mut(key) {
                known.waits_for = Some(ticket);
            }
            let request = CloudRequest::ResolveNodeClass(Box::new(question));
            decision.actions.push(Action::ask(Kind::EC2NodeClass, key.clone(), ticket, request));
        } else {
            decision.look_again(known.due.first(!self.knowledge.settings.disable_dry_run));
        }
        decision
    }

    /// A class that is to go: it waits for its claims, then what was made for it goes, then its finalizer.
    fn goes(&mut self, key: &Key, node_class: &EC2NodeClass, state: &State, now: Timestamp) -> Decision {
        if !is_held(node_class) {
            return Decision::nothing();
        }
        let uid = node_class.metadata.uid.clone();
        let known = self.known.entry(key.clone()).or_default();
        if known.uid != uid {
            *known = Known { uid: uid.clone(), ..Known::default() };
        }
        let waiting = claims_of(node_class, state).filter_map(|claim| claim.metadata.name.clone());
        let waiting: BTreeSet<String> = waiting.collect();
        if !waiting.is_empty() {
            let mut decision = Decision::nothing();
            if known.told.is_none_or(|told| now >= told + TOLD_EVERY) {
                known.told = Some(now);
                let message = waiting_message(&waiting);
                decision.actions.push(Action::note(
                    node_class,
                    "karpenter",
                    "WaitingOnNodeClaimTermination",
                    message,
                ));
            }
            decision.look_again(known.told.unwrap_or(now) + TOLD_EVERY);
            return decision;
        }
        if known.released {
            let mut wanted = node_class.clone();
            if let Some(finalizers) = &mut wanted.metadata.finalizers {
                finalizers.retain(|name| name != keys::EC2_NODE_CLASS_FINALIZER);
            }
            return Decision::of(
                Action::update(Kind::EC2NodeClass, node_class, &wanted).into_iter().collect(),
            );
        }
        let mut decision = Decision::nothing();
        match known.not_before.filter(|moment| *moment > now) {
            Some(moment) => decision.look_again(moment),
            None if known.waits_for.is_none() => {
                let release = Release {
                    cluster: self.knowledge.cluster.name.clone(),
                    node_class: key.name.clone(),
                    uid: uid.unwrap_or_default(),
                };
                let ticket = self.ticket(key, node_class, Wants::default());
                if let Some(known) = self.known.get_mut(key) {
                    known.waits_for = Some(ticket);
                }
                let request = CloudRequest::ReleaseNodeClass(release);
                decision.actions.push(Action::ask(Kind::EC2NodeClass, key.clone(), ticket, request));
            }
            None => {}
        }
        decision
    }

    /// Takes in what was found and says when to ask again.
    fn take_in(&mut self, asked: &Asked, found: Found, now: Timestamp) {
        let Some(known) = self.known.get_mut(&asked.key) else { return };
        if known.uid != asked.uid || known.generation != asked.generation {
            return;
        }
        let failed = found.failed_call();
        let wait = match &failed {
            None => {
                known.failures = 0;
                None
            }
            Some(problem) => {
                tracing::warn!(node_class = %asked.key, problem, "could not look up what the class selects");
                known.failures = known.failures.saturating_add(1);
                Some(backoff(known.failures))
            }
        };
        let next = |every: Duration| now + wait.unwrap_or(every);
        let wants = asked.wants;
        if wants.images {
            known.due.images = next(IMAGES_EVERY.max(self.knowledge.settings.ami_refresh_interval));
        }
        if wants.network {
            known.due.network = next(NETWORK_EVERY.max(self.knowledge.settings.subnet_refresh_interval));
            if let Some(Ok((_, subnets))) = &found.subnets {
                self.knowledge.see_subnets(subnets);
            }
        }
        if wants.profile {
            known.due.profile = next(PROFILE_EVERY);
        }
        if wants.rehearsal {
            known.due.rehearsal = next(REHEARSAL_EVERY);
        }
        known.found.take_in(found);
        let resources = ClassResources {
            reservations: kept(&known.found.reservations).map(|(_, full)| full.clone()).unwrap_or_default(),
            placement_group: kept(&known.found.placement_group).cloned().flatten(),
        };
        self.knowledge.class_resources().insert(asked.key.name.clone(), resources);
    }
}

/// Whether a class has its finalizer.
fn is_held(node_class: &EC2NodeClass) -> bool {
    let finalizers = node_class.metadata.finalizers.iter().flatten();
    finalizers.into_iter().any(|name| name == keys::EC2_NODE_CLASS_FINALIZER)
}

fn kept<T, E>(aspect: &super::found::Aspect<T, E>) -> Option<&T> {
    aspect.as_ref()?.as_ref().ok()
}

fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.clamp(1, 7).saturating_sub(1)).min(LONGEST_WAIT)
}

/// Whether a reference means an EC2NodeClass of this name.
fn means(reference: &NodeClassReference, name: &str) -> bool {
    reference.group == keys::KARPENTER_AWS_GROUP && reference.kind == "EC2NodeClass" && reference.name == name
}

fn claims_of<'a>(node_class: &'a EC2NodeClass, state: &'a State) -> impl Iterator<Item = &'a Arc<NodeClaim>> {
    let name = node_class.metadata.name.as_deref().unwrap_or_default();
    state.node_claims.values().filter(move |claim| means(&claim.spec.node_class_ref, name))
}

/// The claim with a digest of our version; nothing if it has one. A claim that has drifted keeps its old digest, so that
/// it stays so (reference section 4.7).
fn restamped<'a>(
    claim: &'a NodeClaim,
    node_class: &EC2NodeClass,
    digest: &str,
) -> Option<(&'a NodeClaim, NodeClaim)> {
    let new = take_over(
        claim,
        node_class.metadata.annotations.as_ref(),
        keys::EC2_NODE_CLASS_HASH,
        keys::EC2_NODE_CLASS_HASH_VERSION,
        digest,
    )?;
    Some((claim, new))
}

fn waiting_message(claims: &BTreeSet<String>) -> String {
    let named: Vec<&str> = claims.iter().take(CLAIMS_NAMED).map(String::as_str).collect();
    let mut message = format!("Waiting on NodeClaim termination for {}", named.join(", "));
    if claims.len() > CLAIMS_NAMED {
        message.push_str(&format!(" and {} other(s)", claims.len() - CLAIMS_NAMED));
    }
    message
}

impl Controller for NodeClasses {
    const NAME: &'static str = "node-classes";
    const KINDS: &'static [Kind] = &[Kind::EC2NodeClass, Kind::NodeClaim];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match (&change.old, &change.new) {
            (_, Some(Object::EC2NodeClass(_))) | (Some(Object::EC2NodeClass(_)), None) => {
                vec![change.key.clone()]
            }
            // claims that come, go, or were stamped
            (None, Some(Object::NodeClaim(claim))) | (Some(Object::NodeClaim(claim)), None) => {
                vec![Key::cluster(&claim.spec.node_class_ref.name)]
            }
            (Some(Object::NodeClaim(old)), Some(Object::NodeClaim(claim)))
                if old.metadata.annotations != claim.metadata.annotations =>
            {
                vec![Key::cluster(&claim.spec.node_class_ref.name)]
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(node_class) = state.node_classes.get(key) else {
            self.known.remove(key);
            self.knowledge.class_resources().remove(&key.name);
            return Decision::nothing();
        };
        if node_class.metadata.deletion_timestamp.is_some() {
            return self.goes(key, node_class, state, now);
        }
        let actions = self.metadata(node_class, state);
        if !actions.is_empty() {
            return Decision::of(actions);
        }
        self.stays(key, node_class, now)
    }

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) -> Vec<Key> {
        let Some(asked) = self.asked.remove(&ticket) else { return Vec::new() };
        if let Some(known) = self.known.get_mut(&asked.key)
            && known.waits_for == Some(ticket)
        {
            known.waits_for = None;
        }
        match answer.downcast::<CloudAnswer>().map(|answer| *answer) {
            Ok(CloudAnswer::NodeClass(found)) => self.take_in(&asked, *found, now),
            Ok(CloudAnswer::Done(outcome)) => {
                if let Some(known) = self.known.get_mut(&asked.key).filter(|known| known.uid == asked.uid) {
                    match outcome {
                        Ok(()) => known.released = true,
                        Err(problem) => {
                            tracing::warn!(node_class = %asked.key, %problem, "could not clean up after the class");
                            known.failures = known.failures.saturating_add(1);
                            known.not_before = Some(now + backoff(known.failures));
                        }
                    }
                }
            }
            _ => {}
        }
        vec![asked.key]
    }
}
