//! Every invariant notices what it is there for.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_clock::VirtualClock;
use supercargo_cloud_sim::{Region, RegionOptions};
use supercargo_reconcile::{Kind, State};
use supercargo_sim::invariants::{Checks, Invariant, at_rest};
use supercargo_sim::world::Audit;

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// A cluster that is taken in change by change, as the observer does it.
#[derive(Default)]
struct Seen {
    state: State,
    checks: Checks,
    version: u64,
}

impl Seen {
    fn put(&mut self, kind: Kind, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        object["metadata"]["uid"] = json!(format!("uid-{name}"));
        let change = self.state.put(kind.read_value(object).unwrap()).unwrap();
        self.checks.change(&change, &self.state, now());
    }

    fn write(&mut self, method: Method, path: &str) {
        self.checks.audit(
            &Audit { at: now(), method, path: path.to_owned(), body: Value::Null, status: StatusCode::OK },
            &self.state,
        );
    }

    fn found(&self) -> Vec<Invariant> {
        self.checks.violations().iter().map(|violation| violation.invariant).collect()
    }
}

fn pod(name: &str, annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}, "annotations": annotations},
        "spec": {"nodeName": "node-1", "terminationGracePeriodSeconds": 30, "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn budget(desired: i32) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minAvailable": desired, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"desiredHealthy": desired, "currentHealthy": 2, "disruptionsAllowed": 2 - desired, "expectedPods": 2},
    })
}

#[rstest]
#[case::one_of_two_may_go(1, &["web-1"], &[])]
#[case::none_may_go(2, &["web-1"], &[Invariant::DisruptionBudget])]
#[case::the_second_may_not(1, &["web-1", "web-2"], &[Invariant::DisruptionBudget])]
fn an_eviction_beyond_a_budget_is_noticed(
    #[case] desired: i32,
    #[case] evicted: &[&str],
    #[case] expected: &[Invariant],
) {
    let mut seen = Seen::default();
    seen.put(Kind::Pod, pod("web-1", json!({})));
    seen.put(Kind::Pod, pod("web-2", json!({})));
    seen.put(Kind::PodDisruptionBudget, budget(desired));
    for name in evicted {
        seen.write(Method::POST, &format!("/api/v1/namespaces/shop/pods/{name}/eviction"));
    }
    assert_eq!(seen.found(), expected);
}

#[test]
fn an_eviction_of_what_is_not_to_be_disrupted_is_noticed() {
    let mut seen = Seen::default();
    seen.put(Kind::Pod, pod("web-1", json!({"karpenter.sh/do-not-disrupt": "true"})));
    seen.write(Method::POST, "/api/v1/namespaces/shop/pods/web-1/eviction");
    assert_eq!(seen.found(), [Invariant::DoNotDisrupt]);
}

fn node(name: &str, leaving: bool) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"karpenter.sh/nodepool": "general"}},
    });
    if leaving {
        node["metadata"]["deletionTimestamp"] = json!("2026-03-02T09:59:00Z");
        node["metadata"]["finalizers"] = json!(["karpenter.sh/termination"]);
    }
    node
}

fn claim(name: &str, annotations: Value, reason: Option<&str>) -> Value {
    let mut claim = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": name, "labels": {"karpenter.sh/nodepool": "general"}, "annotations": annotations},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [],
        },
        "status": {"nodeName": "node-1", "providerID": format!("aws:///us-east-1a/i-{name}")},
    });
    if let Some(reason) = reason {
        claim["status"]["conditions"] = json!([{
            "type": "DisruptionReason", "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": "2026-03-02T09:58:00Z", "observedGeneration": 1,
        }]);
    }
    claim
}

#[rstest]
#[case::the_node_stays(false, json!({}), &[Invariant::DisruptionBudget])]
#[case::the_node_has_no_deadline(true, json!({}), &[Invariant::DisruptionBudget])]
#[case::the_deadline_is_far(
    true,
    json!({"karpenter.sh/nodeclaim-termination-timestamp": "2026-03-02T10:05:00Z"}),
    &[Invariant::DisruptionBudget]
)]
#[case::the_pod_needs_all_that_is_left(
    true,
    json!({"karpenter.sh/nodeclaim-termination-timestamp": "2026-03-02T10:00:30Z"}),
    &[]
)]
fn a_deletion_before_its_time_is_noticed(
    #[case] leaving: bool,
    #[case] annotations: Value,
    #[case] expected: &[Invariant],
) {
    let mut seen = Seen::default();
    seen.put(Kind::Node, node("node-1", leaving));
    seen.put(Kind::NodeClaim, claim("general-1", annotations, None));
    seen.put(Kind::Pod, pod("web-1", json!({})));
    seen.write(Method::DELETE, "/api/v1/namespaces/shop/pods/web-1");
    assert_eq!(seen.found(), expected);
}

fn pool(budget: &str, limits: Value) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
        "spec": {
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": [],
            }},
            "limits": limits,
            "disruption": {"consolidateAfter": "0s", "budgets": [{"nodes": budget}]},
        },
    })
}

#[rstest]
#[case::both_may_go("2", &[])]
#[case::one_may_go("1", &[Invariant::NodeBudget])]
#[case::half_of_four_may_go("50%", &[])]
#[case::none_may_go("0", &[Invariant::NodeBudget, Invariant::NodeBudget])]
fn nodes_that_go_beyond_their_budget_are_noticed(#[case] budget: &str, #[case] expected: &[Invariant]) {
    let mut seen = Seen::default();
    seen.put(Kind::NodePool, pool(budget, Value::Null));
    for number in 1..=4 {
        seen.put(Kind::Node, node(&format!("node-{number}"), false));
    }
    for name in ["general-1", "general-2"] {
        let going = claim(name, json!({}), Some("Underutilized"));
        seen.put(Kind::NodeClaim, going.clone());
        seen.write(Method::DELETE, &format!("/apis/karpenter.sh/v1/nodeclaims/{name}"));
        let mut gone = going;
        gone["metadata"]["deletionTimestamp"] = json!("2026-03-02T10:00:00Z");
        gone["metadata"]["finalizers"] = json!(["karpenter.sh/termination"]);
        seen.put(Kind::NodeClaim, gone);
    }
    assert_eq!(seen.found(), expected);
}

#[rstest]
#[case::within("10", &[])]
#[case::beyond("6", &[Invariant::Limit])]
fn a_pool_beyond_its_limits_is_noticed(#[case] cpu: &str, #[case] expected: &[Invariant]) {
    let mut seen = Seen::default();
    seen.put(Kind::NodePool, pool("1", json!({"cpu": cpu})));
    for name in ["general-1", "general-2"] {
        let mut claim = claim(name, json!({}), None);
        claim["status"]["capacity"] = json!({"cpu": "4"});
        seen.put(Kind::NodeClaim, claim);
    }
    assert_eq!(seen.found(), expected);
}

#[test]
fn a_claim_without_a_machine_and_what_is_stuck_are_noticed_at_rest() {
    let clock = Arc::new(VirtualClock::new(now() - Duration::from_secs(3_600)));
    let region = Region::new(RegionOptions::new(clock.clone(), 1));
    clock.advance(Duration::from_secs(3_600));
    let mut seen = Seen::default();
    seen.put(Kind::NodeClaim, claim("general-1", json!({}), None));
    let mut stuck = claim("general-2", json!({}), None);
    stuck["metadata"]["deletionTimestamp"] = json!("2026-03-02T09:00:00Z");
    stuck["metadata"]["finalizers"] = json!(["karpenter.sh/termination"]);
    seen.put(Kind::NodeClaim, stuck);
    at_rest(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), [Invariant::Loss, Invariant::Stuck]);
}
