//! Machines that should have become nodes by now: one in a thousand never does, and pods that wait for it wait in vain until
//! the claim is given up after fifteen minutes (row R4). Here others of its kind say how long it takes: a claim that needs
//! longer than each of the last hundred is overdue, and its pods are planned anew. Where few are known it has minutes. The same
//! holds of nodes that have come and do not get ready. Should one get so after all it is as good as any other, and what is too
//! much then is consolidated.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_types::{DISRUPTION_REASON, INITIALIZED, LAUNCHED, REGISTERED};
use supercargo_api::labels::keys;
use supercargo_api::{Condition, ConditionStatus, NodeClaim, find_condition, is_true, taint};
use supercargo_reconcile::State;

/// How many of the last registrations count.
const LAST: usize = 100;
/// With fewer nobody can say exactly what takes long.
const ENOUGH: usize = 20;
/// No node is overdue before, in seconds.
const AT_LEAST: i64 = 20;
/// With few to compare it with a node has three times the slowest, and at least so many seconds.
const UNKNOWN: i64 = 180;
/// Bare metal and Windows take minutes to boot, and nobody knows what else a node waits for until one has been initialised.
const UNKNOWN_AND_SLOW: i64 = 600;
/// If more of its kind are expected than this, or than one in twenty, it is not the machines: many were launched together, or a
/// subnet has no way out, or an image does not boot. More of them would not help.
const SINGLE: usize = 3;

/// When many are expected it is looked at again after this.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// Claims that are launched and should have a node by now, or one that is initialised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Their names, with how long their node has taken so far.
    pub claims: BTreeMap<String, SignedDuration>,
    /// When the next one will be, if its node does not come.
    pub next: Option<Timestamp>,
}

/// What takes about equally long: the EC2NodeClass, whether it is bare metal or Windows, and how far a claim has to come.
type Class<'a> = (&'a str, bool, Step);

/// How far a claim has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Registered,
    Initialized,
}

/// What is known of the machines of a class.
#[derive(Default)]
struct Seen<'a> {
    /// When claims came so far, and how many seconds after the launch.
    arrived: Vec<(Timestamp, i64)>,
    /// Claims that did not yet, and when they were launched.
    on_their_way: Vec<(&'a str, Timestamp)>,
    claims: usize,
}

/// The claims that are overdue now.
pub fn overdue(state: &State, now: Timestamp) -> Overdue {
    let mut found = Overdue::default();
    // none is on its way nearly always
    if !state.node_claims.values().any(|claim| is_on_its_way(claim)) {
        return found;
    }
    let mut classes: BTreeMap<Class<'_>, Seen<'_>> = BTreeMap::new();
    for claim in state.node_claims.values() {
        let Some(launched) = since(claim, LAUNCHED) else { continue };
        let (name, is_slow) = kind(claim);
        for step in [Step::Registered, Step::Initialized] {
            let seen = classes.entry((name, is_slow, step)).or_default();
            seen.claims += 1;
            if let Some(arrived) = since(claim, step.condition()) {
                seen.arrived.push((arrived, arrived.duration_since(launched).as_secs()));
            } else if is_on_its_way(claim) {
                seen.on_their_way.push((claim.metadata.name.as_deref().unwrap_or_default(), launched));
                break;
            }
        }
    }
    for ((_, is_slow, step), seen) in classes {
        seen.judge(is_slow, step, now, &mut found);
    }
    found
}

/// A claim as those read it who must not count on it: as one that goes away, though it holds its part of the limits.
pub(super) fn not_counted_on(claim: &NodeClaim) -> NodeClaim {
    let mut claim = claim.clone();
    let conditions =
        claim.status.get_or_insert_with(Default::default).conditions.get_or_insert_with(Vec::new);
    conditions.retain(|condition| condition.type_ != DISRUPTION_REASON);
    conditions.push(Condition {
        type_: DISRUPTION_REASON.to_owned(),
        status: ConditionStatus::True,
        ..Condition::default()
    });
    claim
}

/// The same of a node that has come.
pub(super) fn avoided(node: &Node) -> Node {
    let mut node = node.clone();
    let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
    taints.push(taint::disrupted());
    node
}

impl Step {
    fn condition(self) -> &'static str {
        match self {
            Self::Registered => REGISTERED,
            Self::Initialized => INITIALIZED,
        }
    }
}

impl Seen<'_> {
    fn patience(&mut self, is_slow: bool, step: Step) -> SignedDuration {
        self.arrived.sort_unstable_by(|one, other| other.cmp(one));
        let slowest = self.arrived.iter().take(LAST).map(|(_, seconds)| *seconds).max();
        let seconds = match slowest {
            // conditions tell whole seconds
            Some(slowest) if self.arrived.len() >= ENOUGH => slowest.saturating_add(1).max(AT_LEAST),
            Some(slowest) => slowest.saturating_mul(3).max(UNKNOWN),
            None if is_slow || step == Step::Initialized => UNKNOWN_AND_SLOW,
            None => UNKNOWN,
        };
        SignedDuration::from_secs(seconds)
    }

    /// What half of the last ones took.
    fn typical(&self) -> Option<SignedDuration> {
        let mut seconds: Vec<i64> = self.arrived.iter().take(LAST).map(|(_, seconds)| *seconds).collect();
        let middle = seconds.len() / 2;
        (!seconds.is_empty()).then(|| SignedDuration::from_secs(*seconds.select_nth_unstable(middle).1))
    }

    fn judge(mut self, is_slow: bool, step: Step, now: Timestamp, found: &mut Overdue) {
        let patience = self.patience(is_slow, step);
        let typical = self.typical().unwrap_or(patience).min(patience);
        let taken = |launched: Timestamp| now.duration_since(launched);
        // of many that were launched together the first ones say nothing of how long the rest may take
        let expected = self.on_their_way.iter().filter(|(_, launched)| taken(*launched) >= typical).count();
        let (late, others): (Vec<_>, Vec<_>) =
            self.on_their_way.into_iter().partition(|(_, launched)| taken(*launched) >= patience);
        // where none has ever come so far it is hardly the machine, so that one more is enough to see
        let most = if self.arrived.is_empty() { 1 } else { SINGLE.max(self.claims / 20) };
        if expected <= most {
            found.claims.extend(late.into_iter().map(|(name, launched)| (name.to_owned(), taken(launched))));
        } else if !late.is_empty() {
            found.next = found.next.into_iter().chain([now + AGAIN]).min();
        }
        let next = others.into_iter().filter_map(|(_, launched)| launched.checked_add(patience).ok()).min();
        found.next = found.next.into_iter().chain(next).min();
    }
}

fn is_on_its_way(claim: &NodeClaim) -> bool {
    let conditions = claim.conditions();
    claim.metadata.deletion_timestamp.is_none()
        && is_true(conditions, LAUNCHED)
        && !is_true(conditions, INITIALIZED)
}

/// Since when a condition is true.
fn since(claim: &NodeClaim, condition: &str) -> Option<Timestamp> {
    let condition = find_condition(claim.conditions(), condition)?;
    let is_true = condition.status == ConditionStatus::True;
    condition.last_transition_time.as_ref().filter(|_| is_true).map(|time| time.0)
}

/// The EC2NodeClass, and whether the machine takes minutes to boot.
fn kind(claim: &NodeClaim) -> (&str, bool) {
    let label = |key: &str| claim.metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let is_metal = label(keys::INSTANCE_TYPE).is_some_and(|name| name.contains(".metal"));
    let is_windows = label(keys::OS).is_some_and(|name| name == "windows");
    (&claim.spec.node_class_ref.name, is_metal || is_windows)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_engine::snapshot::SnapshotOptions;
    use supercargo_reconcile::toy::Toy;
    use supercargo_reconcile::{Key, Kind};

    use super::*;
    use crate::cluster::inputs;
    use crate::test_world::{self, knowledge};

    /// A claim that was launched so many seconds ago, and registered and was initialised so many seconds after that.
    fn claim(toy: &mut Toy, name: &str, class: &str, launched: i64, registered: Option<i64>) {
        let at = |ago: i64| (toy.now - SignedDuration::from_secs(ago)).to_string();
        let mut conditions =
            vec![json!({"type": "Launched", "status": "True", "lastTransitionTime": at(launched)})];
        conditions.push(match registered {
            Some(after) => {
                json!({"type": "Registered", "status": "True", "lastTransitionTime": at(launched - after)})
            }
            None => json!({"type": "Registered", "status": "Unknown", "lastTransitionTime": at(launched)}),
        });
        let initialized = registered.map(
            |after| json!({"type": "Initialized", "status": "True", "lastTransitionTime": at(launched - after)}),
        );
        conditions.extend(initialized);
        let full: Value = json!({"cpu": "4", "memory": "16Gi", "pods": "58"});
        toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {"name": name, "labels": {
                    "karpenter.sh/nodepool": "general", "node.kubernetes.io/instance-type": "m6i.xlarge",
                    "topology.kubernetes.io/zone": "us-east-1a", "karpenter.sh/capacity-type": "spot",
                }},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": class},
                    "requirements": [],
                },
                "status": {"conditions": conditions, "capacity": full, "allocatable": full},
            }),
        );
    }

    fn names(toy: &Toy) -> Vec<String> {
        overdue(&toy.state, toy.now).claims.into_keys().collect()
    }

    #[rstest]
    #[case::as_slow_as_the_slowest(38, &[])]
    #[case::slower_than_each(40, &["late"])]
    fn a_claim_is_overdue_when_it_takes_longer_than_each_of_its_kind(
        #[case] age: i64,
        #[case] expected: &[&str],
    ) {
        let mut toy = Toy::new(Vec::new());
        for number in 0..40 {
            claim(&mut toy, &format!("swift-{number}"), "default", 600, Some(25 + number % 15));
        }
        claim(&mut toy, "late", "default", age, None);
        assert_eq!(names(&toy), expected);
        let next = overdue(&toy.state, toy.now).next;
        let due = toy.now + SignedDuration::from_secs(40 - age);
        assert_eq!(next, expected.is_empty().then_some(due));
    }

    #[test]
    fn those_of_another_class_and_those_long_ago_say_nothing() {
        let mut toy = Toy::new(Vec::new());
        for number in 0..100 {
            claim(&mut toy, &format!("swift-{number}"), "default", 600, Some(30));
            claim(&mut toy, &format!("slow-long-ago-{number}"), "default", 9_000, Some(300));
            claim(&mut toy, &format!("slow-{number}"), "windows", 900, Some(320));
        }
        claim(&mut toy, "late", "default", 60, None);
        claim(&mut toy, "in-time", "windows", 300, None);
        assert_eq!(names(&toy), ["late"]);
    }

    #[rstest]
    #[case::nothing_is_known(&[], 179, false)]
    #[case::nothing_is_known_for_long(&[], 180, true)]
    #[case::few_swift_ones(&[30, 40], 179, false)]
    #[case::few_swift_ones_for_long(&[30, 40], 180, true)]
    #[case::few_slow_ones(&[90], 269, false)]
    #[case::few_slow_ones_for_long(&[90], 270, true)]
    fn with_few_of_its_kind_a_node_has_minutes(
        #[case] known: &[i64],
        #[case] age: i64,
        #[case] is_late: bool,
    ) {
        let mut toy = Toy::new(Vec::new());
        for (number, seconds) in known.iter().enumerate() {
            claim(&mut toy, &format!("known-{number}"), "default", 600, Some(*seconds));
        }
        claim(&mut toy, "late", "default", age, None);
        assert_eq!(!names(&toy).is_empty(), is_late);
    }

    #[rstest]
    #[case::others_are_swift_and_it_is_in_time(40, 38, &[])]
    #[case::others_are_swift(40, 60, &["stuck"])]
    #[case::few_are_known(2, 179, &[])]
    #[case::few_are_known_for_long(2, 180, &["stuck"])]
    #[case::nothing_is_known(0, 599, &[])]
    #[case::nothing_is_known_for_long(0, 600, &["stuck"])]
    fn a_node_that_has_come_and_does_not_get_ready_is_overdue_too(
        #[case] others: i64,
        #[case] age: i64,
        #[case] expected: &[&str],
    ) {
        let mut toy = Toy::new(Vec::new());
        for number in 0..others {
            claim(&mut toy, &format!("swift-{number}"), "default", 600, Some(25 + number % 15));
        }
        claim(&mut toy, "stuck", "default", age, Some(10));
        let conditions = json!([
            {"type": "Launched", "status": "True", "lastTransitionTime": (toy.now - SignedDuration::from_secs(age)).to_string()},
            {"type": "Registered", "status": "True", "lastTransitionTime": (toy.now - SignedDuration::from_secs(age - 10)).to_string()},
            {"type": "Initialized", "status": "Unknown", "lastTransitionTime": (toy.now - SignedDuration::from_secs(age)).to_string()},
        ]);
        toy.patch_status(Kind::NodeClaim, &Key::cluster("stuck"), json!({"conditions": conditions}));
        assert_eq!(names(&toy), expected);
    }

    #[test]
    fn of_those_launched_together_the_first_ones_say_nothing_of_the_rest() {
        let mut toy = Toy::new(Vec::new());
        for number in 0..20 {
            claim(&mut toy, &format!("first-{number}"), "default", 31, Some(25 + number % 5));
        }
        claim(&mut toy, "a-second-before-the-rest", "default", 31, None);
        for number in 0..39 {
            claim(&mut toy, &format!("rest-{number}"), "default", 29, None);
        }
        assert!(names(&toy).is_empty());
    }

    #[test]
    fn when_many_are_late_it_is_not_the_machines() {
        let mut toy = Toy::new(Vec::new());
        for number in 0..40 {
            claim(&mut toy, &format!("swift-{number}"), "default", 600, Some(30));
        }
        for number in 0..3 {
            claim(&mut toy, &format!("late-{number}"), "default", 60, None);
        }
        assert_eq!(names(&toy).len(), 3);
        claim(&mut toy, "late-3", "default", 60, None);
        assert!(names(&toy).is_empty());
    }

    #[test]
    fn what_was_planned_onto_a_node_that_does_not_get_ready_waits_again_and_the_node_takes_nothing_new() {
        let mut toy = Toy::new(Vec::new());
        test_world::pool_and_class(&mut toy, "general");
        claim(&mut toy, "stuck", "default", 600, Some(10));
        let at = |ago: i64| (toy.now - SignedDuration::from_secs(ago)).to_string();
        let conditions = json!([
            {"type": "Launched", "status": "True", "lastTransitionTime": at(600)},
            {"type": "Registered", "status": "True", "lastTransitionTime": at(590)},
        ]);
        let status = json!({"conditions": conditions, "nodeName": "stuck-node", "providerID": "aws:///us-east-1a/i-1"});
        toy.patch_status(Kind::NodeClaim, &Key::cluster("stuck"), status);
        toy.create(
            Kind::Node,
            json!({
                "metadata": {"name": "stuck-node", "labels": {"karpenter.sh/nodepool": "general"}},
                "spec": {"providerID": "aws:///us-east-1a/i-1"},
            }),
        );
        toy.create(Kind::Pod, test_world::waiting_pod("web-0", "1"));
        let knowledge = knowledge();
        let pod = toy.state.pods.named("shop", "web-0").unwrap();
        knowledge.assignments().assign(Key::of(&pod.metadata), pod.metadata.uid.as_deref().unwrap(), "stuck");
        let is_leaving = |age: i64| {
            let inputs = inputs(&toy.state, &knowledge, toy.now - SignedDuration::from_secs(1 - age));
            let (_, snapshot) = inputs.snapshot(&SnapshotOptions::default());
            (inputs.waiting(), snapshot.rooms.iter().any(|room| room.name == "stuck-node" && room.leaving))
        };
        assert_eq!(is_leaving(0), (0, false));
        assert_eq!(is_leaving(1), (1, true));
    }

    #[test]
    fn what_was_planned_onto_it_waits_again_and_it_takes_nothing_new_but_holds_its_part_of_the_limits() {
        let mut toy = Toy::new(Vec::new());
        test_world::pool_and_class(&mut toy, "general");
        for number in 0..20 {
            claim(&mut toy, &format!("swift-{number}"), "default", 600, Some(30));
        }
        claim(&mut toy, "late", "default", 31, None);
        toy.create(Kind::Pod, test_world::waiting_pod("web-0", "1"));
        let knowledge = knowledge();
        let pod = toy.state.pods.named("shop", "web-0").unwrap();
        knowledge.assignments().assign(Key::of(&pod.metadata), pod.metadata.uid.as_deref().unwrap(), "late");
        let before = inputs(&toy.state, &knowledge, toy.now - SignedDuration::from_secs(1));
        assert_eq!(before.waiting(), 0);
        let inputs = inputs(&toy.state, &knowledge, toy.now);
        assert_eq!(inputs.waiting(), 1);
        let (_, snapshot) = inputs.snapshot(&SnapshotOptions::default());
        let late = snapshot.rooms.iter().find(|room| room.name == "late").unwrap();
        assert!(late.leaving && !late.deleted);
    }
}
