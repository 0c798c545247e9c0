//! Disruption as a part: it looks at the whole cluster when something has changed, and carries commands out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::labels::{DISRUPTED_TAINT, NODEPOOL};
use supercargo_api::{DisruptionReason, NodeClaim, condition_types, is_true};
use supercargo_engine::consolidate::ConsolidateOptions;
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Object, Outcome, Part, Queue, State, Verb};

use super::announce::Voice;
use super::changes::matters;
use super::command::Command;
use super::execution::{Running, Stage, Then, VALIDATION, patience, unmarked, untainted};
use super::propose::{Favour, Proposal, propose};
use super::survey::Question;
use super::validate::{Rejected, Verdict, validate};
use crate::cluster::{inputs, kinds};
use crate::knowledge::Knowledge;
use crate::outside::Computation;
use crate::provisioning::{Names, solve_options};

/// The time between two looks at a cluster that keeps changing (reference section 4.1); longer in big ones.
const PERIOD: Duration = Duration::from_secs(10);
/// The time to the next look after something was done.
const SOON: Duration = Duration::from_secs(1);
/// A look without any change: prices may have (reference section 2.14).
const ANYWAY: Duration = Duration::from_secs(300);
/// How long nodes stay that pods shall come to (reference section 2.12).
const NOMINATED: Duration = Duration::from_secs(20);
/// How long nodes of a command that failed are left in peace: at first, and at most.
const FIRST_PEACE: Duration = Duration::from_secs(60);
const LONGEST_PEACE: Duration = Duration::from_secs(900);
/// Events recorded before others have their turn.
const NOTES: usize = 64;

/// What is being computed.
#[derive(Debug)]
enum Asked {
    /// What should be done.
    Plan { at: Timestamp },
    /// Whether these commands still are right.
    Judge { commands: Vec<u64> },
}

/// A computation that is not over.
#[derive(Debug)]
struct UnderWay {
    ticket: u64,
    asked: Asked,
    /// NodePools that got claims meanwhile.
    touched: BTreeSet<String>,
}

/// A node that was to go and could not.
#[derive(Clone, Debug)]
struct Peace {
    failures: u32,
    until: Timestamp,
    why: String,
}

/// Deletes and replaces nodes.
pub struct Disrupting {
    knowledge: Arc<Knowledge>,
    names: Names,
    running: BTreeMap<u64, Running>,
    /// Commands by the name of a node or claim they depend on.
    by_name: BTreeMap<String, BTreeSet<u64>>,
    queue: Queue,
    last: u64,
    /// Something has changed since the last look.
    dirty: bool,
    /// Not before this time; nothing before the first turn.
    next_look: Option<Timestamp>,
    /// Then in any case.
    look_anyway: Timestamp,
    asked: Option<UnderWay>,
    tickets: u64,
    favour: Favour,
    contended: BTreeSet<String>,
    peace: BTreeMap<String, Peace>,
    /// Nodes and claims that may have marks of a command nobody knows.
    unclear: BTreeSet<(Kind, Key)>,
    voice: Voice,
    under_way: VecDeque<Option<(u64, Then)>>,
}

impl Disrupting {
    /// The part; the seed decides the names of new NodeClaims.
    pub fn new(knowledge: Arc<Knowledge>, seed: u64) -> Disrupting {
        Disrupting {
            knowledge,
            names: Names::new(seed.wrapping_add(1)),
            running: BTreeMap::new(),
            by_name: BTreeMap::new(),
            queue: Queue::default(),
            last: 0,
            dirty: true,
            next_look: None,
            look_anyway: Timestamp::MIN,
            asked: None,
            tickets: 0,
            favour: Favour::default(),
            contended: BTreeSet::new(),
            peace: BTreeMap::new(),
            unclear: BTreeSet::new(),
            voice: Voice::default(),
            under_way: VecDeque::new(),
        }
    }

    /// Commands that are neither over nor dropped.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.running.values().map(|one| &one.command)
    }

    fn question(&mut self, state: &State, except: &BTreeSet<u64>, now: Timestamp) -> Question {
        let settings = &self.knowledge.settings;
        let spot_to_spot = settings.gates.spot_to_spot_consolidation;
        let options = ConsolidateOptions {
            spot_to_spot,
            moves_only: true,
            solve: solve_options(settings),
            ..ConsolidateOptions::default()
        };
        let mut held: BTreeMap<String, (String, Timestamp)> = BTreeMap::new();
        self.peace.retain(|_, peace| peace.until.checked_add(LONGEST_PEACE).is_ok_and(|end| end > now));
        for (node, peace) in self.peace.iter().filter(|(_, peace)| peace.until > now) {
            held.insert(node.clone(), (peace.why.clone(), peace.until));
        }
        for (name, until) in self.knowledge.nominated().iter().filter(|(_, until)| **until > now) {
            held.insert(name.clone(), ("pods are on their way to it".to_owned(), *until));
        }
        let mut committed = BTreeSet::new();
        for (number, running) in &self.running {
            for name in &running.names {
                let why = "it takes the pods of nodes that go".to_owned();
                held.insert(name.clone(), (why, Timestamp::MAX));
            }
            if !except.contains(number) {
                committed.extend(running.command.candidates.iter().map(|one| one.node.clone()));
            }
        }
        let inputs = inputs(state, &self.knowledge, now);
        Question { inputs, committed, held, spot_to_spot, options }
    }

    /// The next computation, if one is due and none is going on.
    fn compute(&mut self, state: &State, now: Timestamp) -> Option<Action> {
        if self.asked.is_some() {
            return None;
        }
        let due: Vec<u64> = self
            .running
            .iter()
            .filter(|(_, one)| matches!(one.stage, Stage::Waiting(until) if until <= now))
            .map(|(number, _)| *number)
            .collect();
        if !due.is_empty() {
            let question = self.question(state, &due.iter().copied().collect(), now);
            let mut commands = Vec::with_capacity(due.len());
            for number in &due {
                if let Some(running) = self.running.get_mut(number) {
                    running.stage = Stage::Judging;
                    commands.push((*number, running.command.clone()));
                }
            }
            let work = Computation::new("validate", move || validate(&question, commands));
            return Some(self.ask(work, Asked::Judge { commands: due }));
        }
        if !self.look_is_due(now) {
            return None;
        }
        self.dirty = false;
        self.look_anyway = later(now, ANYWAY);
        if state.node_claims.is_empty() {
            self.next_look = Some(later(now, PERIOD));
            return None;
        }
        let question = self.question(state, &BTreeSet::new(), now);
        let (contended, favour) = (self.contended.clone(), self.favour);
        let work = Computation::new("disruption", move || propose(&question, &contended, favour));
        Some(self.ask(work, Asked::Plan { at: now }))
    }

    fn look_is_due(&self, now: Timestamp) -> bool {
        let wanted = self.dirty || self.look_anyway <= now;
        wanted && self.next_look.is_some_and(|next| next <= now)
    }

    fn ask(&mut self, work: Computation, asked: Asked) -> Action {
        self.tickets += 1;
        self.asked = Some(UnderWay { ticket: self.tickets, asked, touched: BTreeSet::new() });
        Action::ask(Kind::NodeClaim, Key::cluster("disruption"), self.tickets, work)
    }

    /// What a look found becomes commands.
    fn planned(
        &mut self,
        proposal: Proposal,
        asked_at: Timestamp,
        found: (u64, BTreeSet<String>),
        state: &State,
        now: Timestamp,
    ) {
        let (found_by, touched) = found;
        let took = Duration::try_from(now.duration_since(asked_at)).unwrap_or_default();
        let search = crate::metrics::ConsolidationType::Multi;
        self.knowledge.metrics.disruption_evaluated("underutilized", search, took);
        self.voice.passed(&self.knowledge, state, &proposal, now);
        self.contended.clone_from(&proposal.contended);
        if !proposal.drifted.is_empty() {
            self.favour = match self.favour {
                Favour::Drift => Favour::Consolidation,
                Favour::Consolidation => Favour::Drift,
            };
        }
        let busy: BTreeSet<String> = self
            .running
            .values()
            .flat_map(|one| one.command.candidates.iter().map(|candidate| candidate.node.clone()))
            .collect();
        let is_free = |command: &&Command| command.candidates.iter().all(|one| !busy.contains(&one.node));
        let found = proposal.drifted.iter().chain(&proposal.moves).filter(is_free);
        let found: Vec<Command> = found.cloned().collect();
        let any = !found.is_empty();
        for command in found {
            self.voice.decided(&self.knowledge, state, &command, &proposal, now);
            self.last += 1;
            let number = self.last;
            let at_once = command.reason == DisruptionReason::Drifted;
            let running = Running {
                number,
                command,
                stage: Stage::Waiting(later(now, VALIDATION)),
                names: Vec::new(),
                created: Vec::new(),
                found_by,
                overtaken: touched.clone(),
            };
            self.index(&running);
            self.running.insert(number, running);
            if at_once {
                self.begin(number, state, now);
            }
        }
        // a look at a big cluster costs more, so it is taken less often
        let size = u64::try_from(state.nodes.len()).unwrap_or(u64::MAX);
        let wait =
            if any { SOON + Duration::from_millis(size) } else { PERIOD + Duration::from_millis(10 * size) };
        self.next_look = Some(later(now, wait));
        self.dirty |= any;
        if let Some(next) = proposal.next {
            self.look_anyway = self.look_anyway.min(next);
        }
    }

    /// A command is carried out from now on.
    fn begin(&mut self, number: u64, state: &State, now: Timestamp) {
        let in_line = self.running.values().filter(|one| one.is_begun()).count() + 1;
        let until = later(now, patience(in_line));
        let taken: BTreeSet<String> =
            self.running.values().flat_map(|one| one.names.iter().cloned()).collect();
        let Some(running) = self.running.get_mut(&number) else { return };
        let mut names: Vec<String> = Vec::with_capacity(running.command.replacements.len());
        let nominated_until = later(now, NOMINATED.max(self.knowledge.settings.batch_max_duration * 2));
        for replacement in &running.command.replacements {
            let is_taken = |name: &str| {
                taken.contains(name)
                    || names.iter().any(|known| known == name)
                    || state.node_claims.get(&Key::cluster(name)).is_some()
            };
            let name = self.names.next(&replacement.shape.node_pool, is_taken);
            let mut assignments = self.knowledge.assignments();
            for (pod, uid) in &replacement.pods {
                assignments.assign(pod.clone(), uid, &name);
            }
            drop(assignments);
            self.knowledge.nominated().insert(name.clone(), nominated_until);
            names.push(name);
        }
        running.created = vec![false; names.len()];
        running.names = names;
        running.stage = Stage::Preparing { until };
        let running = running.clone();
        self.voice.approved(state, &running.command, now);
        self.index(&running);
        self.queue.add(key(number));
        tracing::info!(
            command = number,
            reason = running.command.reason_word(),
            "disrupting nodes: {}",
            running.command
        );
    }

    fn index(&mut self, running: &Running) {
        for name in running.touches() {
            self.by_name.entry(name.to_owned()).or_default().insert(running.number);
        }
    }

    /// What a second look found.
    fn judged(
        &mut self,
        verdicts: Vec<(u64, Verdict)>,
        found: (u64, BTreeSet<String>),
        state: &State,
        now: Timestamp,
    ) {
        let (found_by, touched) = found;
        for (number, verdict) in verdicts {
            match verdict {
                Ok(command) => {
                    if let Some(running) = self.running.get_mut(&number) {
                        running.command = command;
                        running.found_by = found_by;
                        running.overtaken.clone_from(&touched);
                        self.begin(number, state, now);
                    }
                }
                Err((class, why)) => {
                    let Some(running) = self.remove(number) else { continue };
                    self.voice.rejected(&self.knowledge, state, &running.command, (class, &why), now);
                    if class == Rejected::Scheduling {
                        self.leave_in_peace(&running.command, &format!("a move was dropped: {why}"), now);
                    }
                    self.look_soon(now);
                }
            }
        }
    }

    /// A claim that came: what is computed, and what others have yet to make, did not count it.
    fn see_new(&mut self, claim: &NodeClaim) {
        let Some(pool) = claim.metadata.labels.as_ref().and_then(|labels| labels.get(NODEPOOL)) else {
            return;
        };
        if let Some(under_way) = &mut self.asked {
            under_way.touched.insert(pool.clone());
        }
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        let makers = self.by_name.get(name).into_iter().flatten();
        let makers = makers.filter_map(|number| self.running.get(number));
        let made_by =
            makers.filter(|one| one.names.iter().any(|known| known == name)).map(|one| one.found_by);
        let made_by = made_by.max();
        for running in self.running.values_mut() {
            let is_open = running.is_begun() && running.created.contains(&false);
            let mut expected = running.command.replacements.iter().map(|one| &one.shape.node_pool);
            // commands found together were counted together
            if is_open && made_by != Some(running.found_by) && expected.any(|expected| expected == pool) {
                running.overtaken.insert(pool.clone());
            }
        }
    }

    fn remove(&mut self, number: u64) -> Option<Running> {
        let running = self.running.remove(&number)?;
        for name in running.touches() {
            if let Some(numbers) = self.by_name.get_mut(name) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
        Some(running)
    }

    fn leave_in_peace(&mut self, command: &Command, why: &str, now: Timestamp) {
        for candidate in &command.candidates {
            let known = self.peace.get(&candidate.node).map_or(0, |peace| peace.failures);
            let wait = FIRST_PEACE.saturating_mul(1 << known.min(10)).min(LONGEST_PEACE);
            let peace = Peace { failures: known + 1, until: later(now, wait), why: why.to_owned() };
            self.peace.insert(candidate.node.clone(), peace);
        }
    }

    fn look_soon(&mut self, now: Timestamp) {
        self.dirty = true;
        let soon = later(now, SOON);
        self.next_look = Some(self.next_look.map_or(soon, |next| next.min(soon)));
    }

    /// Brings the commands forward that something has happened to.
    fn advance(&mut self, state: &State, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some(waiting) = self.queue.next(now) {
            let Ok(number) = waiting.name.parse::<u64>() else { continue };
            let Some(running) = self.running.get_mut(&number) else { continue };
            let step = running.advance(state, now);
            let snapshot = running.command.clone();
            if let Some(again) = step.again {
                self.queue.add_at(waiting.clone(), again);
            }
            if step.acts.is_empty() {
                self.queue.succeeded(&waiting);
            }
            for (action, then) in step.acts {
                self.under_way.push_back(Some((number, then)));
                actions.push(action);
            }
            match step.reached {
                Some(Stage::Going) => {
                    self.nominate(&snapshot, number, now);
                    self.voice.going(state, &snapshot, now);
                }
                Some(Stage::Over { failed }) => self.over(number, failed, now),
                _ => {}
            }
        }
    }

    /// Pods are about to come to these nodes.
    fn nominate(&mut self, command: &Command, number: u64, now: Timestamp) {
        let until = later(now, NOMINATED.max(self.knowledge.settings.batch_max_duration * 2));
        let names = self.running.get(&number).map(|one| one.names.clone()).unwrap_or_default();
        let mut nominated = self.knowledge.nominated();
        nominated.extend(command.takers.iter().cloned().chain(names).map(|name| (name, until)));
    }

    fn over(&mut self, number: u64, failed: Option<String>, now: Timestamp) {
        let Some(running) = self.remove(number) else { return };
        match failed {
            Some(why) => {
                for name in &running.names {
                    self.knowledge.assignments().release_claim(name);
                    self.knowledge.nominated().remove(name);
                }
                self.voice.failed(&self.knowledge, &running.command, &why, now);
                self.leave_in_peace(&running.command, &format!("a move was taken back: {why}"), now);
            }
            None => self.voice.finished(&self.knowledge, &running.command, now),
        }
        self.look_soon(now);
    }

    /// Takes marks away that no command has made: those of a controller that was ended, or of a command that is over
    /// (reference section 4.1).
    fn clear_up(&mut self, state: &State, actions: &mut Vec<Action>) {
        for (kind, key) in std::mem::take(&mut self.unclear) {
            let is_ours = |name: &str| {
                let numbers = self.by_name.get(name).into_iter().flatten();
                numbers.into_iter().any(|number| self.running.get(number).is_some_and(Running::is_begun))
            };
            if is_ours(&key.name) {
                continue;
            }
            let action = match kind {
                Kind::Node => state.nodes.get(&key).and_then(|node| {
                    let taints =
                        node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
                    let is_marked = taints.iter().any(|taint| taint.key == DISRUPTED_TAINT);
                    let is_managed =
                        node.metadata.labels.as_ref().is_some_and(|all| all.contains_key(NODEPOOL));
                    let stays = node.metadata.deletion_timestamp.is_none();
                    let provider = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
                    let claim_stays = || {
                        state.node_claims.values().any(|claim| {
                            let id = claim.status.as_ref().and_then(|status| status.provider_id.as_deref());
                            id.is_some() && id == provider && claim.metadata.deletion_timestamp.is_none()
                        })
                    };
                    (is_marked && is_managed && stays && claim_stays()).then(|| untainted(node)).flatten()
                }),
                _ => state.node_claims.get(&key).and_then(|claim| {
                    let stays = claim.metadata.deletion_timestamp.is_none();
                    (stays && is_marked(claim)).then(|| unmarked(claim)).flatten()
                }),
            };
            if let Some(action) = action {
                self.under_way.push_back(None);
                actions.push(action);
            }
        }
    }
}

impl Part for Disrupting {
    fn name(&self) -> &'static str {
        "disruption"
    }

    fn kinds(&self) -> &'static [Kind] {
        kinds(self.knowledge.settings.gates.capacity_buffer)
    }

    fn observe(&mut self, change: &Change, _: &State, _: Timestamp) {
        self.dirty |= matters(change);
        if matches!(change.kind, Kind::Node | Kind::NodeClaim) {
            for number in self.by_name.get(&change.key.name).into_iter().flatten() {
                self.queue.add(key(*number));
            }
            let marked = match &change.new {
                Some(Object::Node(node)) => {
                    let taints =
                        node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
                    taints.iter().any(|taint| taint.key == DISRUPTED_TAINT)
                }
                Some(Object::NodeClaim(claim)) => is_marked(claim),
                _ => false,
            };
            if marked {
                self.unclear.insert((change.kind, change.key.clone()));
            }
            if let (None, Some(Object::NodeClaim(claim))) = (&change.old, &change.new) {
                self.see_new(claim);
            }
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        self.under_way.clear();
        let mut actions = Vec::new();
        if self.next_look.is_none() {
            self.next_look = Some(later(now, PERIOD));
            self.look_anyway = later(now, ANYWAY);
        }
        self.clear_up(state, &mut actions);
        self.advance(state, now, &mut actions);
        if let Some(action) = self.compute(state, now) {
            self.under_way.push_back(None);
            actions.push(action);
        }
        let notes = self.voice.notes.len().min(NOTES);
        for note in self.voice.notes.drain(..notes) {
            self.under_way.push_back(None);
            actions.push(note);
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, state: &State, now: Timestamp) {
        let Some(under_way) = self.under_way.pop_front() else { return };
        let Some((number, then)) = under_way else {
            if outcome.is_err() && matches!(action.verb, Verb::Patch { .. }) {
                self.unclear.insert((action.kind, action.key.clone()));
            }
            return;
        };
        let Some(running) = self.running.get_mut(&number) else { return };
        match (outcome, then) {
            (Err(refusal), _) => {
                tracing::debug!(command = number, %refusal, "a step of a command was refused");
                self.queue.failed(key(number), now);
            }
            (Ok(()), Then::Nothing) => {}
            (Ok(()), Then::Created(index)) => {
                if let Some(created) = running.created.get_mut(index) {
                    *created = true;
                }
                let running = running.clone();
                if let Some(replacement) = running.command.replacements.get(index) {
                    let shape = &replacement.shape;
                    let reason = running.command.reason_word();
                    self.knowledge.metrics.node_claim_created(
                        &shape.node_pool,
                        reason,
                        shape.min_values_relaxed,
                    );
                }
                self.voice.launching(state, &running, index, now);
            }
            (Ok(()), Then::Deleted(index)) => {
                if let Some(one) = running.command.candidates.get(index) {
                    let reason = running.command.reason_word();
                    self.knowledge.metrics.node_claim_disrupted(&one.node_pool, &one.capacity_type, reason);
                }
            }
        }
    }

    fn answered(&mut self, ticket: u64, answer: Answer, state: &State, now: Timestamp) {
        let Some(UnderWay { asked, touched, .. }) = self.asked.take_if(|known| known.ticket == ticket) else {
            return;
        };
        let found = (ticket, touched);
        match asked {
            Asked::Plan { at } => match answer.downcast::<Proposal>() {
                Ok(proposal) => self.planned(*proposal, at, found, state, now),
                // the computation has no answer: something is wrong with it, which another one may not meet
                Err(_) => self.next_look = Some(later(now, FIRST_PEACE)),
            },
            Asked::Judge { commands } => match answer.downcast::<Vec<(u64, Verdict)>>() {
                Ok(verdicts) => self.judged(*verdicts, found, state, now),
                Err(_) => {
                    let why = (Rejected::Churn, "it could not be looked at again".to_owned());
                    let verdicts = commands.into_iter().map(|number| (number, Err(why.clone())));
                    self.judged(verdicts.collect(), found, state, now);
                }
            },
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        let Some(next_look) = self.next_look else { return Some(Timestamp::MIN) };
        if !self.voice.notes.is_empty() || !self.unclear.is_empty() {
            return Some(Timestamp::MIN);
        }
        let mut wake = self.queue.wake();
        if self.asked.is_none() {
            let look = if self.dirty { next_look } else { next_look.max(self.look_anyway) };
            let due = self.running.values().filter_map(|one| match one.stage {
                Stage::Waiting(until) => Some(until),
                _ => None,
            });
            wake = wake.into_iter().chain(due).chain([look]).min();
        }
        wake
    }
}

fn is_marked(claim: &NodeClaim) -> bool {
    is_true(claim.conditions(), condition_types::DISRUPTION_REASON)
}

fn key(number: u64) -> Key {
    Key::cluster(format!("{number:020}"))
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
