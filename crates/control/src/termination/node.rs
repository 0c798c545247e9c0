//! A Node that is deleted.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_reasons::node_claim::{
    AWAITING_VOLUME_DETACHMENT, DRAINING, TERMINATION_GRACE_PERIOD_ELAPSED,
};
use supercargo_api::condition_types::{DISRUPTION_REASON, DRAINED, VOLUMES_DETACHED};
use supercargo_api::labels::{EXCLUDE_FROM_LOAD_BALANCERS, NODEPOOL, TERMINATION_FINALIZER};
use supercargo_api::{Condition, ConditionStatus, NodeClaim, Pod, find_condition, taint};
use supercargo_reconcile::{Action, Key, Kind, State, Verb};

use super::backoff::Backoff;
use super::claim::{deadline, terminating};
use super::drain::{Drain, drain};
use super::index::provider_of_node;
use super::verdict::{Found, Gone, Then, Verdict, Want};
use super::volumes;
use crate::said::COMPONENT;

/// The shortest time between the begin and the end of a drain (reference section 3.5): pods that were bound a moment ago
/// may not be known yet.
const SHORTEST_DRAIN: Duration = Duration::from_secs(5);
/// The value of the label that takes a node out of load balancers.
const LABEL_VALUE: &str = "karpenter";

/// Everything a decision about a node depends on.
pub(super) struct Case<'a> {
    pub(super) node: &'a Node,
    /// Its claim, if there still is one.
    pub(super) claim: Option<&'a NodeClaim>,
    /// What is known of its instance.
    pub(super) found: Option<Found>,
    pub(super) state: &'a State,
    pub(super) backoff: &'a Backoff,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    /// What is to be done about it.
    pub(super) fn decide(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let metadata = &self.node.metadata;
        let has_finalizer = metadata.finalizers.iter().flatten().any(|one| one == TERMINATION_FINALIZER);
        if metadata.deletion_timestamp.is_none() || !has_finalizer {
            return verdict;
        }
        if let Some(claim) = self.claim.filter(|claim| claim.metadata.deletion_timestamp.is_none()) {
            // somebody deleted the node by hand
            verdict.act(Action::delete(Kind::NodeClaim, claim));
        }
        if !is_ready(self.node) && provider_of_node(self.node).is_some() {
            verdict.want = Some(Want::Look);
            if self.found == Some(Found::Gone) {
                self.let_go(&mut verdict);
                return verdict;
            }
        }
        if let Some(action) = self.tainted() {
            verdict.act(action);
            self.say_deadline(&mut verdict);
            return verdict;
        }
        if self.drained(&mut verdict) && self.detached(&mut verdict) {
            self.ended(&mut verdict);
        }
        verdict
    }

    /// Takes the node out of scheduling and out of load balancers; nothing if it is already.
    fn tainted(&self) -> Option<Action> {
        let mut changed = self.node.clone();
        let taints = changed.spec.get_or_insert_default().taints.get_or_insert_default();
        let disrupted = taint::disrupted();
        if !taints.iter().any(|one| one.key == disrupted.key && one.effect == disrupted.effect) {
            taints.push(disrupted);
        }
        let labels = changed.metadata.labels.get_or_insert_default();
        labels.insert(EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), LABEL_VALUE.to_owned());
        Action::update(Kind::Node, self.node, &changed)
    }

    fn say_deadline(&self, verdict: &mut Verdict) {
        let Some(claim) = self.claim else { return };
        let Some(deadline) = deadline(claim) else { return };
        let message = format!("All pods will be deleted by {deadline}");
        let reason = "TerminationGracePeriodExpiring";
        verdict.act(Action::warn(self.node, COMPONENT, reason, message.clone()));
        verdict.act(Action::warn(claim, COMPONENT, reason, message));
    }

    /// Whether all pods have gone that are waited for; sees to it that they go.
    fn drained(&self, verdict: &mut Verdict) -> bool {
        let begun = self.claim.and_then(|claim| find_condition(claim.conditions(), DRAINED));
        if begun.is_some_and(|condition| condition.status == ConditionStatus::True) {
            return true;
        }
        let pods = self.state.pods_on(self.name()).map(|(_, pod)| pod);
        let drain = drain(pods, self.claim.and_then(deadline), self.now);
        if let Some(claim) = self.claim {
            match begun {
                None => {
                    verdict.acts.extend(self.condition(
                        claim,
                        DRAINED,
                        ConditionStatus::Unknown,
                        DRAINING,
                        Then::Nothing,
                    ));
                    return false;
                }
                Some(condition) if drain.waiting == 0 => {
                    let end = since(condition).checked_add(SHORTEST_DRAIN).unwrap_or(Timestamp::MAX);
                    if end > self.now {
                        verdict.look_again(end);
                        return false;
                    }
                    let pool = label(self.node, NODEPOOL);
                    let then = Then::Drained { pool };
                    verdict.acts.extend(self.condition(claim, DRAINED, ConditionStatus::True, "", then));
                    return false;
                }
                Some(_) => {}
            }
        }
        if drain.waiting == 0 {
            return true;
        }
        self.send_away(&drain, verdict);
        false
    }

    fn send_away(&self, drain: &Drain<'_>, verdict: &mut Verdict) {
        let mut again = drain.again;
        let reason = self.reason();
        for (pod, seconds) in &drain.force {
            let (key, uid) = identity(pod);
            if let Some(next) = self.backoff.next(&key, &uid).filter(|next| *next > self.now) {
                again = Some(again.map_or(next, |known| known.min(next)));
                continue;
            }
            let verb = Verb::Delete { uid: Some(uid.clone()), grace: Some(*seconds), propagation: None };
            let action = Action { kind: Kind::Pod, key: key.clone(), verb };
            verdict.act_then(action, Then::Forced { pod: key, uid, reason: reason.clone() });
            let message = format!(
                "Deleted with {seconds} seconds left: node {} ends by its deadline, whatever disruption budgets say",
                self.name()
            );
            verdict.act(Action::note(*pod, COMPONENT, "Disrupted", message));
        }
        for pod in &drain.evict {
            let (key, uid) = identity(pod);
            if let Some(next) = self.backoff.next(&key, &uid).filter(|next| *next > self.now) {
                again = Some(again.map_or(next, |known| known.min(next)));
                continue;
            }
            verdict
                .act_then(Action::evict(*pod, None), Then::Evicted { pod: key, uid, reason: reason.clone() });
        }
        if let Some(again) = again {
            verdict.look_again(again);
        }
    }

    /// Why the node goes, in the word of its claim's condition.
    fn reason(&self) -> String {
        let condition = self.claim.and_then(|claim| find_condition(claim.conditions(), DISRUPTION_REASON));
        condition.and_then(|condition| condition.reason.clone()).unwrap_or_else(|| "Terminating".to_owned())
    }

    /// Whether no volume is attached any more that is waited for.
    fn detached(&self, verdict: &mut Verdict) -> bool {
        let known = self.claim.and_then(|claim| find_condition(claim.conditions(), VOLUMES_DETACHED));
        match known {
            Some(condition) if condition.status == ConditionStatus::True => return true,
            Some(condition) if condition.reason.as_deref() == Some(TERMINATION_GRACE_PERIOD_ELAPSED) => {
                return true;
            }
            _ => {}
        }
        let awaited = volumes::awaited(self.state, self.name());
        let deadline = self.claim.and_then(deadline);
        let elapsed = deadline.is_some_and(|deadline| deadline <= self.now);
        let (status, reason) = match (awaited.is_empty(), elapsed) {
            (true, _) => (ConditionStatus::True, ""),
            (false, true) => (ConditionStatus::False, TERMINATION_GRACE_PERIOD_ELAPSED),
            (false, false) => (ConditionStatus::Unknown, AWAITING_VOLUME_DETACHMENT),
        };
        if status == ConditionStatus::Unknown {
            let message = format!("Waiting until volumes are detached: {}", awaited.join(", "));
            verdict.act(Action::note(self.node, COMPONENT, AWAITING_VOLUME_DETACHMENT, message));
            if let Some(deadline) = deadline {
                verdict.look_again(deadline);
            }
        }
        match self.claim {
            Some(claim) => {
                let act = self.condition(claim, VOLUMES_DETACHED, status, reason, Then::Nothing);
                let is_news = act.is_some();
                if status == ConditionStatus::Unknown && !is_news {
                    // it was said when the wait began
                    verdict.acts.retain(|act| !matches!(act.action.verb, Verb::Record(_)));
                }
                verdict.acts.extend(act);
                false
            }
            None => status != ConditionStatus::Unknown,
        }
    }

    /// Sees to it that the instance ends, and lets the node go when it has.
    fn ended(&self, verdict: &mut Verdict) {
        if provider_of_node(self.node).is_none() || self.found == Some(Found::Gone) {
            self.let_go(verdict);
            return;
        }
        verdict.want = Some(Want::End);
        if self.found == Some(Found::Ending)
            && let Some(action) = self.claim.and_then(|claim| terminating(claim, self.now))
        {
            verdict.act(action);
        }
    }

    fn let_go(&self, verdict: &mut Verdict) {
        let mut changed = self.node.clone();
        if let Some(finalizers) = &mut changed.metadata.finalizers {
            finalizers.retain(|one| one != TERMINATION_FINALIZER);
        }
        if let Some(action) = Action::update(Kind::Node, self.node, &changed) {
            verdict.act_then(action, Then::NodeGone(Gone::of(&self.node.metadata)));
        }
    }

    fn condition(
        &self,
        claim: &NodeClaim,
        type_: &str,
        status: ConditionStatus,
        reason: &str,
        then: Then,
    ) -> Option<super::verdict::Act> {
        let mut changed = claim.clone();
        if !changed.set_condition(type_, status, reason, "", self.now) {
            return None;
        }
        let action = Action::update_status(Kind::NodeClaim, claim, &changed)?;
        Some(super::verdict::Act { action, then })
    }

    fn name(&self) -> &str {
        self.node.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Whether the node is ready, as its kubelet says.
pub(super) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    is_true_of_node(
        conditions.iter().find(|condition| condition.type_ == "Ready").map(|one| one.status.as_str()),
    )
}

fn is_true_of_node(status: Option<&str>) -> bool {
    status == Some("True")
}

fn since(condition: &Condition) -> Timestamp {
    condition.last_transition_time.as_ref().map_or(Timestamp::MIN, |time| time.0)
}

fn identity(pod: &Pod) -> (Key, String) {
    (Key::of(&pod.metadata), pod.metadata.uid.clone().unwrap_or_default())
}

fn label(node: &Node, key: &str) -> String {
    node.metadata.labels.as_ref().and_then(|all| all.get(key)).cloned().unwrap_or_default()
}

/// Whether a claim says that its instance is being ended.
#[cfg(test)]
pub(super) fn says(claim: &NodeClaim, type_: &str) -> bool {
    supercargo_api::is_true(claim.conditions(), type_)
}
