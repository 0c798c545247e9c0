//! Every invariant notices what it is there for.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_clock::{Clock, VirtualClock};
use supercargo_cloud::{
    AllocationStrategy, FleetConfig, FleetOverride, FleetRequest, LaunchTemplateData, LaunchTemplateRequest,
    PurchaseOption, Tags,
};
use supercargo_cloud_sim::{ApiOptions, Region, RegionOptions};
use supercargo_reconcile::{Kind, State};
use supercargo_sim::invariants::{Checks, Invariant, at_rest, placeable, placeable_meanwhile};
use supercargo_sim::world::Audit;

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// A cluster that is taken in change by change, as the observer does it.
struct Seen {
    state: State,
    checks: Checks,
    version: u64,
    now: Timestamp,
}

impl Default for Seen {
    fn default() -> Self {
        Self { state: State::default(), checks: Checks::default(), version: 0, now: now() }
    }
}

impl Seen {
    fn put(&mut self, kind: Kind, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        object["metadata"]["uid"] = json!(format!("uid-{name}"));
        let change = self.state.put(kind.read_value(object).unwrap()).unwrap();
        self.checks.change(&change, &self.state, self.now);
    }

    fn write(&mut self, method: Method, path: &str) {
        self.send(method, path, Value::Null);
    }

    fn create(&mut self, path: &str, body: Value) {
        self.send(Method::POST, path, body);
    }

    fn send(&mut self, method: Method, path: &str, body: Value) {
        let audit = Audit { at: self.now, method, path: path.to_owned(), body, status: StatusCode::OK };
        self.checks.audit(&audit, &self.state);
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

#[test]
fn what_the_controllers_have_just_written_counts_before_it_is_seen() {
    let mut seen = Seen::default();
    seen.put(Kind::Node, node("node-1", false));
    seen.put(Kind::NodeClaim, claim("general-1", json!({}), None));
    seen.put(Kind::Pod, pod("web-1", json!({})));
    let deadline = json!({"karpenter.sh/nodeclaim-termination-timestamp": "2026-03-02T10:00:00Z"});
    let body = json!({"metadata": {"annotations": deadline}});
    seen.send(Method::PATCH, "/apis/karpenter.sh/v1/nodeclaims/general-1", body);
    seen.write(Method::DELETE, "/api/v1/nodes/node-1");
    seen.write(Method::DELETE, "/api/v1/namespaces/shop/pods/web-1");
    assert_eq!(seen.found(), []);
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

#[test]
fn a_node_that_goes_with_a_pod_in_peace_is_noticed() {
    let mut seen = Seen::default();
    let mut ready = pod("web-1", json!({"karpenter.sh/do-not-disrupt": "true"}));
    ready["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-02T09:50:00Z");
    let mut late = pod("web-2", json!({"karpenter.sh/do-not-disrupt": "true"}));
    late["spec"]["nodeName"] = json!("node-2");
    late["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-02T09:57:50Z");
    seen.put(Kind::Pod, ready);
    seen.put(Kind::Pod, late);
    let mut other = claim("general-2", json!({}), Some("Underutilized"));
    other["status"]["nodeName"] = json!("node-2");
    seen.put(Kind::NodeClaim, claim("general-1", json!({}), Some("Underutilized")));
    seen.put(Kind::NodeClaim, other);
    seen.write(Method::DELETE, "/apis/karpenter.sh/v1/nodeclaims/general-2");
    assert_eq!(seen.found(), [], "it came after all had been decided");
    seen.write(Method::DELETE, "/apis/karpenter.sh/v1/nodeclaims/general-1");
    assert_eq!(seen.found(), [Invariant::DoNotDisrupt]);
}

fn region() -> (Arc<VirtualClock>, Region) {
    let clock = Arc::new(VirtualClock::new(now() - Duration::from_secs(3_600)));
    let mut options = RegionOptions::new(clock.clone(), 1);
    options.api = ApiOptions::instant();
    let region = Region::new(options);
    clock.advance(Duration::from_secs(3_600));
    (clock, region)
}

fn machine(mut claim: Value, instance_type: &str, capacity_type: &str) -> Value {
    claim["metadata"]["labels"]["node.kubernetes.io/instance-type"] = json!(instance_type);
    claim["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("us-east-1a");
    claim["metadata"]["labels"]["karpenter.sh/capacity-type"] = json!(capacity_type);
    claim
}

#[rstest]
#[case::cheaper("m6i.xlarge", "m6i.large", "Underutilized", &[])]
#[case::the_same("m6i.large", "m6i.large", "Underutilized", &[])]
#[case::dearer("m6i.large", "m6i.xlarge", "Underutilized", &[Invariant::Price])]
#[case::dearer_for_the_sake_of_drift("m6i.large", "m6i.xlarge", "Drifted", &[])]
fn a_move_that_raises_the_price_is_noticed(
    #[case] old: &str,
    #[case] new: &str,
    #[case] reason: &str,
    #[case] expected: &[Invariant],
) {
    let (_, region) = region();
    let mut seen = Seen::default();
    seen.checks.prices_of(region);
    seen.put(Kind::NodeClaim, machine(claim("general-1", json!({}), Some(reason)), old, "on-demand"));
    let made =
        machine(claim("general-2", json!({"supercargo.dev/replaces": "general-1"}), None), new, "on-demand");
    seen.create("/apis/karpenter.sh/v1/nodeclaims", made.clone());
    seen.put(Kind::NodeClaim, made);
    seen.write(Method::DELETE, "/apis/karpenter.sh/v1/nodeclaims/general-1");
    assert_eq!(seen.found(), expected);
}

#[test]
fn what_came_for_a_move_that_was_taken_back_does_not_count_for_the_next_one() {
    let (_, region) = region();
    let mut seen = Seen::default();
    seen.checks.prices_of(region);
    let old = |reason| machine(claim("general-1", json!({}), reason), "m6i.large", "on-demand");
    seen.put(Kind::NodeClaim, old(Some("Underutilized")));
    let made = machine(
        claim("general-2", json!({"supercargo.dev/replaces": "general-1"}), None),
        "m6i.xlarge",
        "on-demand",
    );
    seen.create("/apis/karpenter.sh/v1/nodeclaims", made.clone());
    seen.put(Kind::NodeClaim, made);
    seen.now += Duration::from_secs(60);
    seen.put(Kind::NodeClaim, old(None));
    seen.put(Kind::NodeClaim, old(Some("Empty")));
    seen.write(Method::DELETE, "/apis/karpenter.sh/v1/nodeclaims/general-1");
    assert_eq!(seen.found(), []);
}

/// Launches one machine under a client token.
fn launch(region: &Region, token: &str) -> String {
    launch_all(region, token, 1).remove(0)
}

/// Launches so many machines under a client token.
fn launch_all(region: &Region, token: &str, target_capacity: u32) -> Vec<String> {
    let image = "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/image_id";
    let image_id = region.get_parameter(image).outcome.unwrap();
    let data = LaunchTemplateData { image_id, ..LaunchTemplateData::default() };
    let request = LaunchTemplateRequest { name: "test".to_owned(), data, ..LaunchTemplateRequest::default() };
    // it is there already the second time
    let _ = region.create_launch_template(&request);
    let subnet =
        region.describe_subnets(&[]).outcome.unwrap().into_iter().find(|one| one.zone == "us-east-1a");
    let offering = FleetOverride {
        instance_type: "m6i.large".to_owned(),
        subnet_id: subnet.unwrap().id,
        zone: "us-east-1a".to_owned(),
        ..FleetOverride::default()
    };
    let request = FleetRequest {
        configs: vec![FleetConfig { launch_template: "test".to_owned(), overrides: vec![offering] }],
        target_capacity,
        purchase: PurchaseOption::OnDemand,
        strategy: AllocationStrategy::LowestPrice,
        instance_tags: Tags::new(),
        fleet_tags: Tags::new(),
        context: None,
        client_token: Some(token.to_owned()),
        dry_run: false,
    };
    let answer = region.create_fleet(&request).outcome.unwrap();
    answer.instance_ids().map(str::to_owned).collect()
}

#[test]
fn a_second_machine_for_a_claim_and_a_machine_without_one_are_noticed() {
    let uid = "11111111-2222-3333-4444-555555555555";
    let (clock, region) = region();
    let first = launch(&region, uid);
    assert_eq!(launch(&region, uid), first, "EC2 answers the same request as before");
    let mut seen = Seen::default();
    let mut claim = claim("general-1", json!({}), None);
    claim["status"]["providerID"] = json!(format!("aws:///us-east-1a/{first}"));
    seen.put(Kind::NodeClaim, claim);
    at_rest(&mut seen.checks, &seen.state, &region, clock.now());
    assert_eq!(seen.found(), []);
    launch(&region, &format!("{uid}-1"));
    clock.advance(Duration::from_secs(200));
    at_rest(&mut seen.checks, &seen.state, &region, clock.now());
    assert_eq!(seen.found(), [Invariant::Leak, Invariant::DoubleLaunch]);
}

/// The uid of the claim `general-N`.
fn uid(number: usize) -> String {
    format!("{number:08}-2222-3333-4444-555555555555")
}

#[rstest]
#[case::each_in_one_call("1 2 3, 4 5", &[], &[])]
#[case::in_two_calls("1 2 3, 3 4", &[], &[Invariant::DoubleLaunch])]
#[case::together_and_alone("1 2 3", &[2], &[Invariant::DoubleLaunch])]
#[case::two_of_them_twice("1 2, 2 1 3", &[], &[Invariant::DoubleLaunch; 2])]
fn a_second_machine_for_a_claim_in_a_call_for_several_is_noticed(
    #[case] calls: &str,
    #[case] alone: &[usize],
    #[case] expected: &[Invariant],
) {
    let (_, region) = region();
    let mut seen = Seen::default();
    for (number, members) in calls.split(", ").enumerate() {
        let told: Vec<String> = members.split(' ').map(|member| uid(member.parse().unwrap())).collect();
        let key = format!("launch.supercargo.dev/together-{number}");
        let body = json!({"metadata": {"annotations": {key: told.join(" ")}}});
        seen.send(Method::PATCH, "/apis/karpenter.sh/v1/nodeclaims/general-1", body);
        launch_all(&region, &format!("together-{number}"), u32::try_from(told.len()).unwrap());
    }
    for number in alone {
        launch(&region, &uid(*number));
    }
    at_rest(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), expected);
}

#[test]
fn a_call_for_several_that_asks_for_more_or_was_not_written_down_is_noticed() {
    let (_, region) = region();
    let mut seen = Seen::default();
    let told = format!("{} {}", uid(1), uid(2));
    let body = json!({"metadata": {"annotations": {"launch.supercargo.dev/together-1": told}}});
    seen.send(Method::PATCH, "/apis/karpenter.sh/v1/nodeclaims/general-1", body);
    launch_all(&region, "together-1", 3);
    at_rest(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), [Invariant::DoubleLaunch]);
    launch_all(&region, "together-2", 2);
    let mut seen = Seen::default();
    at_rest(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), [Invariant::DoubleLaunch, Invariant::DoubleLaunch]);
}

#[rstest]
#[case::nothing_holds_it(json!({}), None, true)]
#[case::a_pod_is_in_peace(json!({"karpenter.sh/do-not-disrupt": "true"}), None, false)]
#[case::its_time_is_over(json!({"karpenter.sh/do-not-disrupt": "true"}), Some("2026-03-02T09:30:00Z"), true)]
fn a_node_that_may_not_be_drained_is_not_stuck(
    #[case] wish: Value,
    #[case] deadline: Option<&str>,
    #[case] stuck: bool,
) {
    let (_, region) = region();
    let mut seen = Seen::default();
    let annotations = match deadline {
        Some(deadline) => json!({"karpenter.sh/nodeclaim-termination-timestamp": deadline}),
        None => json!({}),
    };
    let mut leaving = claim("general-1", annotations, None);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-03-02T09:00:00Z");
    leaving["metadata"]["finalizers"] = json!(["karpenter.sh/termination"]);
    seen.put(Kind::NodeClaim, leaving);
    seen.put(Kind::Pod, pod("web-1", wish));
    at_rest(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found().contains(&Invariant::Stuck), stuck);
}

#[test]
fn a_pod_that_waits_though_it_could_run_is_noticed_at_the_end_and_meanwhile() {
    let (_, region) = region();
    let mut seen = Seen::default();
    let mut ready = pool("1", Value::Null);
    ready["status"] = json!({"conditions": [{
        "type": "Ready", "status": "True", "reason": "Ready", "message": "",
        "lastTransitionTime": "2026-03-02T09:00:00Z", "observedGeneration": 1,
    }]});
    seen.put(Kind::NodePool, ready);
    seen.put(
        Kind::EC2NodeClass,
        json!({
            "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
            "spec": {
                "role": "nodes", "amiSelectorTerms": [{"alias": "al2023@latest"}],
                "subnetSelectorTerms": [{"tags": {"a": "b"}}], "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
            },
        }),
    );
    let waiting = |name: &str, cpu: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-03-02T09:30:00Z"},
            "spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": cpu}}}]},
            "status": {"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            }]},
        })
    };
    seen.put(Kind::Pod, waiting("hopeless", "10k"));
    placeable(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), []);
    seen.put(Kind::Pod, waiting("web-1", "1"));
    let look = |seen: &mut Seen, calm, seconds| {
        let at = now() + Duration::from_secs(seconds);
        placeable_meanwhile(&mut seen.checks, &seen.state, &region, calm, at);
        seen.found().len()
    };
    assert_eq!(look(&mut seen, true, 0), 0, "it may be helped any moment");
    assert_eq!(look(&mut seen, false, 300), 0, "the controllers were not well");
    assert_eq!(look(&mut seen, true, 600), 0);
    assert_eq!(look(&mut seen, true, 900), 1);
    placeable(&mut seen.checks, &seen.state, &region, now());
    assert_eq!(seen.found(), [Invariant::Placeable, Invariant::Placeable]);
}
