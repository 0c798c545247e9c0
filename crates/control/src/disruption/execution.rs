//! A command on its way: what is to be done next, from what is there. Nothing is remembered that the objects tell.
//!
//! ```text
//! Waiting ──15 s──> Judging ──still right──> Preparing ──all new nodes initialised──> Going ──claims gone──> over
//!    (drift goes on at once)      │              │
//!                                 └─ dropped     └─ a new node vanished, or time is over ──> Back ──> over
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_types::{DISRUPTION_REASON, INITIALIZED};
use supercargo_api::labels::DISRUPTED_TAINT;
use supercargo_api::labels::keys::REPLACES;
use supercargo_api::{ConditionStatus, NodeClaim, is_true, taint};
use supercargo_reconcile::{Action, Key, Kind, State};

use super::command::{Candidate, Command, name};
use crate::provisioning::node_claim;

/// How long what was decided waits until it is looked at again (reference section 4.14).
pub(super) const VALIDATION: Duration = Duration::from_secs(15);
/// Time that new nodes have for every command in line, and its bounds (reference section 4.15).
const PER_COMMAND: Duration = Duration::from_millis(80);
const LEAST: Duration = Duration::from_secs(600);
const MOST: Duration = Duration::from_secs(3_600);

/// How far a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is looked at again at this moment.
    Waiting(Timestamp),
    /// It is being looked at again.
    Judging,
    /// Its nodes are marked, new ones are on their way.
    Preparing {
        /// Until when they have to be there.
        until: Timestamp,
    },
    /// Its nodes go.
    Going,
    /// It is taken back.
    Back {
        /// Why.
        why: String,
    },
    /// Nothing is left to do.
    Over {
        /// Why it was taken back, if it was.
        failed: Option<String>,
    },
}

/// A command on its way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) command: Command,
    pub(super) stage: Stage,
    /// The names of its new NodeClaims, in the order of its replacements.
    pub(super) names: Vec<String>,
    /// Which of them have been created.
    pub(super) created: Vec<bool>,
    /// The computation that found it.
    pub(super) found_by: u64,
    /// NodePools that others have made claims for since that computation was asked for.
    pub(super) overtaken: BTreeSet<String>,
}

/// What an action means if it goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing more.
    Nothing,
    /// The n-th new NodeClaim is there.
    Created(usize),
    /// The claim of the n-th candidate is deleted.
    Deleted(usize),
}

/// What is to be done next.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) acts: Vec<(Action, Then)>,
    /// When to look again though nothing changes.
    pub(super) again: Option<Timestamp>,
    /// It has just come this far.
    pub(super) reached: Option<Stage>,
}

/// How long new nodes may take if so many commands are in line.
pub(super) fn patience(commands: usize) -> Duration {
    PER_COMMAND.saturating_mul(u32::try_from(commands).unwrap_or(u32::MAX)).clamp(LEAST, MOST)
}

impl Running {
    /// What is to be done next. The stage is brought up to date.
    pub(super) fn advance(&mut self, state: &State, now: Timestamp) -> Step {
        let mut step = Step::default();
        match self.stage.clone() {
            // the second look is asked for when it is due, whatever happens meanwhile
            Stage::Waiting(_) | Stage::Judging | Stage::Over { .. } => {}
            Stage::Preparing { until } => self.prepare(until, state, now, &mut step),
            Stage::Going => self.go(state, &mut step),
            Stage::Back { why } => self.back(why, state, now, &mut step),
        }
        step
    }

    fn reach(&mut self, stage: Stage, step: &mut Step) {
        self.stage = stage.clone();
        step.reached = Some(stage);
    }

    fn prepare(&mut self, until: Timestamp, state: &State, now: Timestamp, step: &mut Step) {
        let mut ready = true;
        let mut failure = None;
        for (index, replacement) in self.command.replacements.iter().enumerate() {
            let name = &self.names[index];
            match state.node_claims.get(&Key::cluster(name)) {
                Some(claim) if claim.metadata.deletion_timestamp.is_none() => {
                    ready &= is_true(claim.conditions(), INITIALIZED);
                }
                Some(_) => failure = Some(format!("new NodeClaim {name} is being deleted")),
                None if self.created[index] => failure = Some(format!("new NodeClaim {name} is gone")),
                None => {
                    ready = false;
                    let pool = state.node_pools.get(&Key::cluster(&replacement.shape.node_pool));
                    match pool.filter(|pool| pool.metadata.deletion_timestamp.is_none()) {
                        // somebody else has used up what this counted on: limits hold (reference section 2.11)
                        Some(pool)
                            if pool.spec.limits.is_some()
                                && self.overtaken.contains(&replacement.shape.node_pool) =>
                        {
                            failure = Some(format!(
                                "NodePool {} has limits and got other nodes meanwhile",
                                replacement.shape.node_pool
                            ));
                        }
                        Some(pool) => {
                            let mut claim = node_claim(&replacement.shape, pool, name.clone());
                            let replaced = self.command.candidates.iter().map(|one| one.claim.as_str());
                            let replaced: Vec<&str> = replaced.collect();
                            let annotations = claim.metadata.annotations.get_or_insert_default();
                            annotations.insert(REPLACES.to_owned(), replaced.join(","));
                            step.acts.push((Action::create(claim), Then::Created(index)));
                        }
                        None => {
                            failure = Some(format!("NodePool {} is gone", replacement.shape.node_pool));
                        }
                    }
                }
            }
        }
        if until <= now && !ready {
            failure.get_or_insert_with(|| "new nodes were not ready in time".to_owned());
        }
        if let Some(why) = failure {
            step.acts.clear();
            self.reach(Stage::Back { why }, step);
            step.again = Some(now);
            return;
        }
        for candidate in &self.command.candidates {
            if let Some(claim) = claim_of(candidate, state).filter(|claim| stays(claim)) {
                if let Some(node) = node_of(candidate, state) {
                    step.acts.extend(tainted(node).map(|action| (action, Then::Nothing)));
                }
                step.acts.extend(self.marked(claim, now).map(|action| (action, Then::Nothing)));
            }
        }
        if step.acts.is_empty() && ready {
            self.reach(Stage::Going, step);
            step.again = Some(now);
        } else {
            // what is past is no moment to wait for: what the acts change is seen when it comes
            step.again = Some(until).filter(|until| *until > now);
        }
    }

    fn go(&mut self, state: &State, step: &mut Step) {
        let mut left = false;
        for (index, candidate) in self.command.candidates.iter().enumerate() {
            let Some(claim) = claim_of(candidate, state) else { continue };
            left = true;
            if stays(claim) {
                step.acts.push((Action::delete(Kind::NodeClaim, claim), Then::Deleted(index)));
            }
        }
        if !left {
            self.reach(Stage::Over { failed: None }, step);
        }
    }

    fn back(&mut self, why: String, state: &State, now: Timestamp, step: &mut Step) {
        for candidate in &self.command.candidates {
            if let Some(claim) = claim_of(candidate, state).filter(|claim| stays(claim)) {
                let node = node_of(candidate, state).and_then(untainted);
                step.acts
                    .extend(node.into_iter().chain(unmarked(claim)).map(|action| (action, Then::Nothing)));
            }
        }
        for name in &self.names {
            let claim = state.node_claims.get(&Key::cluster(name));
            // what has come so far that pods may be there stays; it goes by itself if it is not needed
            let unused = |claim: &&std::sync::Arc<NodeClaim>| {
                stays(claim) && !is_true(claim.conditions(), supercargo_api::condition_types::REGISTERED)
            };
            if let Some(claim) = claim.filter(unused) {
                step.acts.push((Action::delete(Kind::NodeClaim, &**claim), Then::Nothing));
            }
        }
        if step.acts.is_empty() {
            self.reach(Stage::Over { failed: Some(why) }, step);
        } else {
            step.again = now.checked_add(Duration::from_secs(1)).ok();
        }
    }

    /// Says in the claim's status that it is disrupted, and why; nothing if it says so already.
    fn marked(&self, claim: &NodeClaim, now: Timestamp) -> Option<Action> {
        let reason = name(self.command.reason);
        let mut changed = claim.clone();
        changed.set_condition(DISRUPTION_REASON, ConditionStatus::True, reason, "", now);
        Action::update_status(Kind::NodeClaim, claim, &changed)
    }

    /// The names of all objects it depends on: nodes and claims that go, claims that come.
    pub(super) fn touches(&self) -> impl Iterator<Item = &str> {
        let candidates = self.command.candidates.iter();
        candidates
            .flat_map(|one| [one.node.as_str(), one.claim.as_str()])
            .chain(self.names.iter().map(String::as_str))
    }

    /// Whether its nodes and its new claims are spoken for.
    pub(super) fn is_begun(&self) -> bool {
        !matches!(self.stage, Stage::Waiting(_) | Stage::Judging | Stage::Over { .. })
    }
}

/// The same claim as when it was decided; nothing if it is gone.
fn claim_of<'s>(candidate: &Candidate, state: &'s State) -> Option<&'s NodeClaim> {
    let claim = state.node_claims.get(&Key::cluster(&candidate.claim))?;
    (claim.metadata.uid.as_deref().unwrap_or_default() == candidate.claim_uid).then_some(claim)
}

fn node_of<'s>(candidate: &Candidate, state: &'s State) -> Option<&'s Node> {
    let node = state.nodes.get(&Key::cluster(&candidate.node))?;
    let same = node.metadata.uid.as_deref().unwrap_or_default() == candidate.node_uid;
    (same && node.metadata.deletion_timestamp.is_none()).then_some(node)
}

fn stays(claim: &NodeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_none()
}

/// Keeps new pods off a node; nothing if they are already.
fn tainted(node: &Node) -> Option<Action> {
    let mut changed = node.clone();
    let taints = changed.spec.get_or_insert_default().taints.get_or_insert_default();
    if taints.iter().any(|one| one.key == DISRUPTED_TAINT) {
        return None;
    }
    taints.push(taint::disrupted());
    Action::update(Kind::Node, node, &changed)
}

/// Lets new pods onto a node again; nothing if they are.
pub(super) fn untainted(node: &Node) -> Option<Action> {
    let mut changed = node.clone();
    if let Some(taints) = changed.spec.as_mut().and_then(|spec| spec.taints.as_mut()) {
        taints.retain(|one| one.key != DISRUPTED_TAINT);
    }
    Action::update(Kind::Node, node, &changed)
}

/// Takes back that a claim is disrupted; nothing if it does not say so.
pub(super) fn unmarked(claim: &NodeClaim) -> Option<Action> {
    let mut changed = claim.clone();
    changed.remove_condition(DISRUPTION_REASON);
    Action::update_status(Kind::NodeClaim, claim, &changed)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use supercargo_api::DisruptionReason;
    use supercargo_catalog::Usd;
    use supercargo_reconcile::toy::Toy;

    use super::super::command::Replacement;
    use super::*;
    use crate::test_world;

    /// A command that brings one node to NodePool `web`.
    fn running() -> Running {
        let shape = test_world::claim_shape("web", Usd::from_f64(0.1));
        Running {
            number: 1,
            command: Command {
                reason: DisruptionReason::Underutilized,
                kind: None,
                candidates: Vec::new(),
                replacements: vec![Replacement { shape, pods: Vec::new() }],
                takers: BTreeSet::new(),
                pods: 0,
                price_before: Usd::from_f64(0.2),
                price_after: Usd::from_f64(0.1),
                score: None,
                detail: String::new(),
            },
            stage: Stage::Preparing { until: Timestamp::MAX },
            names: vec!["web-new".to_owned()],
            created: vec![false],
            found_by: 1,
            overtaken: BTreeSet::new(),
        }
    }

    #[rstest]
    #[case::nobody(None, Some("9"), true)]
    #[case::somebody("web".into(), Some("9"), false)]
    #[case::somebody_in_another_pool("batch".into(), Some("9"), true)]
    #[case::somebody_in_a_pool_without_limits("web".into(), None, true)]
    fn a_command_is_taken_back_if_others_may_have_used_up_a_limit_section_2_11(
        #[case] other: Option<&str>,
        #[case] limit: Option<&str>,
        #[case] goes_on: bool,
    ) {
        let mut toy = Toy::new(Vec::new());
        let mut pool = test_world::node_pool("web");
        pool["spec"]["limits"] = limit.map_or(serde_json::Value::Null, |cpu| serde_json::json!({"cpu": cpu}));
        toy.create(Kind::NodePool, pool);
        let mut running = running();
        running.overtaken.extend(other.map(str::to_owned));
        let step = running.advance(&toy.state, toy.now);
        assert_eq!(step.acts.len(), usize::from(goes_on));
        assert_eq!(matches!(running.stage, Stage::Back { .. }), !goes_on, "{:?}", running.stage);
    }

    #[rstest]
    #[case::a_few_commands_have_ten_minutes(3, 600)]
    #[case::ten_thousand_have_800_seconds(10_000, 800)]
    #[case::nobody_waits_longer_than_an_hour(100_000, 3_600)]
    fn new_nodes_have_80_milliseconds_for_every_command_section_4_15(
        #[case] commands: usize,
        #[case] seconds: u64,
    ) {
        assert_eq!(patience(commands).as_secs(), seconds);
    }
}
