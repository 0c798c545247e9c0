//! Static NodePools keep as many nodes as they say (reference section 2.15; gate StaticCapacity).
//!
//! ```text
//! claims that stay + those being replaced < replicas ──> more claims, as far as limits.nodes allow
//! claims that stay                        > replicas ──> the cheapest to lose go
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::condition_types::{DISRUPTION_REASON, READY};
use supercargo_api::labels::keys;
use supercargo_api::requirement::Operator;
use supercargo_api::resources::NODES;
use supercargo_api::{NodeClaim, NodePool, Pod, RequirementTerm, Resources, is_true};
use supercargo_catalog::{CapacityType, Usd};
use supercargo_engine::disruption::protected_until;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::lifecycle::{capacity_type, node_pool_of, provider_id};
use crate::provisioning::{ClaimShape, Names, node_claim};

/// How often a static NodePool is looked at though nothing changes.
const EVERY: Duration = Duration::from_secs(60);
/// The same while its limit keeps it from having enough nodes.
const EVERY_AT_LIMIT: Duration = Duration::from_secs(30);
/// Claims made in one go; the rest follow at once.
const AT_ONCE: i64 = 200;

/// The controller of static NodePools.
pub struct StaticPools {
    knowledge: Arc<Knowledge>,
    names: Names,
}

impl StaticPools {
    /// A controller; the seed decides names.
    pub fn new(knowledge: Arc<Knowledge>, seed: u64) -> Self {
        Self { knowledge, names: Names::new(seed ^ 0x5747_1c00) }
    }

    fn grow(&mut self, pool: &NodePool, missing: i64, state: &State, now: Timestamp) -> Vec<Action> {
        let name = pool.metadata.name.clone().unwrap_or_default();
        let shape = static_shape(pool);
        let mut actions = Vec::new();
        let mut fresh: Vec<String> = Vec::new();
        for _ in 0..missing.min(AT_ONCE) {
            let is_taken = |name: &str| {
                fresh.iter().any(|known| known == name)
                    || state.node_claims.get(&Key::cluster(name)).is_some()
            };
            let claim_name = self.names.next(&name, is_taken);
            let claim = node_claim(&shape, pool, claim_name.clone());
            fresh.push(claim_name);
            self.knowledge.metrics.node_claim_created(&name, "provisioned", false);
            actions.push(Action::create(claim));
        }
        let sentence = format!("made {} node claims for its replicas", actions.len());
        self.knowledge.journal.record(
            Entry::new(now, EntryKind::Static, Subject::of(pool), sentence)
                .given("replicas", pool.spec.replicas.unwrap_or_default())
                .given("missing", missing),
        );
        actions
    }

    fn shrink(
        &self,
        pool: &NodePool,
        staying: &[&Arc<NodeClaim>],
        surplus: usize,
        state: &State,
        now: Timestamp,
    ) -> Vec<Action> {
        let mut ranked: Vec<(Loss, &Arc<NodeClaim>)> =
            staying.iter().map(|claim| (loss(claim, state, now), *claim)).collect();
        ranked.sort_by(|left, right| {
            left.0.compare(&right.0).then_with(|| left.1.metadata.name.cmp(&right.1.metadata.name))
        });
        ranked.truncate(surplus);
        let name = pool.metadata.name.as_deref().unwrap_or_default();
        let mut actions = Vec::new();
        for (_, claim) in &ranked {
            self.knowledge.metrics.node_claim_disrupted(name, capacity_type(claim), "overprovisioned");
            actions.push(Action::delete(Kind::NodeClaim, &***claim));
        }
        let sentence = format!("deleted {} node claims beyond its replicas", actions.len());
        self.knowledge.journal.record(
            Entry::new(now, EntryKind::Static, Subject::of(pool), sentence)
                .given("replicas", pool.spec.replicas.unwrap_or_default())
                .touching(ranked.iter().map(|(_, claim)| Subject::of(&***claim))),
        );
        actions
    }
}

/// What a claim of a static NodePool asks for: all that the NodePool does. The type is chosen at launch.
pub(crate) fn static_shape(pool: &NodePool) -> ClaimShape {
    let name = pool.metadata.name.clone().unwrap_or_default();
    let template = &pool.spec.template;
    let class = &template.spec.node_class_ref;
    let mut labels: BTreeMap<String, String> = template.labels().into_owned();
    labels.insert(keys::NODEPOOL.to_owned(), name.clone());
    labels.insert(format!("{}/{}", class.group, class.kind.to_ascii_lowercase()), class.name.clone());
    let mut requirements = template.spec.requirements.clone();
    let own = labels.iter().map(|(key, value)| RequirementTerm::new(key, Operator::In, [value.as_str()]));
    requirements.extend(own);
    ClaimShape {
        node_pool: name,
        labels,
        requirements,
        requests: Resources::new(),
        instance_types: Vec::new(),
        prices: Vec::new(),
        price: Usd::ZERO,
        dearest: Usd::ZERO,
        capacity: Resources::new(),
        zone: String::new(),
        capacity_type: CapacityType::OnDemand,
        min_values_relaxed: false,
        price_overlay: false,
        capacity_overlay: false,
    }
}

/// What is lost with a claim. Less is lost with an earlier kind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// It has no instance yet.
    NotLaunched,
    /// Nothing runs there but what belongs to the node.
    Empty,
    /// Pods have to move; whether one of them must not, and what that costs.
    Pods { protected: bool, cost: f64 },
}

impl Loss {
    fn compare(&self, other: &Loss) -> Ordering {
        let rank = |loss: &Loss| match loss {
            Loss::NotLaunched => (0, false, 0.0),
            Loss::Empty => (1, false, 0.0),
            Loss::Pods { protected, cost } => (2, *protected, *cost),
        };
        let (left, right) = (rank(self), rank(other));
        (left.0, left.1).cmp(&(right.0, right.1)).then_with(|| left.2.total_cmp(&right.2))
    }
}

fn loss(claim: &NodeClaim, state: &State, now: Timestamp) -> Loss {
    let Some(id) = provider_id(claim) else { return Loss::NotLaunched };
    let mut pods: Vec<&Pod> = Vec::new();
    for (key, _) in state.nodes_of_instance(id) {
        pods.extend(state.pods_on(&key.name).map(|(_, pod)| pod).filter(|pod| !is_finished(pod)));
    }
    let protected = pods.iter().any(|pod| is_protected(pod, now));
    if pods.iter().all(|pod| is_of_the_node(pod)) && !protected {
        return Loss::Empty;
    }
    let cost: f64 = pods.iter().map(|pod| eviction_cost(pod)).sum();
    Loss::Pods { protected, cost: cost * lifetime_remaining(claim, now) }
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn is_of_the_node(pod: &Pod) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.kind == "DaemonSet" || owner.kind == "Node")
}

fn is_protected(pod: &Pod, now: Timestamp) -> bool {
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
    protected_until(pod.metadata.annotations.as_ref(), started, now).is_some()
}

/// What it costs to move a pod (reference section 4.3).
fn eviction_cost(pod: &Pod) -> f64 {
    let deletion = pod.metadata.annotations.as_ref().and_then(|all| all.get(keys::POD_DELETION_COST));
    let deletion: f64 = deletion.and_then(|text| text.parse::<i32>().ok()).map_or(0.0, f64::from);
    let priority = f64::from(pod.spec().and_then(|spec| spec.priority).unwrap_or(0));
    (1.0 + deletion / f64::from(1 << 27) + priority / f64::from(1 << 25)).clamp(-10.0, 10.0)
}

/// What part of its life a claim has before it (reference section 4.3).
fn lifetime_remaining(claim: &NodeClaim, now: Timestamp) -> f64 {
    let Some(length) = claim.spec.expire_after().as_nanos() else { return 1.0 };
    let Some(created) = claim.metadata.creation_timestamp.as_ref() else { return 1.0 };
    let length = SignedDuration::from_nanos(length.max(1)).as_secs_f64();
    ((length - now.duration_since(created.0).as_secs_f64()) / length).clamp(0.0, 1.0)
}

impl Controller for StaticPools {
    const NAME: &'static str = "static";
    const KINDS: &'static [Kind] = &[Kind::NodePool, Kind::NodeClaim, Kind::Node, Kind::Pod];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        let of_pool = |claim: &NodeClaim| {
            let key = node_pool_of(claim).map(Key::cluster);
            key.filter(|key| state.node_pools.get(key).is_some_and(|pool| pool.spec.is_static()))
        };
        match (&change.old, &change.new) {
            (_, Some(Object::NodePool(pool))) if pool.spec.is_static() => vec![change.key.clone()],
            (None, Some(Object::NodeClaim(claim))) | (Some(Object::NodeClaim(claim)), None) => {
                of_pool(claim).into_iter().collect()
            }
            (Some(Object::NodeClaim(old)), Some(Object::NodeClaim(new))) => {
                let counts = old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
                    || is_true(old.conditions(), DISRUPTION_REASON)
                        != is_true(new.conditions(), DISRUPTION_REASON);
                if counts { of_pool(new).into_iter().collect() } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        if !self.knowledge.settings.gates.static_capacity {
            return Decision::nothing();
        }
        let pool = state.node_pools.get(key).filter(|pool| pool.metadata.deletion_timestamp.is_none());
        let Some((pool, replicas)) = pool.and_then(|pool| Some((Arc::clone(pool), pool.spec.replicas?)))
        else {
            return Decision::nothing();
        };
        let of_pool =
            state.node_claims.values().filter(|claim| node_pool_of(claim) == Some(key.name.as_str()));
        let all: Vec<&Arc<NodeClaim>> =
            of_pool.filter(|claim| claim.metadata.deletion_timestamp.is_none()).collect();
        let count = |claims: usize| i64::try_from(claims).unwrap_or(i64::MAX);
        // those that are being replaced have their replacement beside them
        let staying: Vec<&Arc<NodeClaim>> =
            all.iter().filter(|claim| !is_true(claim.conditions(), DISRUPTION_REASON)).copied().collect();
        let mut decision = Decision::nothing();
        let conditions =
            pool.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        if count(staying.len()) > replicas {
            let surplus = usize::try_from(count(staying.len()) - replicas.max(0)).unwrap_or(usize::MAX);
            decision.actions = self.shrink(&pool, &staying, surplus, state, now);
        } else if count(all.len()) < replicas && is_true(conditions, READY) {
            let limit = pool.spec.limits.as_ref().and_then(|limits| limits.resources().ok());
            let limit = limit.filter(|limits| limits.contains(NODES)).map(|limits| limits.get(NODES));
            let room = limit.map_or(i64::MAX, |limit| (limit - count(all.len())).max(0));
            let missing = (replicas - count(all.len())).min(room);
            if missing < replicas - count(all.len()) {
                decision.look_again(now + EVERY_AT_LIMIT);
            }
            if missing > 0 {
                decision.actions = self.grow(&pool, missing, state, now);
            }
        }
        decision.look_again(now + EVERY);
        decision
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::{FeatureGates, Settings};
    use crate::stage;

    fn toy(gate: bool, replicas: i64, limits: Value) -> (Toy, Arc<Knowledge>) {
        let gates = FeatureGates { static_capacity: gate, ..FeatureGates::default() };
        let knowledge = stage::knowledge(Settings { gates, ..Settings::default() });
        let part = Keyed::new(StaticPools::new(Arc::clone(&knowledge), 7));
        let mut toy = Toy::new(vec![Box::new(part)]);
        let mut pool = stage::node_pool("fixed", "default");
        pool["spec"]["replicas"] = json!(replicas);
        pool["spec"]["limits"] = limits;
        pool["spec"]["template"]["spec"]["requirements"] =
            json!([{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]);
        pool["spec"]["template"]["metadata"] = json!({"labels": {"team": "red"}});
        pool["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        toy.create(Kind::NodePool, pool);
        (toy, knowledge)
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[rstest]
    #[case::section_2_15_as_many_as_it_says(true, 3, json!(null), 3)]
    #[case::none_of_them(true, 0, json!(null), 0)]
    #[case::no_more_than_its_limit(true, 3, json!({"nodes": "2"}), 2)]
    #[case::the_gate_is_off(false, 3, json!(null), 0)]
    #[case::more_than_are_made_at_once(true, 450, json!(null), 450)]
    fn a_static_pool_has_its_claims(
        #[case] gate: bool,
        #[case] replicas: i64,
        #[case] limits: Value,
        #[case] expected: usize,
    ) {
        let (mut toy, _) = toy(gate, replicas, limits);
        toy.run(seconds(1));
        assert_eq!(toy.state.node_claims.len(), expected);
        toy.run(seconds(600));
        assert_eq!(toy.state.node_claims.len(), expected);
    }

    #[test]
    fn a_claim_asks_for_all_that_the_pool_says_and_leaves_the_type_open() {
        let (mut toy, knowledge) = toy(true, 1, json!(null));
        toy.run(seconds(1));
        let claim = toy.state.node_claims.values().next().unwrap();
        let terms: Vec<String> = claim.spec.requirements.iter().map(ToString::to_string).collect();
        assert_eq!(
            terms,
            [
                "karpenter.sh/capacity-type In [spot]",
                "karpenter.k8s.aws/ec2nodeclass In [default]",
                "karpenter.sh/nodepool In [fixed]",
                "team In [red]",
            ]
        );
        assert_eq!(claim.metadata.owner_references.as_ref().unwrap()[0].kind, "NodePool");
        assert!(knowledge.metrics.text().contains(r#"nodepool="fixed""#));
        assert_eq!(knowledge.journal.last(), 1);
    }

    #[test]
    fn a_pool_that_is_not_ready_gets_none() {
        let (mut toy, _) = toy(true, 3, json!(null));
        toy.patch_status(
            Kind::NodePool,
            &Key::cluster("fixed"),
            json!({"conditions": [{"type": "Ready", "status": "False"}]}),
        );
        toy.run(seconds(100));
        assert!(toy.state.node_claims.is_empty());
    }

    #[test]
    fn what_is_being_replaced_is_neither_replaced_twice_nor_in_the_way() {
        let (mut toy, _) = toy(true, 2, json!(null));
        toy.run(seconds(1));
        let first = toy.state.node_claims.iter().next().unwrap().0.clone();
        let replaced =
            json!({"conditions": [{"type": "DisruptionReason", "status": "True", "reason": "Drifted"}]});
        toy.patch_status(Kind::NodeClaim, &first, replaced);
        toy.run(seconds(100));
        assert_eq!(toy.state.node_claims.len(), 2);
        toy.create(Kind::NodeClaim, stage::node_claim("replacement", "fixed", "default"));
        toy.run(seconds(100));
        assert_eq!(toy.state.node_claims.len(), 3);
        toy.delete(Kind::NodeClaim, &first);
        // the finalizer is another part's
        toy.patch(Kind::NodeClaim, &first, json!({"metadata": {"finalizers": null}}));
        toy.run(seconds(100));
        assert_eq!(toy.state.node_claims.len(), 2);
    }

    fn pod(name: &str, node: &str, change: Value) -> Value {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [], "nodeName": node}, "status": {"phase": "Running"},
        });
        for (name, value) in change.as_object().unwrap() {
            pod["metadata"][name] = value.clone();
        }
        pod
    }

    #[test]
    fn section_2_15_the_order_in_which_claims_go() {
        let (mut toy, knowledge) = toy(true, 6, json!(null));
        let protect = |value: &str| json!({"annotations": {"karpenter.sh/do-not-disrupt": value}});
        let daemon = json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}]});
        let mut protected_daemon = daemon.clone();
        protected_daemon["annotations"] = protect("true")["annotations"].clone();
        let nodes: [(&str, Vec<Value>); 5] = [
            ("f-protected", vec![protect("true")]),
            ("e-protected-daemon", vec![protected_daemon]),
            ("d-two-pods", vec![json!({}), json!({})]),
            ("c-one-pod", vec![json!({})]),
            ("b-empty", vec![daemon]),
        ];
        for (index, (name, pods)) in nodes.iter().enumerate() {
            let id = format!("aws:///us-east-1a/i-{index}");
            toy.create(Kind::NodeClaim, stage::node_claim(name, "fixed", "default"));
            toy.patch_status(Kind::NodeClaim, &Key::cluster(*name), json!({"providerID": id}));
            toy.create(Kind::Node, json!({"metadata": {"name": name}, "spec": {"providerID": id}}));
            for (number, change) in pods.iter().enumerate() {
                toy.create(Kind::Pod, pod(&format!("{name}-{number}"), name, change.clone()));
            }
        }
        toy.create(Kind::NodeClaim, stage::node_claim("a-not-launched", "fixed", "default"));
        toy.run(seconds(1));
        let mut order = Vec::new();
        for replicas in (0..6).rev() {
            let before: Vec<Key> = toy.state.node_claims.iter().map(|(key, _)| key.clone()).collect();
            toy.patch(Kind::NodePool, &Key::cluster("fixed"), json!({"spec": {"replicas": replicas}}));
            toy.run(seconds(1));
            order.extend(
                before.into_iter().filter(|key| toy.state.node_claims.get(key).is_none()).map(|key| key.name),
            );
        }
        assert_eq!(
            order,
            ["a-not-launched", "b-empty", "c-one-pod", "d-two-pods", "e-protected-daemon", "f-protected"]
        );
        assert!(knowledge.metrics.text().contains(r#"reason="overprovisioned""#));
    }
}
