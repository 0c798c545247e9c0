//! Disruption on a stage, in virtual time: claims and nodes are made by hand, computations are done at once.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_reconcile::{Key, Kind};

use super::Disrupting;
use crate::journal::JournalQuery;
use crate::knowledge::Knowledge;
use crate::stage::Stage;
use crate::test_world;

struct Scene {
    stage: Stage,
    knowledge: Arc<Knowledge>,
    pods: usize,
}

impl Scene {
    /// A cluster with NodePool `web` under these budgets, in which nodes are quiet after 30 s.
    fn new(budgets: Value) -> Scene {
        let knowledge = test_world::knowledge();
        let mut stage = Stage::new(vec![Box::new(Disrupting::new(Arc::clone(&knowledge), 1))]);
        stage.toy.create(Kind::EC2NodeClass, test_world::node_class());
        let mut scene = Scene { stage, knowledge, pods: 0 };
        scene.pool("web", budgets);
        scene
    }

    fn pool(&mut self, name: &str, budgets: Value) {
        let mut pool = test_world::node_pool(name);
        pool["spec"]["disruption"] = json!({"consolidateAfter": "30s", "budgets": budgets});
        let terms = pool["spec"]["template"]["spec"]["requirements"].as_array_mut().unwrap();
        terms.retain(|term| term["key"] != "karpenter.sh/capacity-type");
        terms.push(json!({"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]}));
        self.stage.toy.create(Kind::NodePool, pool);
    }

    /// An initialised node of a pool, quiet since long ago, with pods of so many millicores.
    fn node(&mut self, name: &str, pool: &str, instance_type: &str, pods: &[u32]) {
        let sizes = json!({
            "m6i.large": ["1930m", "6Gi"], "m6i.xlarge": ["3920m", "14Gi"], "m6i.2xlarge": ["7910m", "29Gi"],
            "m6i.4xlarge": ["15890m", "58Gi"],
        });
        let size = &sizes[instance_type];
        let labels = json!({
            "karpenter.sh/nodepool": pool, "karpenter.sh/registered": "true", "karpenter.sh/initialized": "true",
            "karpenter.sh/capacity-type": "on-demand", "topology.kubernetes.io/zone": "us-east-1a",
            "topology.kubernetes.io/region": "us-east-1", "node.kubernetes.io/instance-type": instance_type,
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
            "karpenter.k8s.aws/instance-category": "m", "karpenter.k8s.aws/instance-generation": "6",
            "workload-type": "general",
        });
        let provider = format!("aws:///us-east-1a/i-{name}");
        let long_ago = "2026-03-02T08:00:00Z";
        let condition = |type_: &str| json!({"type": type_, "status": "True", "reason": type_, "lastTransitionTime": long_ago});
        let room = json!({"cpu": size[0], "memory": size[1], "pods": "58"});
        self.stage.toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {"name": format!("{pool}-{name}"), "labels": labels},
                "spec": {
                    "requirements": [],
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                },
                "status": {
                    "providerID": provider, "nodeName": name,
                    "conditions": [condition("Launched"), condition("Registered"), condition("Initialized"), condition("Ready")],
                },
            }),
        );
        self.stage.toy.create(
            Kind::Node,
            json!({
                "metadata": {"name": name, "labels": labels},
                "spec": {"providerID": provider},
                "status": {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]},
            }),
        );
        for millicores in pods {
            self.pod(name, *millicores, json!({}));
        }
    }

    fn pod(&mut self, node: &str, millicores: u32, annotations: Value) -> String {
        self.pods += 1;
        let name = format!("web-{}", self.pods);
        self.stage.toy.create(
            Kind::Pod,
            json!({
                "metadata": {
                    "name": name, "namespace": "shop", "labels": {"app": "web"}, "annotations": annotations,
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": true}],
                },
                "spec": {"nodeName": node, "containers": [{
                    "name": "c", "resources": {"requests": {"cpu": format!("{millicores}m"), "memory": "256Mi"}},
                }]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            }),
        );
        name
    }

    fn run(&mut self, seconds: u64) {
        self.stage.run(Duration::from_secs(seconds));
    }

    fn claims(&self) -> Vec<String> {
        self.stage.toy.state.node_claims.iter().map(|(key, _)| key.name.clone()).collect()
    }

    fn has(&self, node: &str) -> bool {
        self.claims().iter().any(|claim| claim.ends_with(node))
    }

    fn is_tainted(&self, node: &str) -> bool {
        let node = self.stage.get(Kind::Node, node);
        node["spec"]["taints"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["key"] == "karpenter.sh/disrupted"))
    }

    /// Nodes whose claim is gone end, too, with their pods.
    fn bury(&mut self) {
        let names: Vec<String> = self.stage.toy.state.nodes.iter().map(|(key, _)| key.name.clone()).collect();
        for name in names {
            if self.has(&name) {
                continue;
            }
            let pods: Vec<Key> = self.stage.toy.state.pods_on(&name).map(|(key, _)| key.clone()).collect();
            for key in pods {
                self.stage.toy.patch(Kind::Pod, &key, json!({"spec": {"terminationGracePeriodSeconds": 0}}));
                self.stage.toy.delete(Kind::Pod, &key);
            }
            self.stage.toy.delete(Kind::Node, &Key::cluster(&name));
        }
    }

    /// The claims that the part has made.
    fn made(&self) -> Vec<String> {
        let all = self.stage.toy.state.node_claims.values();
        let made = all.filter(|claim| claim.metadata.finalizers.is_some());
        made.map(|claim| claim.metadata.name.clone().unwrap()).collect()
    }

    fn initialize(&mut self, claim: &str) {
        let mut status = self.stage.get(Kind::NodeClaim, claim)["status"].clone();
        status["conditions"] = json!([{"type": "Initialized", "status": "True", "lastTransitionTime": self.stage.toy.now.to_string()}]);
        let body = json!({"status": status});
        let action =
            supercargo_reconcile::Action::patch(Kind::NodeClaim, Key::cluster(claim), Some("status"), body);
        self.stage.toy.apply(&action);
    }

    /// A claim is found to have drifted.
    fn drift(&mut self, claim: &str) {
        let claim = Key::cluster(claim);
        let mut status = self.stage.get(Kind::NodeClaim, &claim.name)["status"].clone();
        status["conditions"].as_array_mut().unwrap().push(json!({
            "type": "Drifted", "status": "True", "reason": "AMIDrift", "lastTransitionTime": "2026-03-02T08:30:00Z",
        }));
        let body = json!({"status": status});
        let action = supercargo_reconcile::Action::patch(Kind::NodeClaim, claim, Some("status"), body);
        self.stage.toy.apply(&action);
    }

    /// How often the whole cluster was looked at.
    fn looks(&self) -> String {
        let text = self.knowledge.metrics.text();
        let name = "karpenter_voluntary_disruption_decision_evaluation_duration_seconds_count";
        text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    }

    fn journal(&self) -> Vec<String> {
        let all = self.knowledge.journal.query(&JournalQuery::default());
        all.iter().map(|entry| entry.decision.clone()).collect()
    }
}

fn all_at_once() -> Value {
    json!([{"nodes": "100%"}])
}

#[test]
fn an_empty_node_goes_after_a_second_look_section_4_5() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.large", &[]);
    scene.run(24);
    assert!(scene.has("a") && !scene.is_tainted("a"), "nothing happens before the second look");
    scene.run(4);
    assert!(!scene.has("a"));
    assert_eq!(scene.stage.toy.said("a", "DisruptionTerminating"), ["Disrupting node: Empty/Delete"]);
    assert_eq!(scene.journal(), ["Empty: m6i.large (a) goes", "done: m6i.large (a) goes"]);
}

#[test]
fn a_pod_that_comes_meanwhile_saves_its_node_and_the_others_go_section_4_14() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.large", &[]);
    scene.node("b", "web", "m6i.large", &[]);
    scene.run(15);
    scene.pod("a", 1_900, json!({}));
    scene.run(15);
    assert!(scene.has("a") && !scene.has("b"));
}

#[rstest]
#[case::a_number("1", 1)]
#[case::a_percentage_rounds_up("15%", 2)]
#[case::all("100%", 10)]
#[case::none("0", 0)]
fn budgets_limit_how_many_go_at_once_section_4_4(#[case] nodes: &str, #[case] expected: usize) {
    let mut scene = Scene::new(json!([{"nodes": nodes}]));
    for index in 0..10 {
        scene.node(&format!("n{index}"), "web", "m6i.large", &[]);
    }
    // claims go at once on this stage, but their nodes stay until somebody buries them
    scene.run(60);
    assert_eq!(10 - scene.claims().len(), expected);
}

#[test]
fn a_closed_budget_is_told_to_the_node_pool() {
    let mut scene = Scene::new(json!([{"nodes": "0"}]));
    scene.node("a", "web", "m6i.large", &[]);
    scene.run(30);
    assert!(scene.has("a"));
    let said = scene.stage.toy.said("web", "DisruptionBlocked");
    assert_eq!(said.len(), 3, "once a reason: {said:?}");
}

#[test]
fn pods_that_fit_elsewhere_give_their_node_up() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.xlarge", &[500, 500]);
    scene.node("b", "web", "m6i.xlarge", &[1_000, 1_000]);
    scene.run(40);
    assert_eq!(scene.claims().len(), 1);
    assert!(scene.made().is_empty());
}

#[test]
fn a_replacement_is_there_before_its_node_goes() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.4xlarge", &[1_000]);
    scene.run(30);
    let made = scene.made();
    assert_eq!(made.len(), 1);
    assert!(scene.is_tainted("a") && scene.has("a"));
    assert_eq!(scene.stage.condition(Kind::NodeClaim, "web-a", "DisruptionReason"), "True/Underutilized");
    assert_eq!(scene.knowledge.assignments().to(&made[0]).count(), 1);
    scene.run(60);
    assert!(scene.has("a"));
    scene.initialize(&made[0]);
    scene.run(2);
    assert!(!scene.claims().contains(&"web-a".to_owned()));
    assert_eq!(
        scene.stage.toy.said("a", "DisruptionTerminating"),
        ["Disrupting node: Underutilized/Replace"]
    );
}

#[test]
fn a_replacement_that_vanishes_is_remembered_and_everything_taken_back_section_4_15() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.4xlarge", &[1_000]);
    scene.run(30);
    let made = scene.made();
    scene.stage.toy.patch(
        Kind::NodeClaim,
        &Key::cluster(&made[0]),
        json!({"metadata": {"finalizers": null}}),
    );
    scene.stage.toy.delete(Kind::NodeClaim, &Key::cluster(&made[0]));
    scene.run(5);
    assert!(scene.has("a") && !scene.is_tainted("a"));
    assert_eq!(scene.stage.condition(Kind::NodeClaim, "web-a", "DisruptionReason"), "");
    assert!(scene.made().is_empty());
    scene.run(50);
    assert!(scene.made().is_empty(), "it is left in peace for a minute");
    scene.run(60);
    assert_eq!(scene.made().len(), 1, "{:#?}", scene.journal());
}

#[test]
fn new_nodes_that_never_come_are_not_waited_for_longer_than_ten_minutes_section_4_15() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.4xlarge", &[1_000]);
    scene.run(30);
    assert!(scene.is_tainted("a"));
    scene.run(610);
    let journal = scene.journal();
    assert!(journal.iter().any(|line| line.starts_with("taken back:")), "{journal:#?}");
}

#[test]
fn drift_goes_on_at_once_and_does_not_starve_consolidation_section_4_1() {
    let mut scene = Scene::new(json!([{"nodes": "2"}]));
    for index in 0..6 {
        scene.node(&format!("old{index}"), "web", "m6i.large", &[]);
        // only a new node suits its pod
        let pod = scene.pod(&format!("old{index}"), 1_000, json!({}));
        let wish = json!({"spec": {"nodeSelector": {"karpenter.k8s.aws/instance-category": "c"}}});
        scene.stage.toy.patch(Kind::Pod, &Key::new("shop", pod), wish);
        scene.drift(&format!("web-old{index}"));
    }
    scene.node("idle1", "web", "m6i.large", &[]);
    scene.node("idle2", "web", "m6i.large", &[]);
    let mut replaced = 0;
    for _ in 0..30 {
        scene.run(10);
        for claim in scene.made() {
            if scene.stage.condition(Kind::NodeClaim, &claim, "Initialized").is_empty() {
                scene.initialize(&claim);
                replaced += 1;
            }
        }
        scene.bury();
        let old = scene.claims().iter().filter(|claim| claim.contains("old")).count();
        assert!(old > 0 || (!scene.has("idle1") && !scene.has("idle2")), "empty nodes wait for all drift");
    }
    assert!(!scene.has("idle1") && !scene.has("idle2"), "{:#?}", scene.journal());
    assert!(replaced > 0);
    assert_eq!(
        scene.claims().iter().filter(|claim| claim.contains("old")).count(),
        0,
        "{:#?}",
        scene.journal()
    );
}

#[test]
fn limits_hold_while_old_and_new_nodes_are_there_section_2_11() {
    let mut scene = Scene::new(all_at_once());
    let limits = json!({"spec": {"limits": {"cpu": "50"}}});
    scene.stage.toy.patch(Kind::NodePool, &Key::cluster("web"), limits);
    for name in ["a", "b"] {
        scene.node(name, "web", "m6i.4xlarge", &[14_000]);
        let kept = json!({"status": {"capacity": {"cpu": "16", "memory": "64Gi", "pods": "58"}}});
        scene.stage.toy.patch(Kind::Node, &Key::cluster(name), kept);
        scene.drift(&format!("web-{name}"));
    }
    scene.run(60);
    assert_eq!(scene.made().len(), 1, "32 cores are there, 16 may come, not 32: {:?}", scene.journal());
}

#[test]
fn a_new_claim_says_what_it_replaces() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.4xlarge", &[1_000]);
    scene.run(30);
    let made = scene.stage.get(Kind::NodeClaim, &scene.made()[0]);
    assert_eq!(made["metadata"]["annotations"]["supercargo.dev/replaces"], "web-a");
}

#[test]
fn marks_that_no_command_has_made_are_taken_away_section_4_1() {
    let mut scene = Scene::new(json!([{"nodes": "0"}]));
    scene.node("a", "web", "m6i.large", &[1_000]);
    scene.stage.toy.patch(
        Kind::Node,
        &Key::cluster("a"),
        json!({"spec": {"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}}),
    );
    scene.run(2);
    assert!(!scene.is_tainted("a"));
}

#[rstest]
#[case::a_protected_pod(json!({"karpenter.sh/do-not-disrupt": "true"}), false)]
#[case::one_whose_time_is_over(json!({"karpenter.sh/do-not-disrupt": "1s"}), true)]
fn a_protected_pod_protects_its_node(#[case] annotations: Value, #[case] goes: bool) {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.4xlarge", &[]);
    let pod = scene.pod("a", 1_000, annotations);
    let body = json!({"status": {"phase": "Running", "startTime": "2026-03-02T08:00:00Z"}});
    scene.stage.toy.apply(&supercargo_reconcile::Action::patch(
        Kind::Pod,
        Key::new("shop", pod),
        Some("status"),
        body,
    ));
    scene.run(40);
    assert_eq!(scene.is_tainted("a"), goes);
}

#[test]
fn a_node_that_pods_are_on_their_way_to_stays() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.large", &[]);
    let until = scene.stage.toy.now + Duration::from_secs(120);
    scene.knowledge.nominated().insert("a".to_owned(), until);
    scene.run(110);
    assert!(scene.has("a"));
    scene.run(60);
    assert!(!scene.has("a"));
}

#[test]
fn pods_that_a_disruption_budget_protects_do_not_all_start_to_go() {
    let mut scene = Scene::new(all_at_once());
    for index in 0..4 {
        scene.node(&format!("n{index}"), "web", "m6i.4xlarge", &[1_000]);
    }
    scene.stage.toy.create(
        Kind::PodDisruptionBudget,
        json!({
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 1, "currentHealthy": 4, "desiredHealthy": 3, "expectedPods": 4, "observedGeneration": 1},
        }),
    );
    scene.run(60);
    let tainted = (0..4).filter(|index| scene.is_tainted(&format!("n{index}"))).count();
    let gone = 4 - scene.claims().iter().filter(|claim| !scene.made().contains(claim)).count();
    assert_eq!(tainted.max(gone), 1);
}

#[test]
fn nothing_is_computed_while_nothing_changes() {
    let mut scene = Scene::new(all_at_once());
    scene.node("a", "web", "m6i.large", &[1_500]);
    scene.run(60);
    let looks = scene.looks();
    scene.run(200);
    assert_eq!(scene.looks(), looks);
}

#[rstest]
#[case::one_takes_the_place_of_another(json!(null), 1)]
#[case::its_limit_leaves_room(json!({"nodes": "3"}), 1)]
#[case::its_limit_leaves_none(json!({"nodes": "2"}), 0)]
fn a_drifted_node_of_a_static_pool_is_replaced_by_one_that_is_alike_section_2_15(
    #[case] limits: Value,
    #[case] expected: usize,
) {
    let mut scene = Scene::new(json!([{"nodes": "1"}]));
    let body = json!({"spec": {"replicas": 2, "limits": limits}});
    scene.stage.toy.patch(Kind::NodePool, &Key::cluster("web"), body);
    for name in ["a", "b"] {
        scene.node(name, "web", "m6i.large", &[1_500]);
        let mut status = scene.stage.get(Kind::NodeClaim, &format!("web-{name}"))["status"].clone();
        status["conditions"].as_array_mut().unwrap().push(json!({
            "type": "Drifted", "status": "True", "reason": "AMIDrift", "lastTransitionTime": "2026-03-02T08:30:00Z",
        }));
        let key = Key::cluster(format!("web-{name}"));
        let action = supercargo_reconcile::Action::patch(
            Kind::NodeClaim,
            key,
            Some("status"),
            json!({"status": status}),
        );
        scene.stage.toy.apply(&action);
    }
    scene.run(60);
    let made = scene.made();
    assert_eq!(made.len(), expected);
    assert!(scene.has("a") && scene.has("b"), "nobody goes before another has come");
    if let Some(made) = made.first() {
        let claim = scene.stage.get(Kind::NodeClaim, made);
        assert_eq!(claim["metadata"]["labels"]["karpenter.sh/nodepool"], "web");
        scene.initialize(made);
        scene.run(10);
        assert!(!scene.has("a") && scene.has("b"), "the budget is for one");
    }
}
